#include "io/scribe.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "io/files.h"
#include "support.h"

using namespace std::chrono_literals;
using test::TempDir;

namespace {

io::Scribe started(io::Descriptor file) {
  auto scribe =
      io::Scribe::start(std::move(file), [](int code) { return "end " + std::to_string(code) + "\n"; });
  REQUIRE(scribe.has_value());
  return std::move(*scribe);
}

std::string content_of(const std::string& path) {
  return io::read_small_file(path, std::size_t{64} << 20).value();
}

// Of this process and those that it starts meanwhile.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("what a scribe is given stands in its file when it has finished") {
  const TempDir dir;
  const std::string path = dir / "file";
  io::Scribe scribe = started(io::make_new_file(path).value());
  std::string all;
  for (int i = 0; i < 20000; ++i) {
    const std::string line = "line " + std::to_string(i) + " of a long text, to fill what a socket holds\n";
    scribe.write(line);
    all += line;
  }
  scribe.finish(20s);
  CHECK(!scribe.trouble());
  CHECK(content_of(path) == all);
  struct stat status{};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("a scribe writes nothing over what is there, and follows no link") {
  const TempDir dir;
  CHECK(io::write_small_file(dir / "old", "old").has_value());
  CHECK(io::make_new_file(dir / "old").error().code == EEXIST);
  CHECK(content_of(dir / "old") == "old");
  REQUIRE(symlink((dir / "new").c_str(), (dir / "link").c_str()) == 0);
  CHECK(io::make_new_file(dir / "link").error().code == EEXIST);
  CHECK(io::make_new_file(dir / "nowhere/file").error().what.contains("No such file"));
}

TEST_CASE("a scribe says that the disk is full, and drops what comes then") {
  io::Scribe scribe = started(io::Descriptor(open("/dev/full", O_WRONLY | O_CLOEXEC)));
  scribe.write("line\n");
  scribe.finish(20s);
  CHECK(scribe.trouble() == ENOSPC);
  scribe.write("line\n");
  CHECK(scribe.waiting() == 0);
}

TEST_CASE("a file that takes nothing more ends with whole lines and a last one") {
  const TempDir dir;
  const std::string path = dir / "file";
  const FileSizeLimit limit(10000);
  io::Scribe scribe = started(io::make_new_file(path).value());
  std::string all;
  for (int i = 0; i < 3000; ++i) all += "line " + std::to_string(i) + "\n";
  scribe.write(all.substr(0, 20));
  scribe.write(all.substr(20));
  scribe.finish(20s);
  CHECK(scribe.trouble() == EFBIG);
  const std::string text = content_of(path);
  const std::string end = "end " + std::to_string(EFBIG) + "\n";
  REQUIRE(text.ends_with('\n' + end));
  const std::string before = text.substr(0, text.size() - end.size());
  CHECK(all.starts_with(before));
  CHECK(before.size() > 8000);
}

TEST_CASE("a file whose first lines fill the disk keeps the first of them") {
  const TempDir dir;
  const std::string path = dir / "file";
  const FileSizeLimit limit(100);
  io::Scribe scribe = started(io::make_new_file(path).value());
  scribe.write("first\n" + std::string(90, 'x') + "\nlast\n");
  scribe.finish(20s);
  CHECK(content_of(path) == "first\nend " + std::to_string(EFBIG) + "\n");
}

TEST_CASE("a scribe whose owner is gone writes what it was given") {
  const TempDir dir;
  const std::string path = dir / "file";
  {
    io::Scribe scribe = started(io::make_new_file(path).value());
    scribe.write("a last word\n");
  }
  while (waitpid(-1, nullptr, 0) > 0) {
  }
  CHECK(content_of(path) == "a last word\n");
}
