#include "io/descriptor_limit.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "io/system_error.h"

namespace {

// The soft limit for as long as this lives.
class Limit {
 public:
  explicit Limit(rlim_t soft) {
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
    rlimit tight = before_;
    tight.rlim_cur = soft;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &tight) == 0);
  }
  ~Limit() { setrlimit(RLIMIT_NOFILE, &before_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("the last descriptors are kept back, of few a quarter") {
  {
    const Limit limit(256);
    CHECK_FALSE(io::is_reserved(223));
    CHECK(io::is_reserved(224));
    CHECK(io::is_reserved(255));
    CHECK_FALSE(io::is_reserved(-1));
  }
  const Limit limit(64);
  CHECK_FALSE(io::is_reserved(47));
  CHECK(io::is_reserved(48));
}

TEST_CASE("an error about too many descriptors names the limit") {
  const Limit limit(256);
  CHECK(io::system_error("cannot make a pipe", EMFILE).what ==
        "cannot make a pipe: too many open files (limit 256)");
  CHECK(io::no_room_for_session().starts_with("too many open files (limit 256): "));
}
