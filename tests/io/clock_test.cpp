#include "io/clock.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "io/loop.h"
#include "support.h"

using test::run_until;
using test::SocketPair;
using namespace std::chrono_literals;

namespace {

constexpr base::Duration ten_days = std::chrono::hours(240);

// A clock that goes on by 10 µs with every look at it, and back by ten days at one of them.
struct Resumed {
  inline static int looks = 0;
  inline static int goes_back_at = 0;

  explicit Resumed(int at) {
    looks = 0;
    goes_back_at = at;
    io::read_clock_from([]() -> base::Duration {
      ++looks;
      return 2 * ten_days + looks * 10us - (looks >= goes_back_at ? ten_days : 0us);
    });
  }
  ~Resumed() { io::read_clock_from(nullptr); }
  Resumed(const Resumed&) = delete;
  Resumed& operator=(const Resumed&) = delete;
};

}  // namespace

TEST_CASE("a clock that goes back is made up for, and goes on") {
  io::NeverBack clock;
  CHECK(clock.at(100s) == 100s);
  CHECK(clock.at(101s) == 101s);
  CHECK(clock.at(1s) == 101s);
  CHECK(clock.at(3s) == 103s);
  CHECK(clock.went_back() == 100s);
  CHECK(clock.at(2s) == 103s);
  CHECK(clock.went_back() == 101s);
  CHECK(clock.at(2s) == 103s);
}

TEST_CASE("the one clock never goes back") {
  const Resumed resumed(3);
  const base::Instant first = io::now();
  const base::Instant second = io::now();
  const base::Instant third = io::now();
  CHECK(second - first == 10us);
  CHECK(third == second);
  CHECK(io::now() - third == 10us);
  CHECK(io::clock_went_back() == ten_days - 10us);
}

// At whichever look it happens: while the loop looks for more before it sleeps, too.
TEST_CASE("a loop lives on when the clock goes back, and its timers are in time") {
  for (int at = 1; at < 60; ++at) {
    CAPTURE(at);
    const Resumed resumed(at);
    io::Loop loop;
    const SocketPair pair;
    int rounds = 0;
    const auto watch = loop.watch(pair.ours.get(), io::Interest::read, [&] {
      char c = 0;
      REQUIRE(recv(pair.ours.get(), &c, 1, MSG_DONTWAIT) == 1);
      if (++rounds < 10) REQUIRE(send(pair.theirs.get(), "x", 1, 0) == 1);
    });
    REQUIRE(watch);
    bool rang = false;
    io::Timer timer(loop, [&] { rang = true; });
    timer.set(io::now() + 1ms);
    REQUIRE(send(pair.theirs.get(), "x", 1, 0) == 1);
    REQUIRE(run_until(loop, [&] { return rounds == 10 && rang; }));
  }
}
