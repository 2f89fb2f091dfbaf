#include "io/packets.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/ensure.h"
#include "io/system_error.h"

namespace io {

namespace {

using Control = std::array<char, CMSG_SPACE(packet_descriptors_max * sizeof(int))>;

void attach_descriptors(msghdr& message, Control& control, std::span<const int> descriptors) {
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
}

std::vector<Descriptor> descriptors_in(msghdr& message) {
  std::vector<Descriptor> found;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    std::array<int, packet_descriptors_max> numbers{};
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::memcpy(numbers.data(), CMSG_DATA(header), count * sizeof(int));
    for (std::size_t i = 0; i < count; ++i) found.emplace_back(numbers[i]);
  }
  return found;
}

int waiting(Wait wait) {
  return wait == Wait::yes ? 0 : MSG_DONTWAIT;
}

}  // namespace

base::Result<PacketSockets> make_packet_sockets() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return system_failure("cannot make a connection to another process");
  return PacketSockets{Descriptor(ends[0]), Descriptor(ends[1])};
}

std::expected<void, int> send_packet(int socket, std::string_view bytes, std::span<const int> descriptors,
                                     Wait wait) {
  ensure(!bytes.empty() && descriptors.size() <= packet_descriptors_max);
  alignas(cmsghdr) Control control{};
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) attach_descriptors(message, control, descriptors);
  while (sendmsg(socket, &message, waiting(wait) | MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return std::unexpected(errno);
  }
  return {};
}

std::expected<Packet, int> receive_packet(int socket, std::size_t bytes_max, Wait wait) {
  Packet packet;
  packet.bytes.resize(bytes_max);
  alignas(cmsghdr) Control control{};
  iovec piece{packet.bytes.data(), packet.bytes.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do got = recvmsg(socket, &message, waiting(wait) | MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return std::unexpected(errno);
  packet.bytes.resize(static_cast<std::size_t>(got));
  packet.descriptors = descriptors_in(message);
  return packet;
}

}  // namespace io
