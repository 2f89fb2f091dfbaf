#include "core/supervision.h"

#include <doctest/doctest.h>

#include "core/limits.h"

namespace {

using base::Instant;
using core::Supervision;
using namespace std::chrono_literals;

constexpr base::Duration stable = 60s;
const Instant start{1h};

TEST_CASE("supervision: waits double, then the breaker opens and allows one attempt a minute") {
  const base::Duration expected[] = {250ms, 500ms, 1s, 2s, 60s, 60s, 60s};
  Supervision supervision;
  Instant now = start;
  std::uint32_t failures = 0;
  for (const base::Duration wait : expected) {
    CHECK(supervision.broken() == (failures >= core::limits::failures_most));
    supervision.started(now);
    now += 1s;
    CHECK(supervision.failed(now, stable) == now + wait);
    CHECK(supervision.retry_at() == now + wait);
    CHECK(supervision.failures() == ++failures);
    now += wait;
  }
  CHECK(supervision.broken());
}

TEST_CASE("supervision: no wait is longer than the longest, however often it fails") {
  Supervision supervision;
  for (int i = 0; i < 100; ++i) {
    const base::Duration wait = supervision.failed(start, stable) - start;
    CHECK(wait >= core::limits::backoff_first);
    CHECK(wait <= core::limits::cool_down);
  }
}

TEST_CASE("supervision: staying up long enough forgives what was before, and only that") {
  Supervision supervision;
  for (int i = 0; i < 4; ++i) supervision.failed(start, stable);
  supervision.started(start);
  CHECK(supervision.failed(start + stable, stable) == start + stable + 250ms);
  CHECK(supervision.failures() == 1);

  supervision.started(start);
  supervision.failed(start + stable - base::Duration(1), stable);
  CHECK(supervision.failures() == 2);
}

TEST_CASE("supervision: a start that never came to be does not profit from an earlier one") {
  Supervision supervision;
  supervision.started(start);
  supervision.failed(start + 1s, stable);
  CHECK(supervision.failed(start + 1h, stable) == start + 1h + 500ms);
}

TEST_CASE("supervision: a server that has answered something works, however soon it dies after that") {
  Supervision supervision;
  for (int i = 0; i < 20; ++i) {
    supervision.started(start);
    supervision.answered();
    CHECK(supervision.failed(start + 1s, stable) == start + 1s + 250ms);
    CHECK(supervision.failures() == 1);
  }
  // An answer counts for the life in which it was given.
  supervision.started(start);
  supervision.failed(start + 1s, stable);
  CHECK(supervision.failures() == 2);
}

TEST_CASE("supervision: a person may ask at once") {
  Supervision supervision;
  for (int i = 0; i < 5; ++i) supervision.failed(start, stable);
  CHECK(supervision.broken());
  supervision.forgive();
  CHECK_FALSE(supervision.broken());
  CHECK(supervision.failures() == 0);
  CHECK(supervision.retry_at() <= start);
  CHECK(supervision.failed(start, stable) == start + 250ms);
}

}  // namespace
