#include "io/aside.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "io/descriptor.h"
#include "support.h"

using namespace std::chrono_literals;
using Text = base::Result<std::string>;

namespace {

constexpr std::size_t much = std::size_t{1} << 20;

}  // namespace

TEST_CASE("aside: what the work returns comes back, whatever its size") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, much}) {
    const Text text = io::aside([&]() -> Text { return std::string(size, 'x'); }, much, 1min);
    REQUIRE(text);
    CHECK(*text == std::string(size, 'x'));
  }
  const Text cut = io::aside([]() -> Text { return std::string(100, 'x'); }, 10, 1min);
  REQUIRE(cut);
  CHECK(cut->size() == 10);
}

TEST_CASE("aside: an error comes back with its code") {
  const Text text = io::aside([]() -> Text { return base::failure("it is a poem", ENOENT); }, much, 1min);
  REQUIRE_FALSE(text);
  CHECK(text.error().what == "it is a poem");
  CHECK(text.error().code == ENOENT);
}

TEST_CASE("aside: work that dies is an error") {
  const Text text = io::aside([]() -> Text { _exit(0); }, much, 1min);
  REQUIRE_FALSE(text);
  CHECK(text.error().what == "the process for it ended too early");
}

TEST_CASE("aside: work that hangs is given up, and has held nothing of ours") {
  const std::size_t before = test::open_descriptors();
  io::Pipe ours = io::make_pipe().value();
  const Text text = io::aside(
      []() -> Text {
        for (;;) pause();
      },
      much, 20ms);
  REQUIRE_FALSE(text);
  CHECK(text.error().code == ETIMEDOUT);
  ours.write_end.reset();
  CHECK(test::read_all(ours.read_end.get()).empty());  // There is no other end.
  ours.read_end.reset();
  CHECK(test::open_descriptors() == before);
  while (waitpid(-1, nullptr, 0) > 0) {
  }
}
