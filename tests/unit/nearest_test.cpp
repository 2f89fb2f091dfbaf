#include "base/nearest.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

TEST_CASE("nearest: distance counts single mistakes") {
  const struct {
    const char *one, *other;
    std::size_t distance;
  } table[] = {
      {"", "", 0},
      {"", "env", 3},
      {"args", "args", 0},
      {"arg", "args", 1},
      {"argss", "args", 1},
      {"erg", "arg", 1},
      {"agrs", "args", 1},
      {"cdw", "cwd", 1},
      {"Command", "command", 0},
      {"idle_timeout_ms", "idleTimeoutMs", 0},
      {"idle-timeout", "idleTimeoutMs", 2},
      {"kitten", "sitting", 3},
  };
  for (const auto& row : table) {
    CAPTURE(row.one);
    CAPTURE(row.other);
    CHECK(base::distance(row.one, row.other) == row.distance);
    CHECK(base::distance(row.other, row.one) == row.distance);
  }
}

TEST_CASE("nearest: the closest word, or none") {
  const auto words =
      std::to_array<std::string_view>({"command", "args", "env", "cwd", "idleTimeoutMs", "askTimeoutMs"});
  CHECK(base::nearest("comand", words) == "command");
  CHECK(base::nearest("cmd", words) == "cwd");
  CHECK(base::nearest("enviroment", words) == std::nullopt);
  CHECK(base::nearest("IDLE_TIMEOUT_MS", words) == "idleTimeoutMs");
  CHECK(base::nearest("askTimeout", words) == "askTimeoutMs");
  CHECK(base::nearest("banana", words) == std::nullopt);
  CHECK(base::nearest("", words) == std::nullopt);
  CHECK(base::nearest("x", {}) == std::nullopt);
  CHECK(base::nearest(std::string(100000, 'a'), words) == std::nullopt);
}

TEST_CASE("nearest: the first of equals") {
  const auto words = std::to_array<std::string_view>({"bat", "cat"});
  CHECK(base::nearest("rat", words) == "bat");
}
