#include "io/guard_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "io/descriptor.h"
#include "io/guard_words.h"
#include "io/packets.h"
#include "io/process_table.h"
#include "io/spawn.h"
#include "save/codec.h"

namespace io {

namespace {

constexpr int connection_fd = 3;
constexpr std::size_t spawn_descriptors = 4;  // The entrance of a control group may come behind them.

// Everything the daemon has open is closed: the lock and the socket must die with it.
bool keep_only(int connection) {
  const int null = open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2}) dup2(null, fd);
  if (connection != connection_fd && dup2(connection, connection_fd) < 0) return false;
  fcntl(connection_fd, F_SETFD, FD_CLOEXEC);
  close_from(connection_fd + 1);
  return true;
}

class GuardProcess {
 public:
  GuardProcess(Descriptor connection, Descriptor deaths)
      : connection_(std::move(connection)), deaths_(std::move(deaths)) {}

  enum class End : unsigned char { goodbye, daemon_died };
  End run();

 private:
  std::optional<End> hear();
  void carry_out(const GuardOrder& order, std::vector<Descriptor> descriptors);
  void spawn(std::uint64_t number, std::vector<Descriptor> descriptors);
  void kill_group(pid_t pid);
  void reap();
  void tell(const GuardNews& news);

  Descriptor connection_;
  Descriptor deaths_;
  std::string description_;                // Of the next that is to be forked.
  std::map<std::uint64_t, pid_t> forked_;  // And not reaped.
};

GuardProcess::End GuardProcess::run() {
  std::array<pollfd, 2> ready = {pollfd{connection_.get(), POLLIN, 0}, pollfd{deaths_.get(), POLLIN, 0}};
  for (;;) {
    if (poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) return End::daemon_died;
    if (ready[1].revents != 0) reap();
    if (ready[0].revents == 0) continue;
    if (const auto end = hear()) return *end;
  }
}

// One order in a turn, so that deaths are told in between.
std::optional<GuardProcess::End> GuardProcess::hear() {
  auto packet = receive_packet(connection_.get(), sizeof(GuardOrder) + guard_text_max, Wait::no);
  if (!packet && packet.error() == EAGAIN) return std::nullopt;
  if (!packet || packet->bytes.empty()) return End::daemon_died;
  if (packet->bytes.size() < sizeof(GuardOrder)) return std::nullopt;
  GuardOrder order;
  std::memcpy(&order, packet->bytes.data(), sizeof order);
  if (order.what == GuardOrder::What::goodbye) return End::goodbye;
  if (order.what == GuardOrder::What::text) {
    description_ += packet->bytes.substr(sizeof order);
    return std::nullopt;
  }
  carry_out(order, std::move(packet->descriptors));
  return std::nullopt;
}

void GuardProcess::carry_out(const GuardOrder& order, std::vector<Descriptor> descriptors) {
  if (order.what == GuardOrder::What::spawn) spawn(order.number, std::move(descriptors));
  if (order.what != GuardOrder::What::kill) return;
  const auto found = forked_.find(order.number);
  if (order.pid > 0) {
    kill_group(order.pid);
  } else if (found != forked_.end()) {
    kill_group(found->second);
  }
}

void GuardProcess::spawn(std::uint64_t number, std::vector<Descriptor> descriptors) {
  const std::string text = std::exchange(description_, {});
  const auto forked = [&]() -> std::expected<pid_t, int> {
    // Fewer than were sent: we may not have that many.
    if (descriptors.size() < spawn_descriptors) return std::unexpected(EMFILE);
    save::Reader reader(text);
    auto spec = save::read<SpawnSpec>(reader);
    if (!reader.end("what is to be started")) return std::unexpected(EINVAL);
    spec.cgroup_entrance = descriptors.size() > spawn_descriptors ? descriptors[spawn_descriptors].get() : -1;
    return fork_program(spec, {.input = std::move(descriptors[0]),
                               .output = std::move(descriptors[1]),
                               .errors = std::move(descriptors[2]),
                               .report = std::move(descriptors[3])});
  }();
  if (!forked) {
    return tell({.what = GuardNews::What::not_spawned,
                 .pid = 0,
                 .number = number,
                 .value = static_cast<std::uint64_t>(forked.error())});
  }
  forked_[number] = *forked;
  const auto process = process_of(*forked);
  tell({.what = GuardNews::What::spawned,
        .pid = *forked,
        .number = number,
        .value = process ? process->started : 0});
}

// As long as it is not reaped, the number is its own. It may not have made its group yet.
void GuardProcess::kill_group(pid_t pid) {
  siginfo_t unused{};
  if (waitid(P_PID, static_cast<id_t>(pid), &unused, WEXITED | WNOHANG | WNOWAIT) != 0) return;
  if (kill(-pid, SIGKILL) != 0) kill(pid, SIGKILL);
}

void GuardProcess::reap() {
  signalfd_siginfo unused{};
  while (read(deaths_.get(), &unused, sizeof unused) > 0) {
  }
  int status = 0;
  for (;;) {
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return;
    std::erase_if(forked_, [pid](const auto& entry) { return entry.second == pid; });
    tell({.what = GuardNews::What::ended,
          .pid = pid,
          .number = 0,
          .value = static_cast<std::uint64_t>(static_cast<std::uint32_t>(status))});
  }
}

// Waits while the daemon does not read: it never waits for us. That it has died is heard as its end.
void GuardProcess::tell(const GuardNews& news) {
  while (send(connection_.get(), &news, sizeof news, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

}  // namespace

void stand_guard(const DaemonRecord& record, int connection) {
  setsid();
  prctl(PR_SET_NAME, "hearth-guard");
  if (chdir("/") != 0 || !keep_only(connection)) _exit(1);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) _exit(1);
  sigset_t deaths;
  sigemptyset(&deaths);
  sigaddset(&deaths, SIGCHLD);
  Descriptor heard(signalfd(-1, &deaths, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!heard) _exit(1);
  GuardProcess guard(Descriptor(connection_fd), std::move(heard));
  if (guard.run() == GuardProcess::End::goodbye) _exit(0);
  kill_everything_of(record.id(), record.cgroup());
  unlink(record.file().c_str());
  _exit(0);
}

}  // namespace io
