#include "base/resource_limits.h"

#include <doctest/doctest.h>

#include <array>
#include <string_view>

namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

TEST_CASE("resource limits: amounts of memory as people write them") {
  CHECK(base::memory_size("1G") == 1024 * mib);
  CHECK(base::memory_size("1.5G") == 1536 * mib);
  CHECK(base::memory_size("512M") == 512 * mib);
  CHECK(base::memory_size("512 MiB") == 512 * mib);
  CHECK(base::memory_size("512m") == 512 * mib);
  CHECK(base::memory_size("2T") == 2 * 1024 * 1024 * mib);
  CHECK(base::memory_size("64K") == mib / 16);
  for (const std::string_view wrong :
       std::to_array<std::string_view>({"", "G", "1", "1GB", "1 GB", "-1G", "1e3G", "1G ", " 1G", "1,5G",
                                        "infG", "nanG", "1Gi", "1X", "99999999999999999999T", "9000000T"})) {
    CAPTURE(wrong);
    CHECK_FALSE(base::memory_size(wrong));
  }
}

TEST_CASE("resource limits: shown as they were meant") {
  CHECK(base::memory_shown(1024 * mib) == "1 GiB");
  CHECK(base::memory_shown(1536 * mib) == "1.5 GiB");
  CHECK(base::memory_shown(100 * mib) == "100 MiB");
  CHECK(base::memory_shown(1000) == "1000 B");
  CHECK(base::shown({}) == "none");
  CHECK(base::shown({.memory = 1024 * mib, .cpu = 1500, .processes = 200}) ==
        "1 GiB of memory, 1.5 processors, 200 processes and threads");
  CHECK(base::shown({.memory = {}, .cpu = 1000, .processes = {}}) == "1 processor");
}

}  // namespace
