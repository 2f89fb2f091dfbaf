// Messages that are kept apart, with descriptors that travel along, between two processes of ours.
//
// A pair of sockets (SOCK_SEQPACKET), of which each process has one. Errors are errno.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/descriptor.h"
#include "io/unix_socket.h"

namespace io {

inline constexpr std::size_t packet_descriptors_max = 200;  // With one message; the system takes 253.

struct PacketSockets {
  Descriptor ours;
  Descriptor theirs;
};
base::Result<PacketSockets> make_packet_sockets();

// All of it, or nothing. The bytes are not empty; the descriptors stay whose they are.
std::expected<void, int> send_packet(int socket, std::string_view bytes, std::span<const int> descriptors,
                                     Wait wait);

struct Packet {
  std::string bytes;  // Empty: the other end has closed.
  std::vector<Descriptor> descriptors;
};
// What is longer than `bytes_max` is cut. Descriptors come O_CLOEXEC.
std::expected<Packet, int> receive_packet(int socket, std::size_t bytes_max, Wait wait);

}  // namespace io
