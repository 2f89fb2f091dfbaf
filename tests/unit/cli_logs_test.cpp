#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/logs.h"
#include "io/descriptor.h"
#include "proto/json.h"

namespace {

struct File {
  explicit File(std::string_view text) : fd(::memfd_create("log", MFD_CLOEXEC)), size(text.size()) {
    REQUIRE(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  std::size_t start(std::size_t lines) const {
    const auto found = cli::start_of_last_lines(fd.get(), size, lines);
    REQUIRE(found);
    return *found;
  }
  io::Descriptor fd;
  std::size_t size;
};

TEST_CASE("the last lines begin where they should") {
  const File file("one\ntwo\nthree\n");
  CHECK(file.start(0) == 14);
  CHECK(file.start(1) == 8);
  CHECK(file.start(2) == 4);
  CHECK(file.start(3) == 0);
  CHECK(file.start(9) == 0);
}

TEST_CASE("a line without its end counts, an empty file has none") {
  CHECK(File("one\ntwo").start(1) == 4);
  CHECK(File("").start(5) == 0);
}

TEST_CASE("lines may be longer than one look back") {
  const std::string text = "first\n" + std::string(200'000, 'x') + "\nlast\n";
  const File file(text);
  CHECK(file.start(1) == text.size() - 5);
  CHECK(file.start(2) == 6);
}

TEST_CASE("a session's own name for a server leads to that server") {
  const auto status = proto::json::parse(
      R"({"servers":[{"name":"files","instance":1},{"name":"git","instance":2}],"sessions":[)"
      R"({"server":"repo","instance":2},{"server":"files","instance":1},{"server":"new","instance":0}]})");
  REQUIRE(status.root);
  CHECK(cli::server_used_as(*status.root, "repo") == "git");
  CHECK(cli::server_used_as(*status.root, "files") == "files");
  CHECK(cli::server_used_as(*status.root, "new").empty());
  CHECK(cli::server_used_as(*status.root, "other").empty());
}

TEST_CASE("logs are listed by their servers' names") {
  std::string directory = "/tmp/hearth-logs-test-XXXXXX";
  REQUIRE(::mkdtemp(directory.data()) != nullptr);
  const std::vector<std::string> files = {"b.log", "a.log", "a.log.1", ".log", "note"};
  for (const std::string& file : files) {
    const io::Descriptor made(::open((directory + "/" + file).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    REQUIRE(made);
  }
  CHECK(cli::logs_in(directory) == std::vector<std::string>{"a", "b"});
  for (const std::string& file : files) ::unlink((directory + "/" + file).c_str());
  ::rmdir(directory.c_str());
  CHECK(cli::logs_in(directory).empty());
}

}  // namespace
