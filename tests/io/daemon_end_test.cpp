#include "io/daemon_end.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <optional>

#include "io/daemon_start.h"
#include "io/unix_socket.h"
#include "support.h"

using test::TempDir;
using test::Witness;

namespace {

struct DaemonHome {
  TempDir dir;
  io::Paths paths = io::paths_of(dir.path()).value();

  // A daemon in it; its process id.
  pid_t start() const {
    const auto connection = io::connect_or_start(paths, test::helper);
    REQUIRE(connection);
    return test::numbers_in(test::read_line(connection->get())).front();
  }
  void write_lock(const std::string& text) const { std::ofstream(paths.lock) << text; }
};

}  // namespace

TEST_CASE("the daemon is the process that holds the lock, whatever the lock file says") {
  const DaemonHome home;
  const pid_t daemon = home.start();
  // One that only has the file open, as starters do while they wait.
  const io::Descriptor waiting(open(home.paths.lock.c_str(), O_RDWR | O_CLOEXEC));
  for (const std::string& text : {std::to_string(daemon) + '\n', std::to_string(getpid()) + '\n',
                                  std::string("1\n"), std::string(), std::string("garbage")}) {
    CAPTURE(text);
    home.write_lock(text);
    const auto found = io::daemon_process(home.paths);
    REQUIRE(found);
    CHECK(found->pid == daemon);
  }
  REQUIRE(kill(daemon, SIGSTOP) == 0);
  while (!io::daemon_process(home.paths)->suspended) sched_yield();
  CHECK(io::daemon_hangs(home.paths).what ==
        "the daemon (process " + std::to_string(daemon) + ") is suspended and does not answer; 'kill -CONT " +
            std::to_string(daemon) + "' lets it go on, 'hearth --home " + home.dir.path() +
            " shutdown --force' ends it and its servers");
  CHECK_FALSE(io::daemon_ends_within(home.paths, base::Duration(0)));

  const Witness witness(daemon);
  const auto killed = io::end_daemon_by_force(home.paths);
  REQUIRE(killed);
  CHECK(*killed == daemon);
  CHECK_FALSE(witness.alive());
  CHECK(io::daemon_ends_within(home.paths, base::Duration(0)));
  CHECK(access(home.paths.socket.c_str(), F_OK) != 0);
}

TEST_CASE("where no daemon is, force ends nothing") {
  const DaemonHome home;
  CHECK_FALSE(io::daemon_process(home.paths));
  REQUIRE(io::prepare_run_directory(home.paths));
  home.write_lock(std::to_string(getppid()) + '\n');
  CHECK_FALSE(io::daemon_process(home.paths));
  const auto killed = io::end_daemon_by_force(home.paths);
  REQUIRE(killed);
  CHECK(*killed == 0);
}

TEST_CASE("a daemon has ended when its process is gone, although its lock is free before") {
  const DaemonHome home;
  REQUIRE(io::prepare_run_directory(home.paths));
  const pid_t ending = fork();
  if (ending == 0) {
    for (;;) pause();
  }
  const auto process = io::process_of(ending);
  REQUIRE(process);
  CHECK(io::daemon_ends_within(home.paths, std::nullopt, base::Duration(0)));
  CHECK_FALSE(io::daemon_ends_within(home.paths, process, base::Duration(0)));
  kill(ending, SIGKILL);
  CHECK(io::daemon_ends_within(home.paths, process, std::chrono::seconds(60)));
  waitpid(ending, nullptr, 0);
}

TEST_CASE("nothing is sent for ever to an end that does not read") {
  const test::SocketPair pair;
  const auto sent = io::send_all(pair.ours.get(), std::string(std::size_t{8} << 20, 'x'));
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == ETIMEDOUT);
}
