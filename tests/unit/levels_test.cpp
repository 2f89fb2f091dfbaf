#include "core/levels.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

namespace {

using core::Level;
using core::level_of;
using core::passes;

constexpr std::array all{Level::debug, Level::info,     Level::notice, Level::warning,
                         Level::error, Level::critical, Level::alert,  Level::emergency};

TEST_CASE("levels: names there and back, in order of gravity") {
  const std::array<std::string, 8> names{"debug", "info",     "notice", "warning",
                                         "error", "critical", "alert",  "emergency"};
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(core::name_of(all[i]) == names[i]);
    CHECK(level_of('"' + names[i] + '"') == all[i]);
    if (i > 0) CHECK(all[i - 1] < all[i]);
  }
}

TEST_CASE("levels: what is no level") {
  for (const char* raw :
       {"", "\"", "\"\"", "debug", "\"Debug\"", "\"debug \"", "\"trace\"", "0", "null", "{}"}) {
    CAPTURE(raw);
    CHECK_FALSE(level_of(raw));
  }
}

TEST_CASE("levels: a session hears what it asked for and above") {
  for (const Level wanted : all) {
    for (const Level line : all) {
      CHECK(passes(line, wanted, true) == (line >= wanted));
      CHECK(passes(line, wanted, false) == (line >= wanted));
    }
  }
}

TEST_CASE("levels: a session that set no level hears all, but not the debug lines of another's wish") {
  for (const Level line : all) {
    CHECK(passes(line, std::nullopt, false));
    CHECK(passes(line, std::nullopt, true) == (line != Level::debug));
  }
}

}  // namespace
