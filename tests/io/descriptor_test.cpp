#include "io/descriptor.h"

#include <doctest/doctest.h>
#include <fcntl.h>

TEST_CASE("a descriptor closes itself, once") {
  auto pipe = io::make_pipe();
  REQUIRE(pipe);
  const int fd = pipe->read_end.get();
  CHECK(fd >= 3);
  CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  {
    const io::Descriptor moved = std::move(pipe->read_end);
    CHECK_FALSE(pipe->read_end);
    CHECK(moved.get() == fd);
    CHECK(fcntl(fd, F_GETFD) >= 0);
  }
  CHECK(fcntl(fd, F_GETFD) < 0);
}

TEST_CASE("a duplicate shares the open file description") {
  auto pipe = io::make_pipe();
  REQUIRE(pipe);
  const auto copy = pipe->read_end.duplicate();
  REQUIRE(copy);
  REQUIRE(fcntl(copy->get(), F_SETFL, O_NONBLOCK) == 0);
  CHECK((fcntl(pipe->read_end.get(), F_GETFL) & O_NONBLOCK) != 0);
}

TEST_CASE("adopting what is not open fails with a sentence") {
  const auto adopted = io::adopt(1000);
  REQUIRE_FALSE(adopted);
  CHECK(adopted.error().what ==
        "cannot use descriptor 1000, which this process was started with: Bad file descriptor");
}
