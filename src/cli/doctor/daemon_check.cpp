#include "cli/doctor/daemon_check.h"

namespace cli::doctor {

namespace {

constexpr std::string_view one_version = "install both programs of one version, with './dev install'";

std::string change_over(const DaemonFacts& daemon) {
  return "'" + daemon.hearth + " upgrade' replaces it; servers, sessions and calls go on";
}

void check_installed(const DaemonFacts& daemon, Findings& findings) {
  if (!daemon.installed_trouble.empty()) {
    findings.push_back(finding_from("hearthd", Severity::error, daemon.installed_trouble, one_version));
  } else if (daemon.installed_version != daemon.own_version) {
    findings.push_back({.id = "hearthd",
                        .severity = Severity::error,
                        .what = "this hearth is version " + daemon.own_version + ", but " + daemon.installed +
                                " is version " + daemon.installed_version,
                        .advice = std::string(one_version)});
  }
}

}  // namespace

std::string version_in(std::string_view output) {
  constexpr std::string_view name = "hearthd ";
  if (!output.starts_with(name)) return {};
  output.remove_prefix(name.size());
  return std::string(output.substr(0, output.find_first_of(" \n")));
}

Findings check_daemon(const DaemonFacts& daemon) {
  Findings findings;
  check_installed(daemon, findings);
  if (!daemon.runs) return findings;
  if (!daemon.trouble.empty()) {
    findings.push_back(finding_from("daemon", Severity::error, daemon.trouble,
                                    "'" + daemon.hearth + " shutdown --force' ends it and its servers"));
  } else if (daemon.version != daemon.own_version) {
    findings.push_back({.id = "version",
                        .severity = Severity::warning,
                        .what = "the daemon (process " + daemon.pid + ") is version " + daemon.version +
                                ", this hearth is version " + daemon.own_version,
                        .advice = change_over(daemon)});
  } else if (daemon.other_program) {
    findings.push_back({.id = "version",
                        .severity = Severity::warning,
                        .what = "the daemon (process " + daemon.pid + ") runs another program than " +
                                daemon.installed + ", which was replaced or is installed elsewhere",
                        .advice = change_over(daemon)});
  }
  return findings;
}

}  // namespace cli::doctor
