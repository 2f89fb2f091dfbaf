#include "io/command.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "support.h"

using test::TempDir;
using test::Variable;

TEST_CASE("command: what it says and how it ends, without our descriptors and with our variables") {
  const Variable outer("HEARTH_TEST_OUTER", "outer");
  const Variable both("HEARTH_TEST_BOTH", "outer");
  const auto end = io::run_command(
      {"/bin/sh", "-c",
       "echo $HEARTH_TEST_OUTER $HEARTH_TEST_BOTH; cat; echo bad >&2; ls /proc/self/fd | wc -l; exit 3"},
      {"HEARTH_TEST_BOTH=inner"}, std::chrono::minutes(1));
  REQUIRE(end);
  CHECK(end->status == 3);
  CHECK(end->output == "outer inner\nbad\n4\n");  // ls itself has opened the directory.
}

TEST_CASE("command: signals, absent programs and endless output are told") {
  const auto run = [](const char* script) {
    return io::run_command({"/bin/sh", "-c", script}, {}, std::chrono::minutes(1)).value();
  };
  CHECK(run("kill -9 $$").status == 128 + 9);
  CHECK(io::run_command({"/nonexistent"}, {}, std::chrono::minutes(1))->status == 127);
  CHECK(run("head -c 1000000 /dev/zero").output.size() == std::size_t{64} << 10);
}

TEST_CASE("command: one that does not end is killed with what it has started") {
  const auto end = io::run_command({"/bin/sh", "-c", "sleep 1000 & wait"}, {}, std::chrono::milliseconds(1));
  REQUIRE_FALSE(end);
  CHECK(end.error().code == ETIMEDOUT);
}

TEST_CASE("command: the first program of PATH is found, and neither directories nor relative entries") {
  const TempDir dir;
  mkdir((dir / "a").c_str(), 0700);
  mkdir((dir / "a/tool").c_str(), 0700);
  mkdir((dir / "b").c_str(), 0700);
  std::ofstream(dir / "b/tool") << "#!/bin/sh\n";
  const Variable path("PATH", ("relative:" + (dir / "a") + ":" + (dir / "b")).c_str());
  CHECK(io::program_in_path("tool").empty());
  chmod((dir / "b/tool").c_str(), 0700);
  CHECK(io::program_in_path("tool") == dir / "b/tool");
}
