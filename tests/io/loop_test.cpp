#include "io/loop.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "io/clock.h"
#include "support.h"

using test::run_until;
using test::SocketPair;

TEST_CASE("watching a descriptor leaves its flags alone") {
  io::Loop loop;
  const SocketPair pair;
  const int before = fcntl(pair.ours.get(), F_GETFL);
  const auto watch = loop.watch(pair.ours.get(), io::Interest::read, [] {});
  REQUIRE(watch);
  CHECK(fcntl(pair.ours.get(), F_GETFL) == before);
}

TEST_CASE("what cannot be polled is refused") {
  io::Loop loop;
  const io::Descriptor file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto watch = loop.watch(file.get(), io::Interest::read, [] {});
  REQUIRE_FALSE(watch);
  CHECK(watch.error().code == EPERM);
}

TEST_CASE("the hook runs once a turn, after everything that was ready") {
  io::Loop loop;
  const SocketPair one;
  const SocketPair two;
  int served = 0;
  std::vector<int> served_at_hook;
  const auto serve = [&served](int fd) {
    char c = 0;
    REQUIRE(recv(fd, &c, 1, MSG_DONTWAIT) == 1);
    ++served;
  };
  const auto first = loop.watch(one.ours.get(), io::Interest::read, [&] { serve(one.ours.get()); });
  const auto second = loop.watch(two.ours.get(), io::Interest::read, [&] { serve(two.ours.get()); });
  REQUIRE(first);
  REQUIRE(second);
  loop.at_end_of_turn([&] {
    if (served > 0) served_at_hook.push_back(served);
  });
  REQUIRE(write(one.theirs.get(), "x", 1) == 1);
  REQUIRE(write(two.theirs.get(), "x", 1) == 1);
  REQUIRE(run_until(loop, [&] { return !served_at_hook.empty(); }));
  CHECK(served_at_hook.front() == 2);
}

TEST_CASE("a watch may end in its own callback, and its number be used again at once") {
  io::Loop loop;
  SocketPair pair;
  int calls = 0;
  io::Watch watch;
  auto made = loop.watch(pair.ours.get(), io::Interest::read, [&] {
    ++calls;
    watch = io::Watch();
    pair.ours.reset();
  });
  REQUIRE(made);
  watch = std::move(*made);
  const int number = pair.ours.get();
  REQUIRE(write(pair.theirs.get(), "x", 1) == 1);
  REQUIRE(run_until(loop, [&] { return calls > 0; }));
  const SocketPair next;
  REQUIRE(next.ours.get() == number);
  bool again = false;
  const auto second = loop.watch(next.ours.get(), io::Interest::read, [&] { again = true; });
  REQUIRE(second);
  REQUIRE(write(next.theirs.get(), "x", 1) == 1);
  REQUIRE(run_until(loop, [&] { return again; }));
  CHECK(calls == 1);
}

TEST_CASE("a descriptor with an error is still served, until its owner has seen it") {
  io::Loop loop;
  SocketPair pair;
  // Unread bytes on their side make closing it a reset on ours; ours still has something to read before that.
  REQUIRE(write(pair.ours.get(), "unread", 6) == 6);
  REQUIRE(write(pair.theirs.get(), "ab", 2) == 2);
  pair.theirs.reset();
  std::string got;
  int code = 0;
  const auto watch = loop.watch(pair.ours.get(), io::Interest::read, [&] {
    char c = 0;
    const ssize_t count = recv(pair.ours.get(), &c, 1, MSG_DONTWAIT);
    if (count == 1) got += c;
    if (count < 0) code = errno;
  });
  REQUIRE(watch);
  REQUIRE(run_until(loop, [&] { return code != 0; }));
  CHECK(got == "ab");
  CHECK(code == ECONNRESET);
}

TEST_CASE("retired objects outlive the turn's callbacks and the hook, and no longer") {
  struct Thing {
    explicit Thing(bool& dead) : gone(dead) {}
    ~Thing() { gone = true; }
    bool& gone;
  };
  io::Loop loop;
  bool gone = false;
  bool gone_at_hook = true;
  int hooks = 0;
  io::Timer timer(loop, [&] {
    loop.retire(std::make_unique<Thing>(gone));
    loop.at_end_of_turn([&] {
      if (hooks++ == 0) gone_at_hook = gone;
    });
  });
  timer.set(io::now());
  REQUIRE(run_until(loop, [&] { return hooks > 0; }));
  CHECK_FALSE(gone_at_hook);
  CHECK(gone);
}

TEST_CASE("timers fire in order, not too early, and not when cleared") {
  io::Loop loop;
  std::vector<int> order;
  bool early = false;
  const base::Instant start = io::now();
  io::Timer late(loop, [&] {
    order.push_back(2);
    early = early || io::now() < start + std::chrono::milliseconds(20);
  });
  io::Timer soon(loop, [&] {
    order.push_back(1);
    early = early || io::now() < start + std::chrono::milliseconds(5);
  });
  io::Timer never(loop, [&] { order.push_back(3); });
  late.set(start + std::chrono::milliseconds(20));
  soon.set(start + std::chrono::milliseconds(5));
  never.set(start + std::chrono::milliseconds(1));
  never.clear();
  REQUIRE(run_until(loop, [&] { return order.size() >= 2; }));
  CHECK(order == std::vector{1, 2});
  CHECK_FALSE(early);
}

