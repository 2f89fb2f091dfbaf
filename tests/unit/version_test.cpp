#include "base/version.h"

#include <doctest/doctest.h>

TEST_CASE("versions are compared by their numbers") {
  CHECK(base::is_later("0.1.1", "0.1.0"));
  CHECK(base::is_later("0.10.0", "0.9.9"));
  CHECK(base::is_later("1.0.0", "0.99.99"));
  CHECK_FALSE(base::is_later("0.1.0", "0.1.0"));
  CHECK_FALSE(base::is_later("0.9.9", "0.10.0"));
  CHECK_FALSE(base::is_later("0.2", "0.1.0"));
  CHECK_FALSE(base::is_later("", "0.1.0"));
  CHECK_FALSE(base::is_later("9.9.9", "unknown"));
}
