#include "io/paths.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "io/apart_sweep.h"
#include "io/confinement.h"
#include "io/descriptor.h"
#include "io/inheritance.h"
#include "io/unix_socket.h"
#include "support.h"

using test::TempDir;
using test::Variable;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat status{};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

}  // namespace

TEST_CASE("one directory takes everything") {
  const Variable home("HEARTH_HOME", "/elsewhere/");
  const auto by_variable = io::paths_of({});
  REQUIRE(by_variable);
  CHECK(by_variable->home == "/elsewhere");
  CHECK(by_variable->config_file == "/elsewhere/config.json");
  CHECK(by_variable->socket == "/elsewhere/run/hearthd.sock");
  CHECK(by_variable->lock == "/elsewhere/run/hearthd.lock");
  CHECK(by_variable->state_dir == "/elsewhere/state");
  CHECK(by_variable->cache_dir == "/elsewhere/cache");

  const auto by_flag = io::paths_of("/flag");
  REQUIRE(by_flag);
  CHECK(by_flag->home == "/flag");
  CHECK_FALSE(io::paths_of(""));
}

TEST_CASE("hearth is named so that a shell finds the home, whatever it is called") {
  const auto named = [](const std::string& home) {
    io::Paths paths;
    paths.home = home;
    return io::hearth_for(paths);
  };
  CHECK(named("") == "hearth");
  CHECK(named("/h-1/x.y") == "hearth --home /h-1/x.y");
  CHECK(named("/a b") == "hearth --home '/a b'");
  CHECK(named("/it's;$x") == R"(hearth --home '/it'\''s;$x')");
}

TEST_CASE("a daemon for other surroundings shares the configuration and nothing else") {
  const auto usual = io::paths_of("/h");
  REQUIRE(usual);
  const io::Paths apart = io::paths_apart(*usual, "0123456789abcdef");
  CHECK(apart.config_file == "/h/config.json");
  CHECK(apart.socket == "/h/run/apart/0123456789abcdef/hearthd.sock");
  CHECK(apart.lock == "/h/run/apart/0123456789abcdef/hearthd.lock");
  CHECK(apart.records_dir == "/h/run/apart/0123456789abcdef/instances");
  CHECK(apart.log_dir == "/h/state/apart/0123456789abcdef/logs");
}

TEST_CASE("surroundings have one name as long as nothing differs that keeps a session away") {
  base::Inheritance own = io::own_inheritance();
  own.limits["nofile"] = {.soft = 1024, .hard = 524288};
  own.limits["cpu"] = {};
  const std::string name = io::name_of_surroundings(own);
  CHECK(name.size() == 16);
  CHECK(name == io::name_of_surroundings(own));
  base::Inheritance other = own;
  other.settings["umask"] = 077;
  other.settings["nice"] = -5;
  other.limits["nofile"] = {.soft = 1048576, .hard = 1048576};
  CHECK(io::name_of_surroundings(other) == name);
  other.limits["nofile"].hard = 256;
  CHECK(io::name_of_surroundings(other) != name);
  other = own;
  other.limits["cpu"].hard = 2;
  CHECK(io::name_of_surroundings(other) != name);
  other = own;
  other.settings["nice"] = 7;
  CHECK(io::name_of_surroundings(other) != name);
  other = own;
  other.confines["net"] = "net:[1]";
  CHECK(io::name_of_surroundings(other) != name);

  CHECK_FALSE(io::too_limited_for_others(own));
  own.limits["fsize"].hard = 1 << 20;
  CHECK(io::too_limited_for_others(own));
}

TEST_CASE("a home that others may write is refused") {
  const TempDir dir;
  CHECK(io::paths_of(dir.path()));
  REQUIRE(chmod(dir.path().c_str(), 0777) == 0);
  const auto refused = io::paths_of(dir.path());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == "the directory " + dir.path() +
                                    " can be written by others (mode 0777), and is not used; close it with "
                                    "chmod go-w");
  // As in /tmp: what is in it is protected.
  REQUIRE(chmod(dir.path().c_str(), 01777) == 0);
  CHECK(io::paths_of(dir.path()));
}

