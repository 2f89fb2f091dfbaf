// The agenda: what is due next, without a look at what is not.
#include "base/agenda.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

namespace {

const base::Instant start{std::chrono::hours(1)};
using std::chrono::seconds;

TEST_CASE("agenda: the first time is known, and what is due is found in order of ids") {
  base::Agenda<int> agenda;
  CHECK(!agenda.first());
  agenda.move(7, {}, start + seconds(2));
  agenda.move(3, {}, start + seconds(2));
  agenda.move(5, {}, start + seconds(1));
  agenda.move(9, {}, start + seconds(3));
  CHECK(agenda.first() == start + seconds(1));
  CHECK(agenda.due(start).empty());
  CHECK(agenda.due(start + seconds(2)) == std::vector{3, 5, 7});
  CHECK(agenda.due(start + seconds(2)).size() == 3);  // They keep their times.
}

TEST_CASE("agenda: a time that changes replaces the one before") {
  base::Agenda<int> agenda;
  agenda.move(1, {}, start);
  agenda.move(2, {}, start + seconds(1));
  agenda.move(1, start, start + seconds(5));
  CHECK(agenda.first() == start + seconds(1));
  agenda.move(2, start + seconds(1), std::nullopt);
  CHECK(agenda.first() == start + seconds(5));
  agenda.move(1, start + seconds(5), std::nullopt);
  CHECK(!agenda.first());
}

}  // namespace
