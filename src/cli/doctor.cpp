#include "cli/doctor.h"

#include <optional>
#include <string>

#include "cli/command_line.h"
#include "cli/control.h"
#include "cli/doctor/client_check.h"
#include "cli/doctor/finding.h"
#include "cli/doctor/port_check.h"
#include "cli/doctor/server_check.h"
#include "cli/doctor_facts.h"
#include "cli/output.h"
#include "cli/table.h"
#include "io/tcp_socket.h"
#include "proto/json.h"

namespace cli {

namespace {

using doctor::Findings;

// What the daemon that runs says of itself.
struct Asked {
  bool runs = false;
  std::string trouble;  // Why it gives no answer.
  std::optional<proto::json::Value> status;

  const proto::json::Value* about() const { return status ? status->find("daemon") : nullptr; }
};

Asked ask_for_status(const io::Paths& paths) {
  Asked asked;
  const auto answer = ask_daemon(paths, {.target = "/status", .body = {}});
  if (!answer && means_no_daemon(answer.error())) return asked;
  asked.runs = true;
  if (!answer) {
    asked.trouble = answer.error().what;
    return asked;
  }
  asked.status = proto::json::parse(answer->body).root;
  if (asked.about() == nullptr) asked.trouble = "the answer of the daemon is not understood";
  return asked;
}

void add_answer(doctor::DaemonFacts& daemon, const Asked& asked) {
  daemon.runs = asked.runs;
  daemon.trouble = asked.trouble;
  const proto::json::Value* about = asked.about();
  if (about == nullptr) return;
  if (const auto* pid = about->find("pid"); pid != nullptr) daemon.pid = pid->text;
  daemon.version = about->string_or("version", "");
}

doctor::PortFacts port_facts(const io::Paths& paths, const doctor::ConfigFacts& config, const Asked& asked) {
  doctor::PortFacts port;
  port.hearth = io::hearth_for(paths);
  port.config_file = paths.config_file;
  port.daemon_log = paths.daemon_log;
  port.wanted = config.port;
  port.daemon_runs = asked.runs;
  if (const proto::json::Value* about = asked.about()) {
    const auto* opened = about->find("port");
    const auto number = opened != nullptr ? opened->integer() : std::nullopt;
    port.opened = static_cast<std::uint16_t>(number.value_or(0));
    port.chosen_at_start = about->string_or("startedBy", "") != "session";
  }
  if (port.wanted != 0 && port.opened != port.wanted)
    port.listener = io::listener_on(port.wanted).value_or("");
  return port;
}

// What belongs to one home. False: no daemon answers.
bool examine_home(const io::Paths& paths, doctor::DaemonFacts& daemon, Findings& findings) {
  daemon.hearth = io::hearth_for(paths);
  const auto config = config_read_by(daemon.installed, paths.config_file);
  if (config) append(findings, check_config(*config));
  // Of one that is of another version, or none, another check tells.
  if (!config && daemon.installed_version == daemon.own_version) {
    findings.push_back({.id = "config",
                        .severity = doctor::Severity::error,
                        .what = daemon.installed + " does not say what is wrong with " + paths.config_file,
                        .advice = "'" + daemon.installed + " --check-config " + paths.config_file +
                                  "' shows what it says instead"});
  }
  const doctor::PlaceFacts place = place_facts(paths);
  Findings places = check_place(place);
  // Where a service manager listens that has started no daemon yet, a question would make it start one.
  const bool unclear = place.lock == doctor::PlaceFacts::Lock::absent && place.socket_exists;
  const bool may_ask = place.directory_trouble.empty() && !unclear;
  append(findings, std::move(places));
  const Asked asked = may_ask ? ask_for_status(paths) : Asked{};
  if (may_ask) daemon.other_program = runs_another_program(paths, daemon.installed);
  add_answer(daemon, asked);
  append(findings, check_daemon(daemon));
  if (asked.status) append(findings, doctor::check_servers(*asked.status, daemon.hearth));
  // One that does not answer cannot say which port it has.
  if (config && asked.trouble.empty()) append(findings, check_port(port_facts(paths, *config, asked)));
  append(findings, doctor::check_disks(disk_facts(paths)));
  return asked.about() != nullptr;
}

std::string findings_shown(const Findings& findings, bool answered) {
  std::string text;
  for (const doctor::Finding& finding : findings) {
    text.append(text.empty() ? "" : "\n").append(name_of(finding.severity)).append(": ");
    text.append(printable(finding.what)).append("\n    ").append(printable(finding.advice)).append("\n");
  }
  if (!text.empty()) return text;
  return answered ? "nothing is wrong\n" : "nothing is wrong; no daemon runs, the first session starts it\n";
}

std::string findings_json(const Findings& findings) {
  proto::json::Writer json;
  json.object().key("findings").array();
  for (const doctor::Finding& finding : findings) {
    json.object().key("id").string(finding.id).key("severity").string(name_of(finding.severity));
    json.key("what").string(finding.what).key("advice").string(finding.advice).end();
  }
  return json.end().end().text() + "\n";
}

}  // namespace

int run_doctor(const Arguments& arguments) {
  Findings findings;
  const auto paths = io::paths_of(arguments.home_wanted());
  doctor::DaemonFacts daemon = program_facts();
  bool answered = false;
  if (paths) {
    answered = examine_home(*paths, daemon, findings);
  } else {
    findings = {doctor::finding_from("directory", doctor::Severity::error, paths.error().what,
                                     "mend it, or set HEARTH_HOME to a directory of yours")};
    append(findings, check_daemon(daemon));
  }
  for (const doctor::ClientFile& file : client_files_here())
    append(findings, doctor::check_client(file, client_text(file)));
  const int told =
      show(arguments.has("--json") ? findings_json(findings) : findings_shown(findings, answered));
  return told == exit_ok && !findings.empty() ? exit_findings : told;
}

}  // namespace cli
