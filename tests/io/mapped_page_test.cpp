#include "io/mapped_page.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>

namespace {

namespace fs = std::filesystem;

constexpr std::size_t whole_file = std::size_t{1} << 20;

struct File {
  fs::path path = fs::temp_directory_path() / ("hearth-mapped-" + std::to_string(getpid()));
  File() { fs::remove(path); }
  ~File() { fs::remove(path); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
};

}  // namespace

TEST_CASE("mapped page: a store into a page that cannot be had costs what is stored, not the process") {
  const File file;
  auto page = io::MappedPage::create(file.path.string(), whole_file);
  REQUIRE(page);
  std::memcpy(page->bytes().data(), "kept", 4);
  fs::resize_file(file.path, 4096);  // As a full disk does it: nothing is behind the other pages.
  std::memcpy(page->bytes().data() + 10000, "lost", 4);
  CHECK(std::memcmp(page->bytes().data() + 10000, "lost", 4) == 0);
  page->bytes()[whole_file - 1] = std::byte{1};
  CHECK(std::memcmp(page->bytes().data(), "kept", 4) == 0);
}

TEST_CASE("mapped page: a bus error elsewhere ends the process as ever") {
  const File file;
  auto page = io::MappedPage::create(file.path.string(), whole_file);
  REQUIRE(page);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    kill(getpid(), SIGBUS);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK_FALSE(WIFEXITED(status));
}

TEST_CASE("mapped page: what is created is found again, and is there once") {
  const File file;
  {
    auto page = io::MappedPage::create(file.path.string(), whole_file);
    REQUIRE(page);
    std::memcpy(page->bytes().data() + 5000, "kept", 4);
    CHECK_FALSE(io::MappedPage::create(file.path.string(), whole_file));
  }
  auto again = io::MappedPage::reopen(file.path.string(), whole_file);
  REQUIRE(again);
  CHECK(std::memcmp(again->bytes().data() + 5000, "kept", 4) == 0);
}
