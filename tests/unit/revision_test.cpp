#include "proto/revision.h"

#include <doctest/doctest.h>

namespace {

using proto::Revision;
using proto::revision_of;

TEST_CASE("revisions: names there and back, oldest first") {
  const struct {
    const char* name;
    Revision revision;
    bool legacy;
  } table[] = {
      {"2024-10-07", Revision::r2024_10_07, true}, {"2024-11-05", Revision::r2024_11_05, true},
      {"2025-03-26", Revision::r2025_03_26, true}, {"2025-06-18", Revision::r2025_06_18, true},
      {"2025-11-25", Revision::r2025_11_25, true}, {"2026-07-28", Revision::r2026_07_28, false},
  };
  std::optional<Revision> before;
  for (const auto& row : table) {
    CAPTURE(row.name);
    CHECK(revision_of(row.name) == row.revision);
    CHECK(proto::name_of(row.revision) == row.name);
    CHECK(proto::legacy(row.revision) == row.legacy);
    if (before) CHECK(*before < row.revision);
    before = row.revision;
  }
  CHECK(proto::name_of(proto::newest_legacy) == "2025-11-25");
}

TEST_CASE("revisions: a string that is none") {
  for (const char* text :
       {"", "2025-11-2", "2025-11-255", "2025-11-26", " 2025-11-25", "\"2025-11-25\"", "1.0"}) {
    CAPTURE(text);
    CHECK_FALSE(revision_of(text));
  }
}

}  // namespace
