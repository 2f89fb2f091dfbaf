// The files of a service: units of systemd, and an agent of launchd, as text.
//
// The units hand the socket of sessions to the daemon, so a daemon of the unit and one that a session starts
// cannot both listen there. A first line says that we wrote the file; nothing else is ever replaced.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

inline constexpr std::string_view service_unit = "hearthd.service";
inline constexpr std::string_view socket_unit = "hearthd.socket";
inline constexpr std::string_view http_unit = "hearthd-http.socket";

struct UnitChoice {
  std::string program;     // `hearth`, an absolute path.
  std::string home;        // Of --home; empty: the usual one.
  std::string socket;      // Where sessions connect, for a home of its own.
  std::string path;        // PATH, for servers that are started for no session; empty: the manager's.
  std::uint16_t port = 0;  // Of clients that connect by URL; 0: none.
};

struct UnitFile {
  std::string_view name;
  std::string text;
};

// The socket of sessions comes first, the service last.
std::vector<UnitFile> units_for(const UnitChoice& choice);
std::string launch_agent_for(const UnitChoice& choice);

// Whether `hearth service install` wrote it.
bool written_by_us(std::string_view text);

// The PATH of the shell in which the service was installed is no difference.
bool same_unit(std::string_view one, std::string_view other);

// Whether that service is for the home of `choice`.
bool same_home(std::string_view service, const UnitChoice& choice);

// The port that such a unit opens; 0: none that we would write.
std::uint16_t port_in(std::string_view unit);

}  // namespace cli
