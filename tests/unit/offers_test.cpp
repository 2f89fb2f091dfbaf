#include "core/offers.h"

#include <doctest/doctest.h>

#include <vector>

namespace {

using core::Offers;
using proto::Revision;

std::vector<Revision> all_of(Offers offers, std::optional<Revision> known,
                             const std::vector<Revision>& wanted) {
  std::vector<Revision> made;
  while (const auto next = offers.next(known, wanted)) {
    made.push_back(*next);
    REQUIRE(made.size() < 10);
    offers.offer(*next);
    offers.refused();
  }
  return made;
}

TEST_CASE("offers: the newest, then what clients speak, then the others downwards, each once") {
  CHECK(all_of({}, {}, {}) == std::vector{Revision::r2025_11_25, Revision::r2025_06_18, Revision::r2025_03_26,
                                          Revision::r2024_11_05, Revision::r2024_10_07});
  CHECK(all_of({}, {}, {Revision::r2024_11_05, Revision::r2025_11_25}) ==
        std::vector{Revision::r2025_11_25, Revision::r2024_11_05, Revision::r2025_06_18,
                    Revision::r2025_03_26, Revision::r2024_10_07});
}

TEST_CASE("offers: what the server is known to take comes first, and no modern revision at all") {
  const auto made = all_of({}, Revision::r2025_03_26, {Revision::r2026_07_28});
  CHECK(made.size() == 5);
  CHECK(made.at(0) == Revision::r2025_03_26);
  CHECK(made.at(1) == Revision::r2025_11_25);
}

TEST_CASE("offers: another greeting begins anew") {
  Offers offers;
  offers.offer(Revision::r2025_11_25);
  offers.refused();
  CHECK(offers.any_refused());
  offers.clear();
  CHECK(offers.next({}, {}) == Revision::r2025_11_25);
}

}  // namespace
