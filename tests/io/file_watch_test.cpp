#include "io/file_watch.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support.h"

namespace {

namespace fs = std::filesystem;

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

// Notes what is told, and lets what was written before be told first.
struct Watched {
  io::Loop loop;
  int changes = 0;
  std::vector<std::string> troubles;
  io::FileWatch watch{loop,
                      {.changed = [this] { ++changes; },
                       .trouble = [this](const base::Error& why) { troubles.push_back(why.what); }}};

  bool notices(const std::function<void()>& act) {
    const int before = changes;
    act();
    return test::run_until(loop, [&] { return changes > before; });
  }

  // Whether the act is noticed before a change of another watched file that comes after it.
  bool overlooks(const std::function<void()>& act, const std::string& other) {
    io::FileWatch second(loop, {.changed = [this] { ++others; }, .trouble = [](const base::Error&) {}});
    second.watch({other});
    const int before = changes;
    act();
    write_file(other, "x");
    return test::run_until(loop, [&] { return others > 0; }) && changes == before;
  }
  int others = 0;
};

}  // namespace

TEST_CASE("file watch: a file that is written in place, renamed over, removed and made again") {
  const test::TempDir dir;
  const std::string file = dir / "config.json";
  write_file(file, "1");
  Watched watched;
  watched.watch.watch({file});
  CHECK(watched.notices([&] { write_file(file, "2"); }));
  write_file(dir / "new", "3");
  CHECK(watched.notices([&] { fs::rename(dir / "new", file); }));
  CHECK(watched.notices([&] { write_file(file, "4"); }));
  CHECK(watched.notices([&] { fs::remove(file); }));
  CHECK(watched.notices([&] { write_file(file, "5"); }));
  CHECK(watched.notices([&] { fs::permissions(file, fs::perms::owner_read); }));
  CHECK(watched.troubles.empty());
}

TEST_CASE("file watch: the steps of an editor are told once") {
  const test::TempDir dir;
  const std::string file = dir / "config.json";
  write_file(file, "1");
  Watched watched;
  watched.watch.watch({file});
  CHECK(watched.notices([&] {
    fs::rename(file, dir / "config.json~");
    write_file(file, "2");
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    fs::remove(dir / "config.json~");
  }));
  CHECK(watched.changes == 1);
}

TEST_CASE("file watch: other files of the directory are not told") {
  const test::TempDir dir;
  const test::TempDir elsewhere;
  write_file(dir / "config.json", "1");
  write_file(elsewhere / "file", "1");
  Watched watched;
  watched.watch.watch({dir / "config.json"});
  CHECK(watched.overlooks([&] { write_file(dir / "other", "2"); }, elsewhere / "file"));
  // Nor is one that is being written.
  std::ofstream open(dir / "config.json", std::ios::app);
  CHECK(watched.overlooks([&] { open << "half" << std::flush; }, elsewhere / "file"));
  CHECK(watched.notices([&] { open.close(); }));
}

TEST_CASE("file watch: a symbolic link that is switched, and the file behind it") {
  const test::TempDir dir;
  fs::create_directory(dir / "one");
  fs::create_directory(dir / "two");
  write_file(dir / "one/config.json", "1");
  write_file(dir / "two/config.json", "2");
  const std::string file = dir / "config.json";
  fs::create_symlink("one/config.json", file);
  Watched watched;
  watched.watch.watch({file});
  CHECK(watched.notices([&] { write_file(dir / "one/config.json", "3"); }));
  fs::create_symlink(dir / "two/config.json", dir / "next");
  CHECK(watched.notices([&] { fs::rename(dir / "next", file); }));
  CHECK(watched.notices([&] { write_file(dir / "two/config.json", "4"); }));
}

