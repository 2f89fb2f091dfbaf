#include "io/daemon_start.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>

#include "io/daemon_end.h"
#include "io/files.h"
#include "io/unix_socket.h"
#include "support.h"

using test::TempDir;
using test::Variable;
using test::Witness;

namespace {

// A home with a fake daemon in it, which is told to quit at the end.
struct Home {
  TempDir dir;
  Variable starts{"HEARTH_TEST_STARTS", (dir / "starts").c_str()};
  io::Paths paths = io::paths_of(dir.path()).value();

  Home() = default;
  explicit Home(const std::string& below) : paths(io::paths_of(dir / below).value()) {}
  ~Home() {
    const auto connection = io::connect_existing(paths);
    if (connection && io::send_all(connection->get(), "quit")) test::read_all(connection->get());
    unlink(paths.socket.c_str());
    if (paths.socket_dir != paths.run_dir) rmdir(paths.socket_dir.c_str());
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  std::size_t count_starts() const {
    std::istringstream lines(io::read_small_file(dir / "starts").value_or(""));
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line);) ++count;
    return count;
  }
};

}  // namespace

TEST_CASE("without a daemon one is started, and it is detached") {
  const Home home;
  const auto none = io::connect_existing(home.paths);
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ENOENT);

  const auto connection = io::connect_or_start(home.paths, test::helper);
  REQUIRE(connection);
  std::istringstream said(test::read_line(connection->get()));
  pid_t pid = 0;
  pid_t session = 0;
  std::string seventh;
  std::string directory;
  said >> pid >> session >> seventh >> directory;
  CHECK(session == pid);
  CHECK(seventh == "closed");
  CHECK(directory == "/");
  CHECK(io::read_small_file(home.paths.lock).value() == std::to_string(pid) + '\n');
  struct stat status{};
  REQUIRE(stat(home.paths.run_dir.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);

  const auto second = io::connect_or_start(home.paths, "/no/such/daemon");
  REQUIRE(second);
  CHECK(home.count_starts() == 1);
}

TEST_CASE("a daemon takes nothing over from the session that starts it") {
  const Home home;
  // In a process of its own, because not everything can be taken back.
  const test::Helper starter = test::start_helper({"burdened", home.dir.path()});
  const pid_t pid = test::numbers_in(test::read_line(starter.output.get())).front();
  waitpid(starter.pid, nullptr, 0);
  const std::string proc = "/proc/" + std::to_string(pid);
  CHECK(io::read_small_file(proc + "/status").value().contains("\nUmask:\t0022\n"));
  CHECK(io::read_small_file(proc + "/oom_score_adj").value() == "0\n");
  CHECK(io::read_small_file(proc + "/coredump_filter").value() == "00000033\n");
#ifndef __SANITIZE_THREAD__
  CHECK(io::read_small_file(proc + "/personality").value() == "00000000\n");
#endif
  const long io_class = syscall(SYS_ioprio_get, 1, pid) >> 13;
  CHECK(io_class == 0);
  CHECK(sched_getscheduler(pid) == SCHED_OTHER);
  rlimit limit{};
  REQUIRE(prlimit(pid, RLIMIT_CPU, nullptr, &limit) == 0);
  CHECK(limit.rlim_cur > 100);
  REQUIRE(prlimit(pid, RLIMIT_FSIZE, nullptr, &limit) == 0);
  CHECK(limit.rlim_cur > rlim_t{100} << 20);
  cpu_set_t cpus;
  REQUIRE(sched_getaffinity(pid, sizeof cpus, &cpus) == 0);
  cpu_set_t ours;
  REQUIRE(sched_getaffinity(0, sizeof ours, &ours) == 0);
  CHECK(CPU_COUNT(&cpus) >= CPU_COUNT(&ours));
  // A nice value goes back only with the right to.
  if (geteuid() == 0) CHECK(getpriority(PRIO_PROCESS, static_cast<id_t>(pid)) == 0);
}

TEST_CASE("racing starters end with one daemon") {
  for (int round = 0; round < 20; ++round) {
    CAPTURE(round);
    const Home home;
    const test::Helper race = test::start_helper({"starters", "2", home.dir.path()});
    std::set<std::string> answers;
    std::istringstream lines(test::read_all(race.output.get()));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) answers.insert(line);
    waitpid(race.pid, nullptr, 0);
    CHECK(count == 2);
    CHECK(answers.size() == 1);
    CHECK(home.count_starts() == 1);
    CHECK(home.count_starts() == 1);
  }
}

TEST_CASE("fifty at once end with one daemon too") {
  const Home home;
  const test::Helper race = test::start_helper({"starters", "50", home.dir.path()});
  std::set<std::string> answers;
  std::istringstream lines(test::read_all(race.output.get()));
  for (std::string line; std::getline(lines, line);) answers.insert(line);
  waitpid(race.pid, nullptr, 0);
  CHECK(answers.size() == 1);
  CHECK(home.count_starts() == 1);
}

