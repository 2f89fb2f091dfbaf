#include "io/guard.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "io/children.h"
#include "io/clock.h"
#include "io/process_table.h"
#include "support.h"

using test::Guarded;
using test::run_until;
using test::Witness;

namespace {

// Children that a guard forks, each an echo.
struct Nursery {
  struct Member {
    std::unique_ptr<io::Child> child;
    std::vector<std::string> told;
    bool has(std::string_view what) const { return std::ranges::find(told, what) != told.end(); }
  };

  Nursery()
      : children(io::Children::make(loop, {.daemon_id = guarded.record.id(),
                                           .guard = &guarded.guard,
                                           .grace = std::chrono::hours(1)})
                     .value()) {
    loop.at_end_of_turn([this] {
      for (const auto& member : members) {
        if (member->child && member->child->input() != nullptr) member->child->input()->flush();
      }
    });
  }
  ~Nursery() {
    loop.at_end_of_turn([] {});
    members.clear();
  }
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;

  Member& add(std::vector<std::string> args) {
    Member& member = *members.emplace_back(std::make_unique<Member>());
    const auto tell = [&member](std::string what) { member.told.push_back(std::move(what)); };
    member.child =
        children->spawn({.name = "files",
                         .program = test::helper,
                         .args = std::move(args),
                         .directory = "/tmp",
                         .environment = test::own_environment()},
                        {.on_started = [tell](pid_t) { tell("started"); },
                         .on_start_failed =
                             [this, tell, &member](const base::Error& why) {
                               loop.retire(std::move(member.child));
                               tell("failed: " + why.what);
                             },
                         .on_line = [tell](proto::Line&& line) { tell(std::string(line.bytes.text)); },
                         .on_gone =
                             [this, tell, &member](const io::Gone& how) {
                               loop.retire(std::move(member.child));
                               tell("gone: " + how.how);
                             }});
    return member;
  }
  Member& start(std::vector<std::string> args = {"echo"}) {
    Member& member = add(std::move(args));
    REQUIRE(until([&] { return member.has("started"); }));
    return member;
  }
  void check_serves(Member& member) {
    member.child->input()->queue(proto::Message(std::string("served")));
    REQUIRE(until([&] { return member.has("served") || !member.child; }));
    CHECK(member.told.back() == "served");
  }
  // Enough of them for all that was spawned to be ordered.
  void take_turns() {
    int left = static_cast<int>(members.size()) + 2;
    io::Timer next(loop, [&] {
      --left;
      next.set(io::now());
    });
    next.set(io::now());
    REQUIRE(until([&] { return left <= 0; }));
  }
  // Once it has said something it has begun.
  void suspend_guard() {
    start();
    REQUIRE(kill(guarded.guard.pid(), SIGSTOP) == 0);
  }
  bool until(const std::function<bool()>& done) { return run_until(loop, done); }

  Guarded guarded;
  io::Loop loop;
  std::unique_ptr<io::Children> children;
  std::vector<std::unique_ptr<Member>> members;
};

pid_t parent_of(const Nursery::Member& member) {
  return io::process_of(member.child->pid())->parent;
}

const std::string lost = "gone: was ended, because Hearth's guard process has died";

}  // namespace

TEST_CASE("the guard is the parent of what is started, and tells how it ends") {
  Nursery nursery;
  Nursery::Member& member = nursery.start();
  CHECK(parent_of(member) == nursery.guarded.guard.pid());
  nursery.check_serves(member);
  REQUIRE(kill(member.child->pid(), SIGKILL) == 0);
  REQUIRE(nursery.until([&] { return member.has("gone: was killed by SIGKILL"); }));
}

TEST_CASE("when the guard dies its children end, with all that they had started, and another guard goes on") {
  Nursery nursery;
  Nursery::Member& member = nursery.start({"tree", "setsid"});
  REQUIRE(nursery.until([&] { return member.told.size() == 2; }));
  std::vector<Witness> witnesses;
  for (const pid_t pid : test::numbers_in(member.told.back())) witnesses.emplace_back(pid);
  const pid_t before = nursery.guarded.guard.pid();
  REQUIRE(kill(before, SIGKILL) == 0);
  REQUIRE(nursery.until([&] { return member.has(lost); }));
  for (const Witness& witness : witnesses) CHECK_FALSE(witness.alive());
  Nursery::Member& next = nursery.start();
  CHECK(nursery.guarded.guard.pid() != before);
  CHECK(parent_of(next) == nursery.guarded.guard.pid());
  nursery.check_serves(next);
}

