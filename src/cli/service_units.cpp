#include "cli/service_units.h"

#include <algorithm>
#include <charconv>

namespace cli {

namespace {

constexpr std::string_view marker = "# Written by 'hearth service install'";
constexpr std::string_view marker_rest =
    ", which replaces this file. For changes of your own: systemctl --user edit ";
constexpr std::string_view path_line = "Environment=\"PATH=";
constexpr std::string_view port_line = "ListenStream=127.0.0.1:";

// Why the usual hardening is not here. A session goes to a daemon for its own surroundings when the two
// differ in namespaces, no_new_privs or seccomp, so a confined service would serve no session.
constexpr std::string_view open_on_purpose = R"(
# Servers are any programs of yours: browsers, npx, docker, sudo. What would confine them is left out on
# purpose:
# - ProtectSystem=, ProtectHome=, PrivateTmp=, PrivateDevices= and others that make a mount namespace: servers
#   would not see the files that their sessions see.
# - NoNewPrivileges=: sudo, ping, rootless podman and the sandbox of browsers need setuid programs.
# - SystemCallFilter=, RestrictNamespaces=, MemoryDenyWriteExecute= and other filters: in the unit of a user
#   they imply the one before. Browsers make namespaces, and Node.js runs code that it writes.
# A daemon with any of these serves no session outside of it: sessions would start another one.
)";

// Within the quotes of a unit.
std::string quoted(std::string_view text, bool in_command) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '%' || (c == '$' && in_command)) out += c;
    out += c;
  }
  return out + '"';
}

std::string without_specifiers(std::string_view text) {
  std::string out;
  for (const char c : text) out.append(c == '%' ? 2 : 1, c);
  return out;
}

std::string command_of(const UnitChoice& choice, std::string_view words) {
  std::string command = quoted(choice.program, false);
  if (!choice.home.empty()) command += " --home " + quoted(choice.home, true);
  return command + ' ' + std::string(words);
}

std::string head_of(std::string_view name, std::string_view description) {
  return std::string(marker) + std::string(marker_rest) + std::string(name) +
         "\n[Unit]\nDescription=" + std::string(description) + "\nDocumentation=man:hearthd(8)\n";
}

std::string service_for(const UnitChoice& choice) {
  std::string text = head_of(service_unit, "Hearth, which shares MCP servers among sessions");
  text += "Requires=hearthd.socket\nAfter=hearthd.socket\n";
  text += "# One that cannot come up is given up, and not tried for ever.\nStartLimitIntervalSec=60\n";
  text += "\n[Service]\nType=notify\nNotifyAccess=main\n";
  text += "ExecStart=" + command_of(choice, "serve") + '\n';
  text += "ExecReload=/bin/kill -HUP $MAINPID\n";
  text += "Sockets=hearthd.socket";
  if (choice.port != 0) text += " hearthd-http.socket";
  text += '\n';
  if (!choice.path.empty()) {
    text += "# For servers that are started for clients by URL; others get the PATH of their session.\n";
    text += "Environment=" + quoted("PATH=" + choice.path, false) + '\n';
  }
  text += "Restart=on-failure\nRestartSec=1\nWatchdogSec=60\n";
  text +=
      "# The daemon ends its servers; what is left after that is "
      "killed.\nKillMode=mixed\nTimeoutStopSec=15\n";
  text +=
      "# It makes a control group for each server. One server that runs out of memory must not end the "
      "others.\n";
  text += "Delegate=yes\nOOMPolicy=continue\n# All servers count here together.\nTasksMax=infinity\n";
  return text + std::string(open_on_purpose);
}

std::string socket_for(const UnitChoice& choice) {
  std::string text = head_of(socket_unit, "Hearth: where sessions connect");
  text += "\n[Socket]\n";
  text +=
      "# It fails while a daemon runs that 'hearth serve' has started, and so leaves that daemon its "
      "socket.\n";
  text += "ExecStartPre=" + command_of(choice, "service check") + '\n';
  text += "ListenStream=" +
          (choice.home.empty() ? std::string("%t/hearth/hearthd.sock") : without_specifiers(choice.socket)) +
          '\n';
  text += "FileDescriptorName=sessions\nSocketMode=0600\nDirectoryMode=0700\nRemoveOnStop=yes\n";
  return text + "\n[Install]\nWantedBy=sockets.target\n";
}