TEST_CASE("a timer comes at the time that it was given last") {
  using std::chrono::milliseconds;
  io::Loop loop;
  std::optional<base::Instant> came;
  int rings = 0;
  io::Timer timer(loop, [&] {
    came = io::now();
    ++rings;
  });
  const base::Instant start = io::now();
  timer.set(start + milliseconds(1));
  SUBCASE("put off") {
    timer.set(start + milliseconds(30));
  }
  SUBCASE("put off, beyond a time that was cleared") {
    timer.clear();
    timer.set(start + milliseconds(30));
  }
  SUBCASE("put off, and brought forward again") {
    timer.set(start + std::chrono::hours(1));
    timer.set(start + milliseconds(30));
  }
  REQUIRE(run_until(loop, [&] { return came.has_value(); }));
  CHECK(*came >= start + milliseconds(30));
  // Nothing is left of the times before.
  bool later = false;
  io::Timer a_while(loop, [&] { later = true; });
  a_while.set(io::now() + milliseconds(20));
  REQUIRE(run_until(loop, [&] { return later; }));
  CHECK(rings == 1);
}

TEST_CASE("a timer that was put off and cleared does not come") {
  using std::chrono::milliseconds;
  io::Loop loop;
  bool rang = false;
  bool later = false;
  io::Timer never(loop, [&] { rang = true; });
  io::Timer a_while(loop, [&] { later = true; });
  const base::Instant start = io::now();
  never.set(start + milliseconds(1));
  never.set(start + milliseconds(10));
  never.clear();
  a_while.set(start + milliseconds(30));
  REQUIRE(run_until(loop, [&] { return later; }));
  CHECK_FALSE(rang);
}

TEST_CASE("signals arrive as callbacks, and run() ends when it is told") {
  io::Loop loop;
  int received = 0;
  const auto watch = loop.on_signal(SIGHUP, [&] {
    ++received;
    loop.stop();
  });
  REQUIRE(watch);
  int hooks_after = 0;
  loop.at_end_of_turn([&] { hooks_after += received; });
  REQUIRE(kill(getpid(), SIGHUP) == 0);
  loop.run();
  CHECK(received == 1);
  CHECK(hooks_after >= 1);
}

TEST_CASE("a hang-up is noticed without looking at what there is to read") {
  for (const bool half : {false, true}) {
    CAPTURE(half);
    io::Loop loop;
    SocketPair pair;
    int served = 0;
    bool hung_up = false;
    io::Watch watch;
    watch = loop.watch(pair.ours.get(), io::Interest::hang_up,
                       [&] {
                         ++served;
                         hung_up = watch.hung_up();
                         watch.set(io::Interest::none);
                       })
                .value();
    REQUIRE(write(pair.theirs.get(), "unread", 6) == 6);
    bool passed = false;
    io::Timer later(loop, [&] { passed = true; });
    later.set(io::now() + std::chrono::milliseconds(20));
    REQUIRE(run_until(loop, [&] { return passed; }));
    CHECK(served == 0);
    half ? static_cast<void>(shutdown(pair.theirs.get(), SHUT_WR)) : pair.theirs.reset();
    REQUIRE(run_until(loop, [&] { return served > 0; }));
    CHECK(hung_up);
  }
}

TEST_CASE("what is ready to be written to is told apart from a hang-up") {
  io::Loop loop;
  const SocketPair pair;
  bool hung_up = true;
  bool served = false;
  io::Watch watch;
  watch = loop.watch(pair.ours.get(), io::Interest::write_or_hang_up,
                     [&] {
                       served = true;
                       hung_up = watch.hung_up();
                     })
              .value();
  REQUIRE(run_until(loop, [&] { return served; }));
  CHECK_FALSE(hung_up);
  shutdown(pair.theirs.get(), SHUT_WR);
  CHECK(run_until(loop, [&] { return hung_up; }));
}

TEST_CASE("a timer that is set for now from its own callback lets everything else have its turn") {
  io::Loop loop;
  const SocketPair pair;
  bool served = false;
  const auto watch = loop.watch(pair.ours.get(), io::Interest::read, [&] { served = true; });
  REQUIRE(watch);
  REQUIRE(write(pair.theirs.get(), "x", 1) == 1);
  constexpr int far_too_often = 100'000;
  std::vector<std::uint64_t> turns;
  io::Timer again(loop, [] {});
  again = io::Timer(loop, [&] {
    turns.push_back(loop.turn());
    if (turns.size() < far_too_often) again.set(io::now());
  });
  again.set(io::now());
  REQUIRE(run_until(loop, [&] { return served && turns.size() >= 3; }));
  CHECK(turns.size() < 10);
  CHECK(std::ranges::adjacent_find(turns) == turns.end());
}

TEST_CASE("a timer that is due comes, however often it is set again for now") {
  io::Loop loop;
  const SocketPair pair;
  int rings = 0;
  io::Timer timer(loop, [&] { ++rings; });
  const auto watch = loop.watch(pair.ours.get(), io::Interest::read, [&] { timer.set(io::now()); });
  REQUIRE(watch);
  REQUIRE(write(pair.theirs.get(), "x", 1) == 1);  // It is never read: each turn is for it.
  REQUIRE(run_until(loop, [&] { return rings >= 3; }));
}
