#include "io/guard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/guard_process.h"
#include "io/memory_file.h"
#include "io/system_error.h"

namespace io {

namespace {

constexpr char old_goodbye = 'q';  // Of protocol 0.

struct Sockets {
  Descriptor ours;
  Descriptor theirs;
};

base::Result<Sockets> make_sockets() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return system_failure("cannot make a connection to the guard process");
  return Sockets{Descriptor(ends[0]), Descriptor(ends[1])};
}

struct Forked {
  Descriptor connection;
  pid_t pid;
};

base::Result<Forked> fork_guard(const DaemonRecord& record) {
  Sockets sockets = TRY(make_sockets());
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

// 0, or errno.
int send_order(int connection, const GuardOrder& order, std::span<const Descriptor> descriptors) {
  std::array<int, guard_descriptors_max> numbers{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof numbers)> control{};
  GuardOrder text = order;
  iovec bytes{&text, sizeof text};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    for (std::size_t i = 0; i < descriptors.size(); ++i) numbers[i] = descriptors[i].get();
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), numbers.data(), descriptors.size() * sizeof(int));
  }
  while (sendmsg(connection, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
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
  Order order{.order = {.what = GuardOrder::What::spawn, .pid = 0, .number = number}};
  order.descriptors.push_back(TRY(memory_file(std::move(writer).finish())));
  for (const Descriptor* end : {&theirs.input, &theirs.output, &theirs.errors, &theirs.report})
    order.descriptors.push_back(TRY(duplicate_of(end->get())));
  if (spec.cgroup_entrance >= 0) order.descriptors.push_back(TRY(duplicate_of(spec.cgroup_entrance)));
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
    const int code = send_order(connection_.get(), next.order, next.descriptors);
    if (code == EAGAIN || code == ENOBUFS || code == ETOOMANYREFS) return;
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
      // What it has said before its end is worth less than the certainty that all of its children end.
      orders_.clear();
      return std::nullopt;
    }
  }
  return std::nullopt;
}

void Guard::dismiss() {
  if (connection_) static_cast<void>(send_order(connection_.get(), {.what = GuardOrder::What::goodbye}, {}));
  connection_.reset();
}

}  // namespace io