TEST_CASE("what a guard has not told of when it dies is started by the next one") {
  Nursery nursery;
  nursery.suspend_guard();
  const pid_t before = nursery.guarded.guard.pid();
  Nursery::Member& member = nursery.add({"echo"});
  nursery.take_turns();
  CHECK(member.child->pid() == 0);
  REQUIRE(kill(before, SIGKILL) == 0);
  REQUIRE(nursery.until([&] { return member.has("started"); }));
  nursery.check_serves(member);
}

TEST_CASE("a guard that does not read holds up nobody, and does all of it when it goes on") {
  Nursery nursery;
  nursery.suspend_guard();
  constexpr int many = 40;
  for (int i = 0; i < many; ++i) nursery.add({"echo"});
  nursery.take_turns();
  // More than the connection takes; there is no such child.
  while (!nursery.guarded.guard.holds_back()) nursery.guarded.guard.kill(1000, 0);
  CHECK_FALSE(nursery.children->unsettled().empty());
  REQUIRE(kill(nursery.guarded.guard.pid(), SIGCONT) == 0);
  REQUIRE(nursery.until([&] {
    return std::ranges::all_of(nursery.members, [](const auto& each) { return each->has("started"); });
  }));
  REQUIRE(nursery.until([&] { return nursery.children->unsettled().empty(); }));
}

TEST_CASE("a child that is let go before the guard has told of it leaves nothing") {
  Nursery nursery;
  nursery.suspend_guard();
  Nursery::Member& first = *nursery.members.front();
  const pid_t guard = nursery.guarded.guard.pid();
  Nursery::Member& member = nursery.add({"echo"});
  nursery.take_turns();
  member.child.reset();
  REQUIRE(kill(guard, SIGCONT) == 0);
  // What comes later is told later.
  nursery.start();
  REQUIRE(nursery.until([&] { return io::children_of(guard).size() == 2; }));
  CHECK(member.told.empty());
  nursery.check_serves(first);
}

TEST_CASE("an environment of a megabyte comes to the program, where no file may be written") {
  Nursery nursery;
  Nursery::Member& member = *nursery.members.emplace_back(std::make_unique<Nursery::Member>());
  auto environment = test::own_environment();
  for (int i = 0; i < 10; ++i) environment["HEARTH_LONG_" + std::to_string(i)] = std::string(100'000, 'x');
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
  member.child = nursery.children->spawn(
      {.name = "files",
       .program = test::helper,
       .args = {"echo"},
       .directory = "/",
       .environment = environment},
      {.on_started = [&](pid_t) { member.told.emplace_back("started"); },
       .on_line = [&](proto::Line&& line) { member.told.emplace_back(line.bytes.text); }});
  const bool started = nursery.until([&] { return member.has("started"); });
  setrlimit(RLIMIT_FSIZE, &before);
  REQUIRE(started);
  nursery.check_serves(member);
}

TEST_CASE("a program that cannot be run is told as it is without a guard") {
  Nursery nursery;
  Nursery::Member& member = *nursery.members.emplace_back(std::make_unique<Nursery::Member>());
  member.child = nursery.children->spawn({.name = "files", .program = "/does/not/exist", .directory = "/"},
                                         {.on_start_failed = [&](const base::Error& why) {
                                           nursery.loop.retire(std::move(member.child));
                                           member.told.push_back(why.what);
                                         }});
  REQUIRE(nursery.until([&] { return !member.told.empty(); }));
  CHECK(member.told.front() ==
        "cannot start the server files: cannot run /does/not/exist: No such file or directory");
}

TEST_CASE("a guard of a later build is not taken over, one of the first is replaced") {
  Guarded guarded;
  io::Guard::Saved saved = guarded.guard.saved();
  saved.protocol += 1;
  CHECK_FALSE(io::Guard::can_resume(saved));
  io::Pipe lifeline = io::make_pipe().value();
  const int number = lifeline.write_end.release();
  auto resumed = io::Guard::resume({.lifeline = {number}, .pid = 1, .protocol = 0}, guarded.record);
  REQUIRE(resumed);
  CHECK(resumed->pid() != guarded.guard.pid());
  char said = 0;
  CHECK(read(lifeline.read_end.get(), &said, 1) == 1);
  CHECK(said == 'q');
  resumed->dismiss();
}
