// URLs of servers that listen on this machine, for this machine, and speak plain HTTP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace io {

struct LocalUrl {
  std::string host;  // "127.0.0.1:3000", "[::1]:3000", "localhost:3000": as it is written.
  std::string name;  // What of it names the machine: "127.0.0.1", "[::1]", "localhost".
  std::uint16_t port = 80;
  std::string target;  // "/mcp?x=1"

  // Numeric, in the order in which they are to be tried.
  std::vector<std::string> addresses() const;
};

// Absent for all others, and for those that would have to be changed before they are sent: with a user, a
// fragment, or dots as steps of the path.
std::optional<LocalUrl> local_url(std::string_view url);

}  // namespace io
