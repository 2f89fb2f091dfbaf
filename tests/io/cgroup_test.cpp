// Limits of control groups, over a planted tree of plain files: what is written where, and what is read from
// what the kernel counts. That the kernel obeys is its own affair.
#include "io/cgroup.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "support.h"

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

void plant(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
}

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A group of a daemon's own that it may divide, with the group of its servers in it.
struct Tree {
  Tree(const std::string& offered, const std::string& processes) {
    plant(above + "/cgroup.type", "domain\n");
    plant(above + "/cgroup.controllers", offered);
    plant(above + "/cgroup.subtree_control", "");
    plant(above + "/cgroup.procs", processes);
    // The kernel would make it.
    plant(above + "/hearthd/cgroup.procs", "");
    plant(below + "/cgroup.controllers", "");
    plant(below + "/cgroup.subtree_control", "");
  }
  // What the kernel would show below once it is switched on above.
  void offer(const std::string& controllers) const { plant(below + "/cgroup.controllers", controllers); }

  test::TempDir directory;
  std::string above = directory / "unit.service";
  std::string below = above + "/hearth-1";
};

TEST_CASE("control groups: a daemon alone in its group makes way and divides it") {
  const Tree tree("cpuset cpu io memory pids\n", std::to_string(getpid()) + "\n");
  std::string why_not;
  // The first time nothing is shown below yet; what was switched on above is what matters.
  CHECK(io::enable_controllers(tree.above, tree.below, why_not) == io::Controllers{});
  CHECK(content(tree.above + "/cgroup.subtree_control") == "+memory +cpu +pids ");
  CHECK(content(tree.above + "/hearthd/cgroup.procs") == std::to_string(getpid()));
  CHECK(why_not == "the daemon's control group lacks controllers (memory, cpu, pids)");
  tree.offer("cpu memory pids\n");
  CHECK(io::enable_controllers(tree.above, tree.below, why_not) ==
        io::Controllers{.memory = true, .cpu = true, .processes = true});
  CHECK(content(tree.below + "/cgroup.subtree_control") == "+memory +cpu +pids ");
  CHECK(why_not.empty());
}

TEST_CASE("control groups: what is not offered is missing, and the rest works") {
  const Tree tree("memory pids\n", "");
  tree.offer("memory pids\n");
  std::string why_not;
  CHECK(io::enable_controllers(tree.above, tree.below, why_not) ==
        io::Controllers{.memory = true, .cpu = false, .processes = true});
  CHECK(why_not == "the daemon's control group lacks controllers (cpu)");
  CHECK(content(tree.above + "/cgroup.subtree_control").empty());  // It was so already.
}

TEST_CASE("control groups: a stranger in the daemon's group is not moved") {
  const Tree tree("cpu memory pids\n", std::to_string(getpid()) + "\n" + std::to_string(getppid()) + "\n");
  std::string why_not;
  CHECK(io::enable_controllers(tree.above, tree.below, why_not) == io::Controllers{});
  CHECK(content(tree.above + "/cgroup.subtree_control").empty());
  CHECK(content(tree.above + "/hearthd/cgroup.procs").empty());
  CHECK(why_not == "other processes are in the daemon's own control group");
}

TEST_CASE("control groups: the machine's own root is not changed") {
  const Tree tree("cpu memory pids\n", std::to_string(getpid()) + "\n");
  fs::remove(tree.above + "/cgroup.type");
  std::string why_not;
  CHECK(io::enable_controllers(tree.above, tree.below, why_not) == io::Controllers{});
  CHECK(content(tree.above + "/cgroup.subtree_control").empty());
  CHECK(content(tree.above + "/hearthd/cgroup.procs").empty());
}

// One with its files, as the kernel would make it.
struct Group {
  void say(const char* file, const std::string& text) const { plant(path + "/" + file, text); }
  std::string said(const char* file) const { return content(path + "/" + file); }

  test::TempDir directory;
  std::string path = directory / "hearth-1/7";
  io::Cgroup group = planted();

 private:
  io::Cgroup planted() const {
    const std::string root = directory / "hearth-1";
    plant(root + "/cgroup.procs", "");
    for (const char* file : {"cgroup.procs", "memory.max", "memory.swap.max", "memory.oom.group", "cpu.max",
                             "pids.max", "memory.events", "pids.events"})
      say(file, "");
    return io::CgroupRoot::find("1", root)->find_group(7).value();
  }
};

TEST_CASE("control groups: limits become the kernel's") {
  const Group one;
  one.group.limit({.memory = gib, .cpu = 1500, .processes = 200});
  CHECK(one.said("memory.max") == "1073741824");
  CHECK(one.said("memory.swap.max") == "0");
  CHECK(one.said("memory.oom.group") == "1");
  CHECK(one.said("cpu.max") == "150000 100000");
  CHECK(one.said("pids.max") == "200");
  const Group other;
  other.group.limit({.memory = {}, .cpu = 5, .processes = {}});
  CHECK(other.said("memory.max").empty());
  CHECK(other.said("memory.swap.max").empty());
  CHECK(other.said("cpu.max") == "1000 100000");
  CHECK(other.said("pids.max").empty());
}

TEST_CASE("control groups: which limit a server has run into, and what is none of its own") {
  const Group one;
  CHECK_FALSE(one.group.exceeded());
  CHECK(one.group.killed_for().empty());

  SUBCASE("its memory") {
    one.say("memory.max", "1073741824\n");
    one.say("memory.events", "low 0\nhigh 0\nmax 12\noom 0\noom_kill 0\n");
    CHECK_FALSE(one.group.exceeded());
    one.say("memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\n");
    CHECK(one.group.exceeded() == base::Resource::memory);
    CHECK(one.group.killed_for() ==
          "was ended because it used more than its limit of 1 GiB of memory (raise memory in its limits in "
          "config.json if it needs more)");
  }
  SUBCASE("the machine's memory") {
    one.say("memory.max", "1073741824\n");
    one.say("memory.events", "max 0\noom 0\noom_kill 1\n");
    CHECK_FALSE(one.group.exceeded());
    CHECK(one.group.killed_for() == "was ended by the kernel, because the machine was out of memory");
  }
  SUBCASE("its processes") {
    one.say("pids.max", "20\n");
    one.say("pids.events", "max 0\n");
    CHECK_FALSE(one.group.exceeded());
    one.say("pids.events", "max 4\n");
    CHECK(one.group.exceeded() == base::Resource::processes);
    CHECK(one.group.killed_for().empty());
    one.say("pids.peak", "20\n");
    CHECK(one.group.exceeded() == base::Resource::processes);
    one.say("pids.peak", "11\n");  // The limit of a group above.
    CHECK_FALSE(one.group.exceeded());
  }
  SUBCASE("somebody's processes") {
    one.say("pids.max", "max\n");
    one.say("pids.events", "max 4\n");
    CHECK_FALSE(one.group.exceeded());
  }
}

}  // namespace
