#include "core/least_valuable.h"

#include <doctest/doctest.h>

#include <vector>

namespace {

using core::IdleServer;
using core::least_valuable;
using namespace std::chrono_literals;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr IdleServer usual{.unused = 60s, .start = 1s, .sessions = 1, .memory = 100 * mib};

// Whether `one` goes before the usual server, whichever is listed first.
bool goes_first(const IdleServer& one) {
  const auto first = least_valuable(std::vector{one, usual});
  const auto last = least_valuable(std::vector{usual, one});
  REQUIRE(first.has_value());
  REQUIRE(last.has_value());
  CHECK(*first != *last);
  return *first == 0;
}

IdleServer with(void (*change)(IdleServer& server)) {
  IdleServer server = usual;
  change(server);
  return server;
}

TEST_CASE("least valuable: what decides which idle server goes first") {
  CHECK(goes_first(with([](IdleServer& one) { one.unused = 61s; })));
  CHECK_FALSE(goes_first(with([](IdleServer& one) { one.unused = 59s; })));
  CHECK(goes_first(with([](IdleServer& one) { one.memory = 101 * mib; })));
  CHECK(goes_first(with([](IdleServer& one) { one.start = 999ms; })));
  CHECK_FALSE(goes_first(with([](IdleServer& one) { one.sessions = 2; })));
  // A cheap one that was used a while ago stays longer than an expensive one that was used just before it.
  CHECK_FALSE(goes_first(with([](IdleServer& one) {
    one.unused = 80s;
    one.start = 2s;
  })));
}

TEST_CASE("least valuable: a server without sessions goes before any that sessions have") {
  CHECK(goes_first(with([](IdleServer& one) {
    one.sessions = 0;
    one.unused = 1s;
    one.start = 60s;
    one.memory = 10 * mib;
  })));
}

TEST_CASE("least valuable: a server that holds almost nothing is left alone") {
  CHECK_FALSE(least_valuable({}));
  IdleServer small = usual;
  small.memory = mib;
  small.sessions = 0;
  CHECK_FALSE(least_valuable(std::vector{small}));
  CHECK(least_valuable(std::vector{small, usual}) == 1);
}

TEST_CASE("least valuable: of equals the first, and no time is too short to compare") {
  CHECK(least_valuable(std::vector{usual, usual}) == 0);
  IdleServer fresh = usual;
  fresh.unused = fresh.start = 0s;
  CHECK(least_valuable(std::vector{fresh, fresh}) == 0);
}

}  // namespace