TEST_CASE("after kill -9 of the daemon the stale socket is replaced") {
  const Home home;
  auto connection = io::connect_or_start(home.paths, test::helper);
  REQUIRE(connection);
  const pid_t pid = test::numbers_in(test::read_line(connection->get())).front();
  const Witness witness(pid);
  REQUIRE(kill(pid, SIGKILL) == 0);
  REQUIRE(witness.died());
  const auto stale = io::connect_existing(home.paths);
  REQUIRE_FALSE(stale);
  CHECK(stale.error().code == ECONNREFUSED);
  connection = io::connect_or_start(home.paths, test::helper);
  REQUIRE(connection);
  CHECK(test::numbers_in(test::read_line(connection->get())).front() != pid);
  CHECK(home.count_starts() == 2);
}

TEST_CASE("a directory too deep for a socket address works all the same") {
  const Home home(std::string(120, 'd'));
  CHECK(home.paths.socket_dir != home.paths.run_dir);
  auto first = io::connect_or_start(home.paths, test::helper);
  REQUIRE(first);
  const std::string said = test::read_line(first->get());
  first->reset();
  const auto second = io::connect_existing(home.paths);
  REQUIRE(second);
  CHECK(test::read_line(second->get()) == said);
}

TEST_CASE("a run directory that is open to others is closed") {
  const Home home;
  REQUIRE(mkdir(home.paths.run_dir.c_str(), 0777) == 0);
  REQUIRE(chmod(home.paths.run_dir.c_str(), 0777) == 0);
  REQUIRE(io::connect_or_start(home.paths, test::helper));
  struct stat status{};
  REQUIRE(stat(home.paths.run_dir.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
}

// Each with a home of its own: until a dying daemon is quite dead, its socket may still take a connection.
TEST_CASE("why a daemon cannot run is what the starter says") {
  const Home home;
  const Variable behaviour("HEARTH_TEST_DAEMON", "complain");
  const auto refused = io::connect_or_start(home.paths, test::helper);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == "the configuration cannot be read: it is a poem");
}

TEST_CASE("a daemon that dies without a word is not taken for a ready one") {
  for (int i = 0; i < 20; ++i) {
    const Home home;
    const Variable behaviour("HEARTH_TEST_DAEMON", "die");
    const auto refused = io::connect_or_start(home.paths, test::helper);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what == "the daemon ended as soon as it was started; see " + home.paths.daemon_log);
  }
}

TEST_CASE("a daemon that cannot be run is named, and the next may be") {
  const Home home;
  const auto refused = io::connect_or_start(home.paths, "/no/such/hearthd");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == "cannot run the daemon /no/such/hearthd: No such file or directory");
  CHECK(io::connect_or_start(home.paths, test::helper));
}

TEST_CASE("a lock that nobody lets go of is named, with its holder") {
  const Home home;
  REQUIRE(io::prepare_run_directory(home.paths));
  const io::Descriptor lock(open(home.paths.lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(write(lock.get(), "4711\n", 5) == 5);
  REQUIRE(flock(lock.get(), LOCK_EX) == 0);
  const auto refused =
      io::connect_or_start(home.paths, test::helper, {.lock = std::chrono::milliseconds(30)});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == "the daemon does not answer, and process 4711 holds " + home.paths.lock +
                                    "; if it hangs, '" + io::hearth_for(home.paths) +
                                    " shutdown --force' ends it");
}

TEST_CASE(
    "where only a service manager listens a question finds no daemon, and a daemon of a session's is one") {
  const Home home;
  CHECK(io::expect_no_daemon(home.paths));  // It leaves the lock's file behind.
  {
    const auto manager = io::listen_on(home.paths.socket);
    REQUIRE(manager);
    CHECK(io::connect_existing(home.paths));
    const auto none = io::connect_running(home.paths);
    REQUIRE_FALSE(none);
    CHECK(none.error().code == ENOENT);
    CHECK(io::daemon_hangs(home.paths).what.contains("a service manager listens on " + home.paths.socket));
  }
  REQUIRE(io::connect_or_start(home.paths, test::helper));
  CHECK(io::connect_running(home.paths));
  const auto refused = io::expect_no_daemon(home.paths);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == EEXIST);
}

TEST_CASE("a service whose socket was passed waits for the lock, and says who has it") {
  const Home home;
  REQUIRE(io::connect_or_start(home.paths, test::helper));
  io::Activation activation;
  activation.sessions = io::make_pipe().value().read_end;
  const base::Error why = io::become_the_daemon(home.paths, test::helper, {}, std::move(activation),
                                                {.lock = std::chrono::milliseconds(1)});
  CHECK(why.code == EEXIST);
  CHECK(why.what.contains("which the service manager did not start"));
  CHECK(why.what.contains("'" + io::hearth_for(home.paths) + " shutdown --force'"));
}