TEST_CASE(
    "directories of daemons in sandboxes go when they are old or many, and not while their daemon lives") {
  const TempDir dir;
  const io::Paths usual = io::paths_of(dir.path()).value();
  const auto make = [&](const std::string& name, std::chrono::hours age) {
    const io::Paths apart = io::paths_apart(usual, name);
    for (const std::string& path : {apart.run_dir, apart.state_dir}) {
      std::filesystem::create_directories(path);
      std::ofstream(path + "/hearthd.lock") << "";
      std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - age);
    }
    return apart;
  };
  const io::Paths own = make("own", std::chrono::hours(100));
  const io::Paths living = make("living", std::chrono::hours(100));
  const io::Paths recent = make("recent", std::chrono::hours(1));
  const io::Paths old = make("old", std::chrono::hours(25));
  const io::Descriptor lock(open(living.lock.c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(flock(lock.get(), LOCK_EX) == 0);
  io::sweep_apart(own);
  for (const io::Paths& kept : {own, living, recent}) {
    CHECK(std::filesystem::exists(kept.run_dir));
    CHECK(std::filesystem::exists(kept.state_dir));
  }
  CHECK_FALSE(std::filesystem::exists(old.run_dir));
  CHECK_FALSE(std::filesystem::exists(old.state_dir));

  for (int i = 0; i < 40; ++i) make("many" + std::to_string(i), std::chrono::hours(2));
  io::sweep_apart(own);
  const auto count = [](const std::string& directory) {
    return std::distance(std::filesystem::directory_iterator(directory),
                         std::filesystem::directory_iterator());
  };
  CHECK(count(usual.run_dir + "/apart") == 34);  // Ours, the living one's, and the newest 32.
  CHECK(count(usual.state_dir + "/apart") == 34);
  CHECK(std::filesystem::exists(recent.run_dir));
}

TEST_CASE("a relative home is made absolute: the daemon runs in /") {
  const auto paths = io::paths_of("some/where");
  REQUIRE(paths);
  CHECK(paths->home == std::filesystem::current_path().string() + "/some/where");
}

TEST_CASE("without a home, uid and HOME decide, and XDG variables do not") {
  const Variable none("HEARTH_HOME", nullptr);
  const Variable home("HOME", "/home/somebody");
  const Variable runtime("XDG_RUNTIME_DIR", "/wrong");
  const Variable config("XDG_CONFIG_HOME", "/wrong");
  const Variable state("XDG_STATE_HOME", "/wrong");
  const auto paths = io::paths_of({});
  REQUIRE(paths);
  CHECK(paths->home.empty());
  CHECK(paths->config_file == "/home/somebody/.config/hearth/config.json");
  CHECK(paths->state_dir == "/home/somebody/.local/state/hearth");
  CHECK(paths->cache_dir == "/home/somebody/.cache/hearth");
  const std::string uid = std::to_string(getuid());
  const bool known =
      paths->run_dir == "/run/user/" + uid + "/hearth" || paths->run_dir == "/tmp/hearth-" + uid;
  CHECK(known);
}

TEST_CASE("without HOME, /etc/passwd tells") {
  const Variable none("HEARTH_HOME", nullptr);
  const Variable home("HOME", nullptr);
  const auto paths = io::paths_of({});
  REQUIRE(paths);
  if (getuid() == 0) CHECK(paths->config_file == "/root/.config/hearth/config.json");
}

TEST_CASE("a run directory too long for an address gets a short socket path, always the same") {
  const std::string longest(150, 'x');
  const auto one = io::paths_of('/' + longest);
  const auto same = io::paths_of('/' + longest + '/');
  const auto other = io::paths_of('/' + longest + 'y');
  REQUIRE(one);
  REQUIRE(same);
  REQUIRE(other);
  CHECK(one->socket.size() <= io::socket_path_max);
  CHECK(one->socket == same->socket);
  CHECK(one->socket != other->socket);
  CHECK(one->lock.starts_with('/' + longest));
}

TEST_CASE("a private directory is made with its parents, and closed if it is open") {
  const TempDir dir;
  REQUIRE(io::make_private_directory(dir / "a/b/c"));
  CHECK(mode_of(dir / "a/b/c") == 0700);
  REQUIRE(chmod((dir / "a/b/c").c_str(), 0777) == 0);
  REQUIRE(io::make_private_directory(dir / "a/b/c"));
  CHECK(mode_of(dir / "a/b/c") == 0700);
}

TEST_CASE("what is in the way of a private directory is named") {
  const TempDir dir;
  std::ofstream(dir / "file") << "x";
  const auto file = io::make_private_directory(dir / "file");
  REQUIRE_FALSE(file);
  CHECK(file.error().what.find(dir / "file") != std::string::npos);
  CHECK_FALSE(io::make_private_directory(dir / "file/below"));
}

TEST_CASE("a symbolic link is followed where only we could have made it, and refused elsewhere") {
  const TempDir dir;
  REQUIRE(io::make_private_directory(dir / "target"));
  std::filesystem::create_directory_symlink(dir / "target", dir / "link");
  CHECK(io::make_private_directory(dir / "link"));
  REQUIRE(chmod(dir.path().c_str(), 01777) == 0);
  const auto refused = io::make_private_directory(dir / "link");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("symbolic link") != std::string::npos);
}

TEST_CASE("somebody else's directory is refused") {
  if (getuid() != 0) return;
  const TempDir dir;
  REQUIRE(mkdir((dir / "theirs").c_str(), 0700) == 0);
  REQUIRE(chown((dir / "theirs").c_str(), 65534, 65534) == 0);
  const auto refused = io::make_private_directory(dir / "theirs");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("belongs to uid 65534") != std::string::npos);
}
