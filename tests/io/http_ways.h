// Both ways in which an HTTP client reaches servers on this machine, for test cases that hold for either:
// TEST_CASE_TEMPLATE("…", Way, test::ByOurselves, test::OverLibcurl).
#pragma once

#include "io/http_client.h"

namespace test {

struct ByOurselves {
  static constexpr io::HttpClient::Local local = io::HttpClient::Local::by_ourselves;
};
struct OverLibcurl {
  static constexpr io::HttpClient::Local local = io::HttpClient::Local::over_libcurl;
};

}  // namespace test
