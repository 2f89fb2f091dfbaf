#include "core/list_changes.h"

#include <doctest/doctest.h>

#include "core/limits.h"

namespace {

using base::Instant;
using core::ListChanges;
using core::ListKind;

constexpr base::Duration window = core::limits::list_change_window;
constexpr base::Duration moment{1};
const Instant start{std::chrono::hours(1)};

TEST_CASE("list changes: the first is told at once and leaves nothing to do") {
  ListChanges changes;
  CHECK_FALSE(changes.deadline());
  CHECK(changes.changed(ListKind::tools, start));
  CHECK_FALSE(changes.deadline());
  CHECK_FALSE(changes.pending(ListKind::tools));
  CHECK_FALSE(changes.due(ListKind::tools, start + window));
}

TEST_CASE("list changes: a burst is told twice, once at each end") {
  ListChanges changes;
  CHECK(changes.changed(ListKind::tools, start));
  for (int i = 1; i < 20; ++i) CHECK_FALSE(changes.changed(ListKind::tools, start + i * moment));
  CHECK(changes.pending(ListKind::tools));
  CHECK(changes.deadline() == start + window);
  CHECK_FALSE(changes.due(ListKind::tools, start + window - moment));
  CHECK(changes.due(ListKind::tools, start + window));
  CHECK_FALSE(changes.pending(ListKind::tools));
  CHECK_FALSE(changes.due(ListKind::tools, start + window));
}

TEST_CASE("list changes: telling opens the next window") {
  ListChanges changes;
  changes.changed(ListKind::tools, start);
  changes.changed(ListKind::tools, start + moment);
  CHECK(changes.due(ListKind::tools, start + window));
  CHECK_FALSE(changes.changed(ListKind::tools, start + window + moment));
  CHECK(changes.deadline() == start + window + window);
  CHECK(changes.due(ListKind::tools, start + window + window));
}

TEST_CASE("list changes: at the end of a quiet window the next is a first again") {
  ListChanges changes;
  changes.changed(ListKind::tools, start);
  CHECK(changes.changed(ListKind::tools, start + window));
}

TEST_CASE("list changes: kinds do not concern each other, the earliest sets the deadline") {
  ListChanges changes;
  changes.changed(ListKind::tools, start + moment);
  CHECK(changes.changed(ListKind::prompts, start));
  CHECK(changes.changed(ListKind::resources, start + 2 * moment));
  changes.changed(ListKind::tools, start + 3 * moment);
  CHECK(changes.deadline() == start + moment + window);
  changes.changed(ListKind::prompts, start + 3 * moment);
  CHECK(changes.deadline() == start + window);
  CHECK(changes.due(ListKind::prompts, start + window));
  CHECK_FALSE(changes.due(ListKind::tools, start + window));
  CHECK_FALSE(changes.due(ListKind::resources, start + window));
  CHECK(changes.deadline() == start + moment + window);
}

TEST_CASE("list changes: cleared, there is nothing to tell") {
  ListChanges changes;
  changes.changed(ListKind::tools, start);
  changes.changed(ListKind::tools, start + moment);
  changes.clear();
  CHECK_FALSE(changes.deadline());
  CHECK_FALSE(changes.pending(ListKind::tools));
  CHECK(changes.changed(ListKind::tools, start + moment));
}

TEST_CASE("list changes: none is lost and none is told too often, whatever the times") {
  std::uint64_t state = 0x9E3779B97F4A7C15;
  const auto below = [&](std::uint64_t bound) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return ((state * 0x2545F4914F6CDD1D) >> 33) % bound;
  };
  ListChanges changes;
  Instant now = start;
  bool untold = false;
  std::optional<Instant> told;
  const auto tell = [&] {
    if (told) REQUIRE(now - *told >= window);
    told = now;
    untold = false;
  };
  for (int step = 0; step < 5000; ++step) {
    const Instant next = now + base::Duration(below(2) == 0 ? below(100) : below(70'000));
    while (changes.deadline() && *changes.deadline() <= next) {
      now = *changes.deadline();
      REQUIRE(untold);
      REQUIRE(changes.due(ListKind::resources, now));
      tell();
    }
    now = next;
    REQUIRE_FALSE(untold);
    untold = true;
    if (changes.changed(ListKind::resources, now)) tell();
    REQUIRE(changes.pending(ListKind::resources) == untold);
    if (untold) {
      REQUIRE(changes.deadline());
      REQUIRE(*changes.deadline() - now <= window);
      untold = false;  // Looked at again when the deadline comes.
      now = *changes.deadline();
      REQUIRE(changes.due(ListKind::resources, now));
      told = now;
    }
  }
}

}  // namespace
