// How the end of children is found out: beside the loop, for all in one look, and never by a look that was
// taken too early.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "held_walk.h"
#include "io/child.h"
#include "io/children.h"
#include "io/mark.h"
#include "support.h"

using test::HeldWalk;
using test::run_until;
using test::Witness;

namespace {

// Children of one daemon whose looks at /proc are held.
struct House {
  struct Member {
    std::unique_ptr<io::Child> child;
    pid_t started = 0;
    std::vector<std::string> lines;
    std::optional<io::Gone> gone;
  };

  explicit House(HeldWalk::Held when = HeldWalk::Held::before)
      : held(loop, io::survey, when),
        children(io::Children::make(
                     loop,
                     {.daemon_id = io::make_daemon_id(), .grace = std::chrono::hours(1), .walk = held.walk()})
                     .value()) {
    loop.at_end_of_turn([this] {
      for (const auto& member : members) {
        if (member->child && member->child->input() != nullptr) member->child->input()->flush();
      }
    });
  }
  ~House() {
    loop.at_end_of_turn([] {});
    members.clear();
  }
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  Member& start(std::vector<std::string> args) {
    Member& member = *members.emplace_back(std::make_unique<Member>());
    member.child =
        children->spawn({.name = "files",
                         .program = test::helper,
                         .args = std::move(args),
                         .directory = "/tmp",
                         .environment = test::own_environment()},
                        {.on_started = [&](pid_t pid) { member.started = pid; },
                         .on_line = [&](proto::Line&& line) { member.lines.emplace_back(line.bytes.text); },
                         .on_gone =
                             [&](const io::Gone& how) {
                               member.gone = how;
                               loop.retire(std::move(member.child));
                             }});
    REQUIRE(until([&] { return member.started != 0; }));
    return member;
  }
  bool until(const std::function<bool()>& done) { return run_until(loop, done); }
  // What was started with that number has ended, and the loop has seen it.
  static bool reaped(pid_t pid) { return kill(pid, 0) != 0; }

  io::Loop loop;
  HeldWalk held;
  std::unique_ptr<io::Children> children;
  std::vector<std::unique_ptr<Member>> members;
};

}  // namespace

TEST_CASE("forty children that end together are looked for in one walk, and another is served meanwhile") {
  House house;
  constexpr int many = 40;
  std::vector<pid_t> pids;
  for (int i = 0; i < many; ++i) pids.push_back(house.start({"echo"}).child->pid());
  House::Member& other = house.start({"echo"});
  for (const pid_t pid : pids) REQUIRE(kill(pid, SIGKILL) == 0);
  REQUIRE(house.until([&] { return std::ranges::all_of(pids, House::reaped); }));
  other.child->input()->queue(proto::Message(std::string("served")));
  REQUIRE(house.until([&] { return !other.lines.empty() && house.held.begun() == 1; }));
  const auto gone = [&] {
    return std::ranges::count_if(house.members, [](const auto& member) { return member->gone.has_value(); });
  };
  CHECK(gone() == 0);
  // One for those that had ended when it began, one for the others.
  house.held.release();
  house.held.release();
  REQUIRE(house.until([&] { return gone() == many; }));
  CHECK(house.children->surveyor().walks() <= 2);
  CHECK_FALSE(other.gone);
  CHECK(house.members.front()->gone->how == "was killed by SIGKILL");
}

TEST_CASE("that a child has left nothing is not taken from a look of before its end") {
  House house(HeldWalk::Held::after);
  const io::Question ourselves{.about = io::Question::About::ourselves};
  bool told = false;
  const auto asked = house.children->surveyor().ask({ourselves}, [&](auto&&) { told = true; });
  REQUIRE(house.until([&] { return house.held.begun() == 1; }));
  House::Member& member = house.start({"tree", "setsid"});
  REQUIRE(house.until([&] { return !member.lines.empty(); }));
  std::vector<Witness> witnesses;
  for (const pid_t pid : test::numbers_in(member.lines.front())) witnesses.emplace_back(pid);
  const pid_t pid = member.child->pid();
  REQUIRE(kill(pid, SIGKILL) == 0);
  REQUIRE(house.until([&] { return House::reaped(pid); }));
  house.held.release();
  REQUIRE(house.until([&] { return house.held.begun() == 2; }));
  CHECK(told);
  CHECK_FALSE(member.gone);
  for (int i = 0; i < 100; ++i) house.held.release();
  REQUIRE(house.until([&] { return member.gone.has_value(); }));
  CHECK(member.gone->survivors == 0);
  for (const Witness& witness : witnesses) CHECK_FALSE(witness.alive());
}

TEST_CASE("an heir that ends before any walk could see it has ended its own way") {
  House house;
  House::Member& member = house.start({"launched", "once"});
  const pid_t launcher = member.started;
  REQUIRE(house.until([&] { return !member.lines.empty() && House::reaped(launcher); }));
  const pid_t server = test::numbers_in(member.lines.front()).front();
  REQUIRE(kill(server, SIGKILL) == 0);
  REQUIRE(house.until([&] { return House::reaped(server); }));
  house.held.release();
  house.held.release();
  REQUIRE(house.until([&] { return member.gone.has_value(); }));
  CHECK(member.gone->how == "was killed by SIGKILL");
}

TEST_CASE("an heir that ends while it is found by a walk has ended its own way") {
  House house(HeldWalk::Held::after);
  House::Member& member = house.start({"launched", "nested"});
  const pid_t launcher = member.started;
  REQUIRE(house.until([&] { return !member.lines.empty() && house.held.begun() > 0; }));
  const pid_t server = test::numbers_in(member.lines.front()).front();
  REQUIRE(House::reaped(launcher));
  // The look that is held has seen it alive.
  REQUIRE(kill(server, SIGKILL) == 0);
  REQUIRE(house.until([&] { return House::reaped(server); }));
  for (int i = 0; i < 100; ++i) house.held.release();
  REQUIRE(house.until([&] { return member.gone.has_value(); }));
  CHECK(member.gone->how == "was killed by SIGKILL");
  CHECK_FALSE(member.gone->clean);
}

TEST_CASE("a child that is let go while it is looked for takes its tree with it, and is told nothing") {
  House house;
  House::Member& member = house.start({"tree", "setsid"});
  REQUIRE(house.until([&] { return !member.lines.empty(); }));
  std::vector<Witness> witnesses;
  for (const pid_t pid : test::numbers_in(member.lines.front())) witnesses.emplace_back(pid);
  REQUIRE(kill(member.child->pid(), SIGKILL) == 0);
  REQUIRE(house.until([&] { return house.held.begun() == 1; }));
  member.child.reset();
  for (const Witness& witness : witnesses) CHECK(witness.died());
  house.held.release();
  bool last = false;
  const io::Question ourselves{.about = io::Question::About::ourselves};
  const auto asked = house.children->surveyor().ask({ourselves}, [&](auto&&) { last = true; });
  house.held.release();
  REQUIRE(house.until([&] { return last; }));
  CHECK_FALSE(member.gone);
}