// A unit of its own, so that sessions on stdio do without when the port is taken.
std::string http_for(const UnitChoice& choice) {
  std::string text = head_of(http_unit, "Hearth: the port for clients that connect by URL");
  text += "Requires=hearthd.socket\nAfter=hearthd.socket\nPartOf=hearthd.socket\n";
  text += "\n[Socket]\n" + std::string(port_line) + std::to_string(choice.port) + '\n';
  text += "FileDescriptorName=http\nService=hearthd.service\n";
  return text + "\n[Install]\nWantedBy=sockets.target\n";
}

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

// The line that begins so, without its end.
std::string_view line_of(std::string_view text, std::string_view begin) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(begin)) return line;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return {};
}

std::string without_path(std::string_view text) {
  std::string out(text);
  const std::string_view line = line_of(text, path_line);
  if (!line.empty()) out.erase(static_cast<std::size_t>(line.data() - text.data()), line.size());
  return out;
}

}  // namespace

std::vector<UnitFile> units_for(const UnitChoice& choice) {
  std::vector<UnitFile> all;
  all.push_back({socket_unit, socket_for(choice)});
  if (choice.port != 0) all.push_back({http_unit, http_for(choice)});
  all.push_back({service_unit, service_for(choice)});
  return all;
}

// Launchd would hand sockets over in a way of its own; the daemon makes its socket itself. One that finds a
// daemon of a session's ends with status 1, and is tried again once a minute.
std::string launch_agent_for(const UnitChoice& choice) {
  std::vector<std::string> words = {choice.program};
  if (!choice.home.empty()) words.insert(words.end(), {"--home", choice.home});
  words.emplace_back("serve");
  if (choice.port != 0) words.insert(words.end(), {"--port", std::to_string(choice.port)});
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<!-- Written by Hearth. "
      "It belongs in ~/Library/LaunchAgents/hearthd.plist; then:\n"
      "     launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/hearthd.plist -->\n"
      "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
      "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
      "<plist version=\"1.0\">\n<dict>\n"
      "  <key>Label</key><string>hearthd</string>\n  <key>ProgramArguments</key>\n  <array>\n";
  for (const std::string& word : words) text += "    <string>" + xml(word) + "</string>\n";
  text += "  </array>\n";
  if (!choice.path.empty()) {
    text += "  <key>EnvironmentVariables</key>\n  <dict><key>PATH</key><string>" + xml(choice.path) +
            "</string></dict>\n";
  }
  text +=
      "  <key>RunAtLoad</key><true/>\n"
      "  <key>KeepAlive</key>\n  <dict><key>SuccessfulExit</key><false/></dict>\n"
      "  <key>ThrottleInterval</key><integer>60</integer>\n"
      "  <key>ExitTimeOut</key><integer>15</integer>\n"
      "  <key>ProcessType</key><string>Interactive</string>\n";
  return text + "</dict>\n</plist>\n";
}

bool written_by_us(std::string_view text) {
  return text.starts_with(marker);
}

bool same_unit(std::string_view one, std::string_view other) {
  return without_path(one) == without_path(other);
}

bool same_home(std::string_view service, const UnitChoice& choice) {
  const std::string_view command = line_of(service, "ExecStart=");
  const std::string named = " --home " + quoted(choice.home, true) + " serve";
  return choice.home.empty() ? !command.contains("\" --home \"") : command.ends_with(named);
}

std::uint16_t port_in(std::string_view unit) {
  std::string_view line = line_of(unit, port_line);
  if (line.empty()) return 0;
  line.remove_prefix(port_line.size());
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), port);
  return error == std::errc() && end == line.data() + line.size() ? port : std::uint16_t{0};
}

}  // namespace cli
