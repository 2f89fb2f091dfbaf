#include "cli/doctor/port_check.h"

namespace cli::doctor {

namespace {

Finding taken(const PortFacts& port, const std::string& number) {
  // A daemon tries once, when it starts.
  const std::string then =
      port.daemon_runs ? ", then '" + port.hearth + " shutdown': the next daemon opens it" : "";
  return {.id = "port",
          .severity = Severity::error,
          .what = port.listener + " listens on port " + number + ", which " + port.config_file +
                  " names for clients that connect by URL",
          .advice = "end that process, or write another \"port\" into " + port.config_file + then};
}

}  // namespace

Findings check_port(const PortFacts& port) {
  if (port.wanted == 0 || port.opened == port.wanted || (port.opened != 0 && port.chosen_at_start)) return {};
  const std::string number = std::to_string(port.wanted);
  // systemd listens for a daemon that it is going to start.
  const bool by_systemd = port.listener.starts_with("systemd ");
  if (!port.daemon_runs && (port.listener.empty() || by_systemd)) return {};
  if (!port.listener.empty()) return {taken(port, number)};
  const std::string instead = port.opened == 0 ? "" : ", but on port " + std::to_string(port.opened);
  return {{.id = "port",
           .severity = Severity::error,
           .what = "the daemon does not listen on port " + number + ", which " + port.config_file + " names" +
                   instead,
           .advice = "'" + port.hearth + " shutdown': the next daemon opens it, or says in " +
                     port.daemon_log + " why it cannot"}};
}

}  // namespace cli::doctor
