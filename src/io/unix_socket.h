// Unix sockets, most of them streams: listening, connecting, who is at the other end, and descriptors that
// travel along.
//
// Everything here is a thin layer over one or two system calls, used by the shim (blocking) and the daemon.
// Errors carry errno in `code`.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/descriptor.h"

namespace io {

inline constexpr std::size_t socket_path_max = 107;  // sun_path, less its terminator.
inline constexpr std::size_t passed_descriptors_max =
    8;  // An attachment needs three; more is somebody else's game.

// Binds and listens, mode 0600. The path must be free. The descriptor is non-blocking.
base::Result<Descriptor> listen_on(const std::string& path);

// A blocking, connected descriptor. Never waits for a full backlog: that is EAGAIN.
base::Result<Descriptor> connect_to(const std::string& path);

// The same for connections that keep messages apart (io/packets.h).
base::Result<Descriptor> listen_for_packets_on(const std::string& path);
base::Result<Descriptor> connect_for_packets_to(const std::string& path);

// The next connection of a listener, blocking, or EAGAIN.
base::Result<Descriptor> accept_connection(int listener);

struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};
base::Result<Peer> peer_of(int connection);

// Whether the other end has closed the connection altogether. What it sent before can still be read.
bool is_abandoned(int connection);

// An error that says whose the other end is, unless it is ours.
base::Result<Peer> check_peer(int connection);

// Sends a part of `bytes`, at least one byte of it, with all of `descriptors` on the first. Returns how many
// bytes went.
base::Result<std::size_t> send_with_descriptors(int connection, std::string_view bytes,
                                                std::span<const int> descriptors);

// Sends all of it; waits where the socket is full, but fails with ETIMEDOUT when the other end does not read
// at all for some seconds.
base::Result<void> send_all(int connection, std::string_view bytes, std::span<const int> descriptors = {});

enum class Wait : unsigned char { no, yes };

struct Received {
  std::size_t count = 0;  // 0: the other end has closed.
  std::vector<Descriptor> descriptors;
};

// One receive. Descriptors come O_CLOEXEC; more than passed_descriptors_max of them is an error and they are
// closed.
base::Result<Received> receive_with_descriptors(int connection, std::span<char> into, Wait wait);

}  // namespace io
