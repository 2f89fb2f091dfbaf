#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "io/files.h"
#include "io/last_lines.h"
#include "io/rotating_file.h"
#include "support.h"

using test::TempDir;

TEST_CASE("a log rotates by size and keeps so many files") {
  const TempDir dir;
  const std::string path = dir / "log";
  {
    io::RotatingFile log(path, 10, 3);
    for (const std::string text : {"aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dddddddddd", "ee"})
      log.write(text);
    CHECK(log.dropped_bytes() == 0);
  }
  CHECK(io::read_small_file(path).value() == "ee");
  CHECK(io::read_small_file(path + ".1").value() == "dddddddddd");
  CHECK(io::read_small_file(path + ".2").value() == "cccccccccc");
  CHECK_FALSE(std::filesystem::exists(path + ".3"));
  struct stat status{};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);

  io::RotatingFile again(path, 10, 3);
  again.write("ff");
  CHECK(io::read_small_file(path).value() == "eeff");
}

TEST_CASE("a log that cannot be written loses the text, counts it, and comes back") {
  const TempDir dir;
  io::RotatingFile log(dir / "below/log");
  log.write("lost");
  CHECK(log.dropped_bytes() == 4);
  std::filesystem::create_directory(dir / "below");
  log.write("kept");
  CHECK(log.dropped_bytes() == 4);
  CHECK(io::read_small_file(dir / "below/log").value() == "kept");

  io::RotatingFile full("/dev/full");
  full.write("lost");
  CHECK(full.dropped_bytes() == 4);
}

TEST_CASE("the last lines are few, short, and there before they end") {
  io::LastLines last;
  CHECK(last.text().empty());
  last.add("one\r\n\ntw");
  last.add("o\nthr");
  CHECK(last.text() == "one\ntwo\nthr");
  for (int i = 0; i < 100; ++i) last.add(std::to_string(i) + '\n');
  CHECK(last.text().starts_with("80\n81\n"));
  CHECK(last.text().ends_with("\n99"));
  last.add(std::string(std::size_t{1} << 20, 'x'));
  CHECK(last.text().size() < 2 * io::LastLines::line_bytes_max);
}
