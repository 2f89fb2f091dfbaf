// What servers take, watched: app/limit_watch and app/memory_watch, with servers and walks that are made up.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "app/limit_watch.h"
#include "app/memory_watch.h"
#include "io/clock.h"

namespace {

using app::RunningServer;
using base::Resource;
using std::chrono::milliseconds;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr core::InstanceId one{1, 1};
constexpr core::InstanceId other{2, 1};

// Servers under a test's hand, and what a walk would see of each.
struct Servers {
  std::vector<RunningServer> running;
  std::map<core::InstanceId, io::Seen> taken;
  std::map<core::InstanceId, Resource> exceeded;

  app::ServersSeen seen() {
    return {
        .running = [this] { return running; },
        .question =
            [this](core::InstanceId id, io::Question::About about) {
              const io::Seen& seen = taken[id];
              return std::optional(io::Question{
                  .about = about, .mark = std::to_string(seen.memory) + ' ' + std::to_string(seen.threads)});
            }};
  }
};

// Runs on another thread, so the question says what is to be seen.
std::vector<io::Seen> walk(std::span<const io::Question> questions) {
  std::vector<io::Seen> all;
  for (const io::Question& question : questions) {
    io::Seen& seen = all.emplace_back();
    std::istringstream(question.mark) >> seen.memory >> seen.threads;
    if (question.about != io::Question::About::memory) seen.memory = 0;
  }
  return all;
}

bool turns_until(io::Loop& loop, const std::function<bool()>& done) {
  bool late = false;
  io::Timer too_late(loop, [&] { late = true; });
  too_late.set(io::now() + std::chrono::seconds(30));
  loop.run_until([&] { return done() || late; });
  return !late;
}

// A few milliseconds between looks, so that "nothing happens" can be seen after several of them.
struct Limits {
  explicit Limits(io::Controllers kernel = {})
      : watch({.loop = loop,
               .surveyor = surveyor,
               .kernel = kernel,
               .servers = servers.seen(),
               .exceeded = [this](core::InstanceId id) -> std::optional<Resource> {
                 const auto found = servers.exceeded.find(id);
                 return found == servers.exceeded.end() ? std::nullopt : std::optional(found->second);
               },
               .end =
                   [this](core::InstanceId id, const std::string& why) {
                     ended.emplace_back(id, why);
                     std::erase_if(servers.running,
                                   [&](const RunningServer& server) { return server.id == id; });
                   },
               .soonest = milliseconds(1),
               .latest = milliseconds(4)}) {}

  void run(RunningServer server, io::Seen seen) {
    servers.taken[server.id] = std::move(seen);
    watch.stir(server.limits);
    servers.running.push_back(std::move(server));
  }
  bool until_walks(std::uint64_t count) {
    return turns_until(loop, [&] { return surveyor.walks() >= count; });
  }

  io::Loop loop;
  Servers servers;
  io::Surveyor surveyor{loop, walk};
  std::vector<std::pair<core::InstanceId, std::string>> ended;
  app::LimitWatch watch;
};

io::Seen holding(std::uint64_t memory, std::size_t threads = 1) {
  return {.relatives = {}, .memory = memory, .threads = threads};
}

RunningServer with(core::InstanceId id, base::ResourceLimits limits) {
  return {.id = id, .limits = limits};
}

}  // namespace

TEST_CASE("limit watch: what is over its limit is ended with the reason, and nothing else") {
  Limits test;
  test.run(with(one, {.memory = 100 * mib, .cpu = {}, .processes = 20}), holding(100 * mib, 20));
  test.run(with(other, {.memory = 100 * mib, .cpu = {}, .processes = 20}), holding(50 * mib, 3));
  REQUIRE(test.until_walks(5));
  CHECK(test.ended.empty());
  SUBCASE("memory") {
    test.servers.taken[one] = holding(101 * mib, 20);
    REQUIRE(turns_until(test.loop, [&] { return !test.ended.empty(); }));
    CHECK(test.ended[0].second ==
          "was ended because it used more than its limit of 100 MiB of memory (raise memory in its limits in "
          "config.json if it needs more)");
  }
  SUBCASE("processes") {
    test.servers.taken[one] = holding(100 * mib, 21);
    REQUIRE(turns_until(test.loop, [&] { return !test.ended.empty(); }));
    CHECK(test.ended[0].second ==
          "was ended because it used more than its limit of 20 processes and threads (raise processes in its "
          "limits in config.json if it needs more)");
  }
  CHECK(test.ended[0].first == one);
  REQUIRE(test.until_walks(test.surveyor.walks() + 3));
  CHECK(test.ended.size() == 1);
}

TEST_CASE("limit watch: nothing is looked at where the kernel keeps the limit, or there is none") {
  Limits test({.memory = true, .cpu = true, .processes = true});
  test.run(with(one, {.memory = 100 * mib, .cpu = 1000, .processes = {}}), holding(200 * mib));
  test.run(with(other, {}), holding(200 * mib));
  bool passed = false;
  io::Timer later(test.loop, [&] { passed = true; });
  later.set(io::now() + milliseconds(20));
  REQUIRE(turns_until(test.loop, [&] { return passed; }));
  CHECK(test.surveyor.walks() == 0);
  CHECK(test.ended.empty());
}

