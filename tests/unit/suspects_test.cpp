#include "core/suspects.h"

#include <doctest/doctest.h>

#include "core/limits.h"

namespace {

using core::Suspects;
using Running = std::vector<Suspects::Running>;

const base::Instant start{std::chrono::hours(1)};
const Suspects::Running bad{1, "bad"};
const Suspects::Running slow{2, "slow"};
const Suspects::Running other{3, "other"};

TEST_CASE("suspects: a call that was running at three deaths in a row is refused, for a while") {
  Suspects suspects;
  for (std::uint32_t i = 0; i < core::limits::deaths_of_one_call; ++i) {
    CHECK(suspects.refuse(1, start) == nullptr);
    suspects.died({bad}, "exited with status " + std::to_string(i), start);
  }
  const core::Suspect* found = suspects.refuse(1, start);
  REQUIRE(found != nullptr);
  CHECK(found->how == "exited with status 2");
  CHECK(suspects.refuse(1, start)->refused == 2);
  REQUIRE(suspects.refused(start).size() == 1);
  CHECK(suspects.refused(start)[0].tool == "bad");
  CHECK(suspects.refuse(2, start) == nullptr);
  CHECK(suspects.refuse(1, start + core::limits::suspect_kept) == nullptr);
  CHECK(suspects.refused(start + core::limits::suspect_kept).empty());
}

TEST_CASE("suspects: an answer clears a call, and a person all of them") {
  Suspects suspects;
  for (int i = 0; i < 2; ++i) suspects.died({bad}, "", start);
  suspects.answered(1);
  suspects.died({bad}, "", start);
  CHECK(suspects.refuse(1, start) == nullptr);
  for (int i = 0; i < 2; ++i) suspects.died({bad}, "", start);
  CHECK(suspects.refuse(1, start) != nullptr);
  suspects.clear();
  CHECK(suspects.refuse(1, start) == nullptr);
}

TEST_CASE("suspects: a death is put down to the call that was running at most deaths before") {
  Suspects suspects;
  suspects.died({bad}, "", start);
  suspects.died({slow, bad}, "", start);
  suspects.died({other, bad, slow}, "", start);
  CHECK(suspects.refuse(1, start) != nullptr);
  CHECK(suspects.refuse(2, start) == nullptr);
  CHECK(suspects.refuse(3, start) == nullptr);
}

TEST_CASE("suspects: the same call, running twice, dies once; and no more are kept than the limit") {
  Suspects suspects;
  for (int i = 0; i < 2; ++i) suspects.died({bad, bad}, "", start);
  CHECK(suspects.refuse(1, start) == nullptr);
  suspects.died({slow}, "", start);
  for (std::uint64_t i = 10; i < 10 + core::limits::suspects_per_instance; ++i)
    suspects.died({{i, "t"}}, "", start);
  suspects.died({bad}, "", start);
  CHECK(suspects.refuse(1, start) != nullptr);
  for (int i = 0; i < 2; ++i) suspects.died({slow}, "", start);
  CHECK(suspects.refuse(2, start) == nullptr);  // Its first death is forgotten.
}

}  // namespace
