// Sockets that a service manager passes: which are taken, for what, and which are refused.
#include "io/activation.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "io/tcp_socket.h"
#include "io/unix_socket.h"
#include "support.h"

using test::TempDir;
using test::Variable;

namespace {

constexpr int first_number = 100;  // A test process has other things at 3.

// The environment that a manager makes, and its sockets at first_number and above.
struct Passing {
  TempDir dir;
  std::string socket = dir / "hearthd.sock";
  Variable pid{"LISTEN_PID", std::to_string(getpid()).c_str()};
  Variable notify{"NOTIFY_SOCKET", nullptr};
  Variable usec{"WATCHDOG_USEC", nullptr};
  Variable watched{"WATCHDOG_PID", nullptr};

  base::Result<io::Activation> take(const std::vector<io::Descriptor>& sockets) const {
    const Variable count("LISTEN_FDS", std::to_string(sockets.size()).c_str());
    for (std::size_t i = 0; i < sockets.size(); ++i)
      REQUIRE(dup2(sockets[i].get(), first_number + static_cast<int>(i)) >= 0);
    auto taken = io::take_activation(socket, first_number);
    if (!taken) io::close_from(first_number);
    return taken;
  }
  std::string refusal(const std::vector<io::Descriptor>& sockets) const {
    const auto taken = take(sockets);
    return taken ? "" : taken.error().what;
  }
};

std::vector<io::Descriptor> these(io::Descriptor one) {
  std::vector<io::Descriptor> all;
  all.push_back(std::move(one));
  return all;
}

}  // namespace

TEST_CASE("activation: the socket of sessions and a port are told apart in either order, and close on exec") {
  const Passing passing;
  for (const bool port_first : {false, true}) {
    CAPTURE(port_first);
    unlink(passing.socket.c_str());
    auto sockets =
        these(port_first ? io::listen_on("127.0.0.1", 0).value() : io::listen_on(passing.socket).value());
    sockets.push_back(port_first ? io::listen_on(passing.socket).value()
                                 : io::listen_on("127.0.0.1", 0).value());
    const auto taken = passing.take(sockets);
    REQUIRE(taken);
    CHECK(taken->sessions.get() == first_number + (port_first ? 1 : 0));
    CHECK(taken->port.get() == first_number + (port_first ? 0 : 1));
    CHECK((fcntl(taken->sessions.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(io::address_of(taken->port) == "127.0.0.1");
  }
}

TEST_CASE("activation: what is meant for another process is left alone") {
  const Passing passing;
  const auto sockets = these(io::listen_on(passing.socket).value());
  for (const char* pid : {"1", "", "x", static_cast<const char*>(nullptr)}) {
    const Variable other("LISTEN_PID", pid);
    const auto taken = passing.take(sockets);
    REQUIRE(taken);
    CHECK_FALSE(taken->sessions);
    io::close_from(first_number);
  }
  const auto none = passing.take({});
  REQUIRE(none);
  CHECK_FALSE(none->sessions);
}

TEST_CASE("activation: a socket that sessions do not connect to is refused, and both paths are named") {
  const Passing passing;
  const std::string why = passing.refusal(these(io::listen_on(passing.dir / "other.sock").value()));
  CHECK(why.contains(passing.dir / "other.sock"));
  CHECK(why.contains("sessions connect to " + passing.socket));
}

TEST_CASE("activation: what does not listen, two ports, and too many sockets are refused") {
  const Passing passing;
  CHECK(passing.refusal(these(io::make_pipe().value().read_end)).contains("no socket that listens"));
  auto ports = these(io::listen_on("127.0.0.1", 0).value());
  ports.push_back(io::listen_on("127.0.0.1", 0).value());
  CHECK(passing.refusal(ports).contains("another port too"));
  const Variable many("LISTEN_FDS", "1000");
  CHECK(io::take_activation(passing.socket, first_number).error().what.contains("1000 sockets"));
}

TEST_CASE("activation: the notify socket and the watchdog are those of this process") {
  const Passing passing;
  const Variable notify("NOTIFY_SOCKET", "@somewhere");
  const Variable usec("WATCHDOG_USEC", "30000000");
  const auto take = [&] { return passing.take({}).value().notify; };
  CHECK(take().socket == "@somewhere");
  CHECK(take().watchdog == std::chrono::seconds(30));
  const Variable ours("WATCHDOG_PID", std::to_string(getpid()).c_str());
  CHECK(take().watchdog == std::chrono::seconds(30));
  const Variable other("WATCHDOG_PID", "1");
  CHECK(take().watchdog.count() == 0);
  const Variable nonsense("WATCHDOG_USEC", "soon");
  CHECK(take().watchdog.count() == 0);
}
