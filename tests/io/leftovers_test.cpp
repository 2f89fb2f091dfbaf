#include "io/leftovers.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "io/cgroup.h"
#include "io/files.h"
#include "io/mark.h"
#include "io/process_table.h"
#include "support.h"

using test::TempDir;
using test::Witness;

namespace {

// A daemon in a process of its own, with a server and the server's tree of processes.
struct Daemon {
  test::Helper process;
  std::string id;
  std::vector<pid_t> pids;
  std::vector<Witness> witnesses;
  Witness self;

  Daemon(const std::string& records, const std::string& mode)
      : process(test::start_helper({"daemon", records, mode})),
        id(test::read_line(process.output.get())),
        pids(test::numbers_in(test::read_line(process.output.get()))),
        self(process.pid) {
    for (const pid_t pid : pids) witnesses.emplace_back(pid);
    REQUIRE(pids.size() >= 4);
  }
  void kill_it() const {
    REQUIRE(kill(process.pid, SIGKILL) == 0);
    waitpid(process.pid, nullptr, 0);
  }
};

bool is_empty(const std::string& directory) {
  return std::filesystem::is_empty(directory);
}

}  // namespace

TEST_CASE("the guard leaves nothing of a daemon that was killed") {
  const TempDir dir;
  const Daemon daemon(dir.path(), "guarded");
  const auto group = io::CgroupRoot::find(daemon.id, io::CgroupRoot::path_for(daemon.id));
  for (const Witness& witness : daemon.witnesses) CHECK(witness.alive());
  // What ends sessions does not end the guard.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) REQUIRE(kill(daemon.pids.front(), signal) == 0);
  CHECK(io::process_of(daemon.pids.front())->session == daemon.pids.front());
  CHECK(std::distance(
            std::filesystem::directory_iterator("/proc/" + std::to_string(daemon.pids.front()) + "/fd"),
            std::filesystem::directory_iterator()) == 5);
  daemon.kill_it();
  for (const Witness& witness : daemon.witnesses) CHECK(witness.died());
  CHECK(is_empty(dir.path()));
  if (group) CHECK_FALSE(std::filesystem::exists(group->path()));
}

TEST_CASE("a daemon that says goodbye leaves a guard that just goes") {
  const TempDir dir;
  Daemon daemon(dir.path(), "goodbye");
  daemon.process.input.reset();
  int status = 0;
  REQUIRE(waitpid(daemon.process.pid, &status, 0) == daemon.process.pid);
  CHECK(status == 0);
  for (const Witness& witness : daemon.witnesses) CHECK(witness.died());
  CHECK(is_empty(dir.path()));
}

TEST_CASE("without a guard, the next daemon reaps what a dead one left") {
  const TempDir dir;
  const Daemon daemon(dir.path(), "unguarded");
  const Daemon other(dir.path(), "unguarded");
  daemon.kill_it();
  const io::Swept swept = io::sweep_leftovers(dir.path());
  CHECK(swept.daemons == 1);
  CHECK(swept.processes >= 1);
  for (const Witness& witness : daemon.witnesses) CHECK(witness.died());
  CHECK_FALSE(std::filesystem::exists(io::CgroupRoot::path_for(daemon.id)));
  // The other one lives, and so does all of its.
  CHECK(other.self.alive());
  for (const Witness& witness : other.witnesses) CHECK(witness.alive());
  other.kill_it();
  CHECK(io::sweep_leftovers(dir.path()).daemons == 1);
  for (const Witness& witness : other.witnesses) CHECK(witness.died());
  CHECK(io::sweep_leftovers(dir.path()).daemons == 0);
}

TEST_CASE("a record names a daemon by more than its pid") {
  const TempDir dir;
  const std::string id = io::make_daemon_id();
  const auto us = io::process_of(getpid());
  REQUIRE(us);
  const auto record = [&](std::uint64_t started, const std::string& boot) {
    const std::string text = std::to_string(us->pid) + ' ' + std::to_string(started) + ' ' + boot + " \n";
    REQUIRE(io::write_small_file(dir / id, text));
    return io::sweep_leftovers(dir.path()).daemons;
  };
  CHECK(record(us->started, io::boot_id()) == 0);
  CHECK(record(us->started + 1, io::boot_id()) == 1);
  CHECK(record(us->started, "another-boot") == 1);
  CHECK(is_empty(dir.path()));
}
