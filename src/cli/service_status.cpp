#include "cli/service_status.h"

#include <optional>
#include <string>
#include <vector>

#include "cli/output.h"
#include "cli/serving_daemon.h"
#include "cli/systemctl.h"
#include "cli/unit_files.h"
#include "io/paths.h"
#include "proto/json.h"

namespace cli {

namespace {

enum class UnitFound : unsigned char { absent, as_written, different, foreign };

struct SeenUnit {
  std::string name;
  std::string path;
  UnitFound found = UnitFound::absent;
  std::optional<UnitState> state;  // As systemd sees it.
};

struct ServiceStatus {
  std::vector<SeenUnit> units;
  std::string unreachable;  // Why systemd cannot be asked; empty: it was.
  ServingDaemon daemon;
  std::string hearth;  // As a person calls it for this home.

  bool installed() const {
    return units.front().found == UnitFound::as_written || units.front().found == UnitFound::different;
  }
};

std::string_view word_of(UnitFound found) {
  switch (found) {
    case UnitFound::absent:
      return "absent";
    case UnitFound::as_written:
      return "current";
    case UnitFound::different:
      return "different";
    case UnitFound::foreign:
      return "foreign";
  }
  return "absent";
}

UnitFound looked_at(const UnitDirectory& directory, const UnitFile& unit) {
  const auto text = directory.ours(unit.name);
  if (!text) return UnitFound::foreign;
  if (text->empty()) return UnitFound::absent;
  return same_unit(*text, unit.text) ? UnitFound::as_written : UnitFound::different;
}

base::Result<ServiceStatus> service_status(const io::Paths& paths, UnitChoice choice) {
  const UnitDirectory directory = TRY(UnitDirectory::find());
  if (const auto http = directory.ours(http_unit)) choice.port = port_in(*http);
  ServiceStatus status;
  status.hearth = io::hearth_for(paths);
  for (const UnitFile& unit : units_for(choice)) {
    status.units.push_back({.name = std::string(unit.name),
                            .path = directory.path_of(unit.name),
                            .found = looked_at(directory, unit),
                            .state = {}});
  }
  const auto systemctl = Systemctl::find();
  const auto reached =
      systemctl ? systemctl->reach() : base::Result<void>(std::unexpected(systemctl.error()));
  if (!reached) status.unreachable = reached.error().what;
  for (SeenUnit& unit : status.units) {
    if (!reached) continue;
    if (auto state = systemctl->state_of(unit.name)) unit.state = std::move(*state);
  }
  status.daemon = serving_daemon(paths);
  return status;
}

std::string sentence_of(const SeenUnit& unit) {
  std::string text = unit.name + ": ";
  switch (unit.found) {
    case UnitFound::absent:
      text += "not installed";
      break;
    case UnitFound::as_written:
      text += "installed";
      break;
    case UnitFound::different:
      text += "installed, but not what this version writes; 'hearth service install' writes it anew";
      break;
    case UnitFound::foreign:
      text += unit.path + " was not written by Hearth";
      break;
  }
  if (!unit.state) return text + '\n';
  // The sockets alone are enabled; the service is started through them.
  if (unit.name != service_unit && !unit.state->enabled.empty()) text += ", " + unit.state->enabled;
  return text + ", " + (unit.state->active.empty() ? "unknown to systemd" : unit.state->active) + '\n';
}

bool listened_for(const ServiceStatus& status) {
  const auto& state = status.units.front().state;
  return state && state->active == "active";
}

std::string shown(const ServiceStatus& status) {
  std::string text;
  for (const SeenUnit& unit : status.units) text += sentence_of(unit);
  if (!status.unreachable.empty())
    text += "no systemd of this user can be asked: " + status.unreachable + '\n';
  const ServingDaemon& daemon = status.daemon;
  if (!daemon.runs) {
    text += listened_for(status) ? "no daemon runs; systemd starts it when a session comes\n"
                                 : "no daemon runs; the first session starts it\n";
    return text;
  }
  text += "the daemon that serves: process " + daemon.pid;
  if (!daemon.version.empty()) text += ", version " + daemon.version;
  text += ", started by " + daemon.starter() + '\n';
  if (!daemon.trouble.empty()) text += daemon.trouble + '\n';
  if (!status.installed() || daemon.started_by == "service") return text;
  if (daemon.started_by == "session")
    return text + "    the service takes its place, with its servers, when the next session comes\n";
  std::string sockets;
  for (const SeenUnit& unit : status.units) {
    if (unit.name != service_unit) sockets += ' ' + unit.name;
  }
  return text + "    " + status.hearth + " shutdown && systemctl --user start" + sockets +
         "\nlets systemd take over\n";
}

std::string as_json(const ServiceStatus& status) {
  proto::json::Writer json;
  json.object().key("installed").boolean(status.installed()).key("units").array();
  for (const SeenUnit& unit : status.units) {
    json.object().key("name").string(unit.name).key("path").string(unit.path);
    json.key("file").string(word_of(unit.found));
    if (unit.state) json.key("enabled").string(unit.state->enabled).key("active").string(unit.state->active);
    json.end();
  }
  json.end();
  if (!status.unreachable.empty()) json.key("unreachable").string(status.unreachable);
  const ServingDaemon& daemon = status.daemon;
  if (daemon.runs) {
    json.key("daemon").object().key("pid").string(daemon.pid).key("version").string(daemon.version);
    json.key("startedBy").string(daemon.started_by).end();
  }
  return json.end().text() + "\n";
}

}  // namespace

int show_service_status(const Arguments& arguments, UnitChoice choice) {
  const auto paths = io::paths_of(arguments.home_wanted());
  if (!paths) return complain(paths.error().what);
  const auto status = service_status(*paths, std::move(choice));
  if (!status) return complain(status.error().what);
  const int told = show(arguments.has("--json") ? as_json(*status) : shown(*status));
  return told == exit_ok && !status->installed() ? exit_no_daemon : told;
}

}  // namespace cli
