// TCP sockets to listen on, and what can be learnt about ports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/descriptor.h"

namespace io {

// Bound and listening (non-blocking, close-on-exec, SO_REUSEADDR). `address` is numeric: "127.0.0.1", "::1",
// "0.0.0.0". Port 0: any that is free. An error says who has the port, if that can be found out.
base::Result<Descriptor> listen_on(const std::string& address, std::uint16_t port);
std::uint16_t port_of(const Descriptor& socket);
std::string address_of(const Descriptor& socket);  // "127.0.0.1", "::1"
std::string name_of(const Descriptor& socket);     // "127.0.0.1:8080", "[::1]:8080": where it is bound.
bool is_tcp(const Descriptor& socket);
// What a connection needs: no waiting for more to send, and an end when the other machine has vanished.
base::Result<void> prepare_connection(const Descriptor& connection);
// A connection to a machine elsewhere: its end within a minute when that has vanished.
void notice_vanished_peer(int connection);
// A connection to a numeric address, begun: non-blocking, close-on-exec, set up like those above. It can be
// written to once it is connected, unless there is a pending_error().
base::Result<Descriptor> begin_connection(const std::string& address, std::uint16_t port);
int pending_error(int connection);             // errno, or 0.
bool is_loopback(const std::string& address);  // 127.0.0.0/8 and ::1.
bool is_any(const std::string& address);       // 0.0.0.0 and ::, every address of the machine.

// A port that nobody listens on now, neither on 127.0.0.1 nor on ::1, for a server that is told to.
base::Result<std::uint16_t> free_port();

enum class Loopback : std::uint8_t { v4, v6 };  // 127.0.0.1 and ::1.

// "another user's process (user bob, uid 1001)": who would get a connection to the port, where that is
// neither this user nor root. Absent: nobody listens, nobody else does, or /proc does not tell.
std::optional<std::string> stranger_on(Loopback address, std::uint16_t port);
// The same for "127.0.0.1:3100" or "[::1]:3100".
std::optional<std::string> stranger_at(const std::string& host);
// Whether anybody would get one.
bool listens_on(Loopback address, std::uint16_t port);

// "node (pid 4711)": which process of ours listens on the port, as far as /proc tells; "another user's
// process" otherwise; absent: nobody does.
std::optional<std::string> listener_on(std::uint16_t port);

}  // namespace io