TEST_CASE("limit watch: a server that has come to the kernel's limit of processes is ended, without a walk") {
  Limits test({.memory = true, .cpu = true, .processes = true});
  test.servers.exceeded[other] = Resource::processes;
  test.run(with(one, {.memory = {}, .cpu = {}, .processes = 20}), holding(0, 30));
  test.run(with(other, {.memory = {}, .cpu = {}, .processes = 20}), holding(0, 20));
  REQUIRE(turns_until(test.loop, [&] { return !test.ended.empty(); }));
  CHECK(test.ended.size() == 1);
  CHECK(test.ended[0].first == other);
  CHECK(test.surveyor.walks() == 0);
}

TEST_CASE(
    "limit watch: when the last server with a limit has gone, nothing is looked at until the next comes") {
  Limits test;
  test.run(with(one, {.memory = mib, .cpu = {}, .processes = {}}), holding(2 * mib));
  REQUIRE(turns_until(test.loop, [&] { return !test.ended.empty(); }));
  bool passed = false;
  io::Timer later(test.loop, [&] { passed = true; });
  later.set(io::now() + milliseconds(20));
  REQUIRE(turns_until(test.loop, [&] { return passed; }));
  CHECK(test.surveyor.walks() == 1);
  test.run(with(other, {.memory = mib, .cpu = {}, .processes = {}}), holding(2 * mib));
  REQUIRE(turns_until(test.loop, [&] { return test.ended.size() == 2; }));
}

TEST_CASE("limits that nothing keeps are said, with why and what to do") {
  const base::ResourceLimits all{.memory = mib, .cpu = 1500, .processes = 3};
  CHECK(app::limits_not_kept(all, {.memory = false, .cpu = true, .processes = false}, "x").empty());
  CHECK(app::limits_not_kept({.memory = mib, .cpu = {}, .processes = 3}, {}, "x").empty());
  CHECK(
      app::limits_not_kept(all, {}, "there is no control group") ==
      std::vector<std::string>{"its limit of 1.5 processors is not kept: there is no control group; a daemon "
                               "that 'hearth service install' sets up can keep it"});
}

namespace {

// A file of our own says what the kernel's would.
struct Memory {
  explicit Memory(const app::Budget& budget)
      : watch({.loop = loop,
               .surveyor = surveyor,
               .servers = servers.seen(),
               .tell = [this](broker::MemoryShort event) { told.push_back(std::move(event)); },
               .pressure_file = file,
               .beat = milliseconds(1),
               .settling = milliseconds(1),
               .respite = std::chrono::hours(1)},
              budget) {
    press("0.00");
  }
  ~Memory() { std::filesystem::remove(file); }

  void press(const std::string& share) const {
    std::ofstream(file) << "some avg10=" << share << " avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00\n";
  }
  void run(core::InstanceId id, std::uint64_t memory) {
    servers.taken[id] = holding(memory);
    servers.running.push_back(with(id, {}));
    watch.stir();
  }
  bool until_told(std::size_t count) {
    return turns_until(loop, [&] { return told.size() >= count; });
  }
  void pass() {
    bool passed = false;
    io::Timer later(loop, [&] { passed = true; });
    later.set(io::now() + milliseconds(20));
    CHECK(turns_until(loop, [&] { return passed; }));
  }

  std::string file = std::filesystem::temp_directory_path() / ("hearth-pressure." + std::to_string(getpid()));
  io::Loop loop;
  Servers servers;
  io::Surveyor surveyor{loop, walk};
  std::vector<broker::MemoryShort> told;
  app::MemoryWatch watch;
};

}  // namespace

TEST_CASE("memory watch: over the budget, with what each server holds; then nine tenths of it") {
  Memory test({.memory = 100 * mib, .pressure = true});
  test.run(one, 60 * mib);
  test.run(other, 40 * mib);
  test.pass();
  CHECK(test.surveyor.walks() > 0);
  CHECK(test.told.empty());
  test.servers.taken[other] = holding(41 * mib);
  REQUIRE(test.until_told(1));
  CHECK(test.told[0].used == 101 * mib);
  CHECK(test.told[0].budget == 100 * mib);
  REQUIRE(test.told[0].holdings.size() == 2);
  CHECK(test.told[0].holdings[1].bytes == 41 * mib);
  test.servers.taken[other] = holding(31 * mib);
  const std::size_t before = test.told.size();
  REQUIRE(test.until_told(before + 1));
  test.servers.taken[other] = holding(30 * mib);
  test.pass();
  test.told.clear();
  test.servers.taken[other] = holding(40 * mib);
  test.pass();
  CHECK(test.told.empty());
}

TEST_CASE("memory watch: while a server is being stopped nothing is said") {
  Memory test({.memory = 100 * mib, .pressure = true});
  test.servers.running.push_back({.id = other, .limits = {}, .works = false, .stopping = true});
  test.run(one, 200 * mib);
  test.pass();
  CHECK(test.told.empty());
  test.servers.running.erase(test.servers.running.begin());
  CHECK(test.until_told(1));
}

TEST_CASE("memory watch: pressure of the machine, once in a while, unless it is not to be heeded") {
  Memory test({.memory = {}, .pressure = true});
  test.run(one, 200 * mib);
  test.press("9.90");
  test.pass();
  CHECK(test.told.empty());
  CHECK(test.surveyor.walks() == 0);
  test.press("10.00");
  REQUIRE(test.until_told(1));
  CHECK(test.told[0].budget == 0);
  CHECK(test.told[0].used == 200 * mib);
  test.pass();
  CHECK(test.told.size() == 1);

  Memory deaf({.memory = {}, .pressure = false});
  deaf.press("99.00");
  deaf.run(one, 200 * mib);
  deaf.pass();
  CHECK(deaf.told.empty());
}
