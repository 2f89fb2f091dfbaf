#include "io/unix_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "io/system_error.h"

namespace io {

namespace {

// For the other end to read at all; one that works does in milliseconds.
constexpr int send_patience_ms = 5000;

base::Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() > socket_path_max) {
    return system_failure("cannot use the socket path " + path, ENAMETOOLONG);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Room for one control message with the most descriptors we take. The kernel drops what does not fit and says
// so.
struct ControlBuffer {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * passed_descriptors_max)> bytes{};
};

void take_descriptors(msghdr& message, std::vector<Descriptor>& into) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      into.emplace_back(fd);
    }
  }
}

}  // namespace

namespace {

base::Result<Descriptor> listening(const std::string& path, int type) {
  const sockaddr_un address = TRY(address_of(path));
  Descriptor socket(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_failure("cannot make a socket");
  // The mode of the unbound socket becomes that of the file: at no time is it open to others.
  if (fchmod(socket.get(), 0600) != 0) return system_failure("cannot set the mode of a socket");
  if (bind(socket.get(), generic(address), sizeof address) != 0) return system_failure("cannot bind " + path);
  if (listen(socket.get(), SOMAXCONN) != 0) return system_failure("cannot listen on " + path);
  return socket;
}

base::Result<Descriptor> connected(const std::string& path, int type) {
  const sockaddr_un address = TRY(address_of(path));
  Descriptor socket(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_failure("cannot make a socket");
  if (connect(socket.get(), generic(address), sizeof address) != 0)
    return system_failure("cannot connect to " + path);
  const int flags = fcntl(socket.get(), F_GETFL);
  if (flags < 0 || fcntl(socket.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return system_failure("cannot set up the connection to " + path);
  }
  return socket;
}

}  // namespace

base::Result<Descriptor> listen_on(const std::string& path) {
  return listening(path, SOCK_STREAM);
}

base::Result<Descriptor> connect_to(const std::string& path) {
  return connected(path, SOCK_STREAM);
}

base::Result<Descriptor> listen_for_packets_on(const std::string& path) {
  return listening(path, SOCK_SEQPACKET);
}

base::Result<Descriptor> connect_for_packets_to(const std::string& path) {
  return connected(path, SOCK_SEQPACKET);
}

base::Result<Descriptor> accept_connection(int listener) {
  for (;;) {
    Descriptor connection(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (connection) return connection;
    // One that hung up while it waited is not a failure of ours.
    if (errno != EINTR && errno != ECONNABORTED) return system_failure("cannot accept a connection");
  }
}

base::Result<Peer> peer_of(int connection) {
  ucred who{};
  socklen_t size = sizeof who;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
    return system_failure("cannot tell who is at the other end of a connection");
  }
  return Peer{who.pid, who.uid, who.gid};
}

bool is_abandoned(int connection) {
  pollfd end{connection, 0, 0};
  return poll(&end, 1, 0) == 1 && (end.revents & POLLHUP) != 0;
}

base::Result<Peer> check_peer(int connection) {
  const Peer peer = TRY(peer_of(connection));
  if (peer.uid != getuid()) {
    return base::failure("the other end of the connection (pid " + std::to_string(peer.pid) +
                             ") belongs to uid " + std::to_string(peer.uid) + ", not to uid " +
                             std::to_string(getuid()),
                         EPERM);
  }
  return peer;
}

base::Result<std::size_t> send_with_descriptors(int connection, std::string_view bytes,
                                                std::span<const int> descriptors) {
  if (descriptors.size() > passed_descriptors_max) {
    return system_failure("cannot pass " + std::to_string(descriptors.size()) + " descriptors at once",
                          EINVAL);
  }
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  ControlBuffer control;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  for (;;) {
    const ssize_t sent = sendmsg(connection, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno != EINTR) return system_failure("cannot send on a connection");
  }
}

base::Result<void> send_all(int connection, std::string_view bytes, std::span<const int> descriptors) {
  while (!bytes.empty()) {
    auto sent = send_with_descriptors(connection, bytes, descriptors);
    if (!sent && sent.error().code == EAGAIN) {
      pollfd writable{connection, POLLOUT, 0};
      const int found = poll(&writable, 1, send_patience_ms);
      if (found < 0 && errno != EINTR) return system_failure("cannot wait for a connection");
      if (found == 0) return base::failure("the other end of a connection does not read", ETIMEDOUT);
      continue;
    }
    if (!sent) return std::unexpected(sent.error());
    bytes.remove_prefix(*sent);
    descriptors = {};
  }
  return {};
}

base::Result<Received> receive_with_descriptors(int connection, std::span<char> into, Wait wait) {
  iovec piece{into.data(), into.size()};
  ControlBuffer control;
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  const int flags = MSG_CMSG_CLOEXEC | (wait == Wait::no ? MSG_DONTWAIT : 0);
  for (;;) {
    const ssize_t got = recvmsg(connection, &message, flags);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("cannot receive on a connection");
    Received received;
    received.count = static_cast<std::size_t>(got);
    take_descriptors(message, received.descriptors);
    // Cut off: more came than we take, or we have no free descriptors for them. A part of a set is of no use.
    if ((message.msg_flags & MSG_CTRUNC) != 0) {
      return base::failure("the descriptors that came with a message could not all be taken", EMFILE);
    }
    return received;
  }
}

}  // namespace io