TEST_CASE("file watch: a directory behind a link is switched, as Kubernetes does it") {
  const test::TempDir dir;
  for (const char* each : {"..first", "..second"}) {
    fs::create_directory(dir / each);
    write_file(dir / each + "/config.json", each);
  }
  fs::create_directory_symlink("..first", dir / "..data");
  fs::create_symlink("..data/config.json", dir / "config.json");
  Watched watched;
  watched.watch.watch({dir / "config.json"});
  fs::create_directory_symlink("..second", dir / "..data_tmp");
  CHECK(watched.notices([&] { fs::rename(dir / "..data_tmp", dir / "..data"); }));
  CHECK(watched.notices([&] { write_file(dir / "..second/config.json", "new"); }));
}

TEST_CASE("file watch: a directory that comes later, is replaced, and goes") {
  const test::TempDir dir;
  const std::string file = dir / "a/b/config.json";
  Watched watched;
  watched.watch.watch({file});
  CHECK(watched.notices([&] { fs::create_directories(dir / "a/b"); }));
  CHECK(watched.notices([&] { write_file(file, "1"); }));
  fs::create_directories(dir / "new/b");
  write_file(dir / "new/b/config.json", "2");
  CHECK(watched.notices([&] {
    fs::rename(dir / "a", dir / "old");
    fs::rename(dir / "new", dir / "a");
  }));
  CHECK(watched.notices([&] { write_file(file, "3"); }));
  CHECK(watched.notices([&] { fs::remove_all(dir / "a"); }));
  CHECK(watched.notices([&] {
    fs::create_directories(dir / "a/b");
    write_file(file, "4");
  }));
}

TEST_CASE("file watch: other files from now on") {
  const test::TempDir dir;
  write_file(dir / "one", "1");
  write_file(dir / "two", "1");
  Watched watched;
  watched.watch.watch({dir / "one"});
  watched.watch.watch({dir / "two"});
  CHECK(watched.notices([&] { write_file(dir / "two", "2"); }));
  const test::TempDir elsewhere;
  write_file(elsewhere / "file", "1");
  CHECK(watched.overlooks([&] { write_file(dir / "one", "2"); }, elsewhere / "file"));
}

// In a user namespace of its own, which has limits of its own. Says why it cannot be had, or what went wrong.
std::string said_beyond_the_limit(const std::string& file) {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::string said = "skipped";
    const std::string own = "0 " + std::to_string(geteuid()) + " 1";
    const bool apart = unshare(CLONE_NEWUSER) == 0 && (std::ofstream("/proc/self/uid_map") << own).flush();
    std::ofstream limit("/proc/sys/user/max_inotify_watches");
    if (apart && (limit << 1).flush()) {
      Watched watched;
      watched.watch.watch({file});
      said = watched.troubles.size() == 1 ? watched.troubles[0]
                                          : "said " + std::to_string(watched.troubles.size());
    }
    const ssize_t written = write(ends[1], said.data(), said.size());
    _exit(written < 0 ? 1 : 0);
  }
  close(ends[1]);
  std::string said = test::read_all(ends[0]);
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return said;
}

TEST_CASE("file watch: the limit of watches is named") {
  const test::TempDir dir;
  write_file(dir / "config.json", "1");
  const std::string said = said_beyond_the_limit(dir / "config.json");
  if (said == "skipped") return;  // No user namespaces here.
  CHECK(said.ends_with("the limit of fs.inotify.max_user_watches is reached"));
}

TEST_CASE("file watch: what cannot be watched is said once, and noticed again when it can be") {
  const test::TempDir dir;
  write_file(dir / "config.json", "1");
  Watched watched;
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit none = before;
  none.rlim_cur = 0;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  watched.watch.watch({dir / "config.json"});
  watched.watch.watch({dir / "config.json"});
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(watched.troubles.size() == 1);
  CHECK(watched.troubles[0].contains("are not noticed: the limit of open files"));
  watched.watch.watch({dir / "config.json"});
  CHECK(watched.troubles.size() == 1);
  CHECK(watched.notices([&] { write_file(dir / "config.json", "2"); }));
}
