#include "io/guard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "io/guard_process.h"
#include "io/packets.h"
#include "io/system_error.h"

namespace io {

namespace {

constexpr char old_goodbye = 'q';  // Of protocol 0.

struct Forked {
  Descriptor connection;
  pid_t pid;
};

base::Result<Forked> fork_guard(const DaemonRecord& record) {
  PacketSockets sockets = TRY(make_packet_sockets());
  // Blocked from its first instruction: the handlers it inherits are the daemon's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) {
    sockets.ours.reset();
    stand_guard(record, sockets.theirs.get());
  }
  const int code = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return system_failure("cannot start the guard process", code);
  return Forked{std::move(sockets.ours), pid};
}

std::string_view bytes_of(const GuardOrder& order) {
  return {reinterpret_cast<const char*>(&order), sizeof order};
}

base::Result<Descriptor> duplicate_of(int number) {
  Descriptor copy(fcntl(number, F_DUPFD_CLOEXEC, 3));
  if (!copy) return system_failure("cannot hand a descriptor to the guard process");
  return copy;
}

}  // namespace

base::Result<Guard> Guard::start(const DaemonRecord& record) {
  Forked forked = TRY(fork_guard(record));
  return Guard(record, std::move(forked.connection), forked.pid);
}

base::Result<void> Guard::renew() {
  connection_.reset();
  Forked forked = TRY(fork_guard(record_));
  connection_ = std::move(forked.connection);
  pid_ = forked.pid;
  orders_.clear();
  return {};
}

base::Result<void> Guard::can_resume(const Saved& saved) {
  if (saved.protocol <= guard_protocol) return {};
  return base::failure("the guard process of the daemon is of a later version");
}

base::Result<Guard> Guard::resume(const Saved& saved, const DaemonRecord& record) {
  TRY(can_resume(saved));
  Descriptor connection = TRY(take(saved.lifeline));
  if (saved.protocol == guard_protocol) return Guard(record, std::move(connection), saved.pid);
  Guard guard = TRY(start(record));
  if (write(connection.get(), &old_goodbye, 1) < 0) return guard;  // It is gone.
  return guard;
}

base::Result<void> Guard::spawn(std::uint64_t number, const SpawnSpec& spec, const PipeEndsOfOne& theirs) {
  if (!connection_) TRY(renew());
  save::Writer writer;
  save::write(writer, spec);
  const std::string description = std::move(writer).finish();
  Order order{.order = {.what = GuardOrder::What::spawn, .pid = 0, .number = number}};
  for (const Descriptor* end : {&theirs.input, &theirs.output, &theirs.errors, &theirs.report})
    order.descriptors.push_back(TRY(duplicate_of(end->get())));
  if (spec.cgroup_entrance >= 0) order.descriptors.push_back(TRY(duplicate_of(spec.cgroup_entrance)));
  for (std::size_t at = 0; at < description.size(); at += guard_text_max) {
    orders_.push_back({.order = {.what = GuardOrder::What::text, .pid = 0, .number = number},
                       .text = description.substr(at, guard_text_max)});
  }
  orders_.push_back(std::move(order));
  flush();
  return {};
}

void Guard::kill(std::uint64_t number, pid_t pid) {
  orders_.push_back({.order = {.what = GuardOrder::What::kill, .pid = pid, .number = number}});
  flush();
}

// Of one that has died nothing is told here: that is news.
void Guard::flush() {
  while (!orders_.empty() && connection_) {
    const Order& next = orders_.front();
    std::vector<int> numbers;
    for (const Descriptor& descriptor : next.descriptors) numbers.push_back(descriptor.get());
    const std::string bytes = std::string(bytes_of(next.order)) + next.text;
    const auto sent = send_packet(connection_.get(), bytes, numbers, Wait::no);
    if (!sent && (sent.error() == EAGAIN || sent.error() == ENOBUFS || sent.error() == ETOOMANYREFS)) return;
    orders_.pop_front();
  }
}

std::optional<std::vector<GuardNews>> Guard::news() {
  std::vector<GuardNews> all;
  while (connection_) {
    GuardNews one;
    const ssize_t got = recv(connection_.get(), &one, sizeof one, MSG_DONTWAIT);
    if (got == sizeof one) {
      all.push_back(one);
    } else if (got < 0 && errno == EAGAIN) {
      return all;
    } else if (got >= 0 || errno != EINTR) {
      if (!all.empty()) return all;  // Its end is heard the next time.
      orders_.clear();
      return std::nullopt;
    }
  }
  return std::nullopt;
}

void Guard::dismiss() {
  constexpr GuardOrder goodbye{.what = GuardOrder::What::goodbye};
  if (connection_) static_cast<void>(send_packet(connection_.get(), bytes_of(goodbye), {}, Wait::no));
  connection_.reset();
}

}  // namespace io
