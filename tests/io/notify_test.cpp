// What a service manager is told, at a socket that stands for it.
#include "io/notify.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>

#include "support.h"

using test::TempDir;

namespace {

// The manager: a socket that datagrams come to.
class ServiceManager {
 public:
  explicit ServiceManager(std::string name)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const bool abstract = name.starts_with('@');
    if (abstract) name[0] = '\0';
    std::memcpy(address.sun_path, name.data(), name.size());
    const auto length =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1));
    REQUIRE(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
  }

  // The next datagram; absent: none has come.
  std::optional<std::string> heard() const {
    std::array<char, 512> text{};
    const ssize_t got = recv(socket_.get(), text.data(), text.size(), 0);
    if (got < 0) return {};
    return std::string(text.data(), static_cast<std::size_t>(got));
  }

 private:
  io::Descriptor socket_;
};

}  // namespace

TEST_CASE("notify: each state is one datagram, to a path and to an abstract name") {
  const TempDir dir;
  for (const std::string& name : {dir / "notify", "@hearth-test-" + std::to_string(getpid())}) {
    CAPTURE(name);
    const ServiceManager manager(name);
    io::Loop loop;
    io::Notifier notifier(loop, {.socket = name});
    CHECK(notifier);
    notifier.ready("all is well\nREADY=0");
    CHECK(manager.heard() == "READY=1\nSTATUS=all is well");
    notifier.reloading();
    const std::string reloading = manager.heard().value_or("");
    CHECK(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="));
    CHECK(reloading.find_first_not_of("0123456789", reloading.rfind('=') + 1) == std::string::npos);
    notifier.stopping();
    CHECK(manager.heard() == "STOPPING=1");
    CHECK_FALSE(manager.heard());
    CHECK(notifier.news_of_loss().empty());
  }
}

TEST_CASE("notify: with a watchdog the loop sends signs of life, from ready on") {
  const TempDir dir;
  const ServiceManager manager(dir / "notify");
  io::Loop loop;
  io::Notifier notifier(loop, {.socket = dir / "notify", .watchdog = std::chrono::milliseconds(2)});
  CHECK_FALSE(manager.heard());
  notifier.ready("ready");
  CHECK(manager.heard().value_or("").starts_with("READY=1"));
  int signs = 0;
  CHECK(test::run_until(loop, [&] {
    while (const auto heard = manager.heard()) {
      CHECK(*heard == "WATCHDOG=1");
      ++signs;
    }
    return signs >= 4;
  }));
}

TEST_CASE("notify: without a watchdog there are no signs of life, without a manager there is nothing") {
  const TempDir dir;
  const ServiceManager manager(dir / "notify");
  io::Loop loop;
  io::Notifier notifier(loop, {.socket = dir / "notify"});
  notifier.ready("ready");
  CHECK(manager.heard());
  bool later = false;
  io::Timer timer(loop, [&] { later = true; });
  timer.set(base::Instant{});
  CHECK(test::run_until(loop, [&] { return later; }));
  CHECK_FALSE(manager.heard());

  io::Notifier nobody(loop, {});
  CHECK_FALSE(nobody);
  nobody.ready("ready");
  CHECK(nobody.news_of_loss().empty());
}

TEST_CASE("notify: a manager that cannot be reached is told of once, and nothing else happens") {
  const TempDir dir;
  io::Loop loop;
  SUBCASE("it is not there") {
    io::Notifier notifier(loop, {.socket = dir / "nobody", .watchdog = std::chrono::milliseconds(2)});
    notifier.ready("ready");
    CHECK(notifier.news_of_loss().contains("cannot reach the service manager at " + (dir / "nobody")));
    CHECK(notifier.news_of_loss().empty());
  }
  SUBCASE("it goes away") {
    std::optional<ServiceManager> manager(std::in_place, dir / "notify");
    io::Notifier notifier(loop, {.socket = dir / "notify"});
    manager.reset();
    notifier.ready("ready");
    notifier.stopping();
    const std::string loss = notifier.news_of_loss();
    CHECK(loss.contains("\"READY=1\""));
    CHECK(notifier.news_of_loss().empty());
  }
  SUBCASE("it does not read") {
    const ServiceManager manager(dir / "notify");
    io::Notifier notifier(loop, {.socket = dir / "notify", .watchdog = std::chrono::milliseconds(2)});
    notifier.ready("ready");
    // The watchdog fills the queue of the socket, and never waits for room.
    std::string loss;
    CHECK(test::run_until(loop, [&] { return !(loss = notifier.news_of_loss()).empty(); }));
    CHECK(loss.contains("\"WATCHDOG=1\""));
  }
}

TEST_CASE("notify: names that are no sockets are refused in words") {
  io::Loop loop;
  for (const std::string& name : {std::string("vsock:2:1234"), std::string("@"), std::string("relative"),
                                  "/" + std::string(200, 'x'), "@" + std::string(200, 'x')}) {
    CAPTURE(name);
    io::Notifier notifier(loop, {.socket = name});
    CHECK(notifier.news_of_loss().contains("NOTIFY_SOCKET"));
  }
}
