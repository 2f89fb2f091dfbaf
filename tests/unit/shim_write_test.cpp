#include <doctest/doctest.h>

#include "shim/write.h"

TEST_CASE("every line that a person reads says who says it") {
  CHECK(shim::for_person("no daemon is running") == "hearth: no daemon is running\n");
  CHECK(shim::for_person("exited with status 1; its last words: one\ntwo") ==
        "hearth: exited with status 1; its last words: one\nhearth: two\n");
}
