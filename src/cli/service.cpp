#include "cli/service.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string>
#include <vector>

#include "cli/output.h"
#include "cli/service_status.h"
#include "cli/service_units.h"
#include "cli/serving_daemon.h"
#include "cli/systemctl.h"
#include "cli/unit_files.h"
#include "io/daemon_start.h"
#include "io/handover.h"
#include "io/paths.h"

namespace cli {

namespace {

constexpr std::string_view without_systemd =
    "Sessions start the daemon by themselves, and need no service. In a container 'hearth serve' is the "
    "daemon, "
    "in the foreground.";

bool has_control_characters(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

base::Result<std::string> own_program() {
  std::array<char, 4096> self{};
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size());
  if (length <= 0 || static_cast<std::size_t>(length) == self.size())
    return base::failure("cannot tell where this program is: /proc/self/exe cannot be read");
  std::string path(self.data(), static_cast<std::size_t>(length));
  // It was replaced while it ran; the new one has the name.
  constexpr std::string_view replaced = " (deleted)";
  if (path.ends_with(replaced)) path.resize(path.size() - replaced.size());
  return path;
}

base::Result<UnitChoice> choice_of(const Arguments& arguments) {
  const io::Paths paths = TRY(io::paths_of(arguments.home_wanted()));
  UnitChoice choice{
      .program = TRY(own_program()), .home = paths.home, .socket = paths.socket, .path = {}, .port = 0};
  const char* path = std::getenv("PATH");
  if (path != nullptr && !has_control_characters(path)) choice.path = path;
  if (has_control_characters(choice.program + choice.home))
    return base::failure(
        "a unit cannot name a directory with a line break or another control character in it");
  const std::string_view port = arguments.value("--port");
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), choice.port);
  const bool is_port = error == std::errc() && end == port.data() + port.size() && choice.port != 0;
  if (arguments.has("--port") && !is_port)
    return base::failure("--port is a number from 1 to 65535, not '" + std::string(port) + "'", EINVAL);
  return choice;
}

int print(const UnitChoice& choice, const Arguments& arguments) {
  if (arguments.has("--launchd")) return show(launch_agent_for(choice));
  std::string text;
  for (const UnitFile& unit : units_for(choice))
    text += (text.empty() ? "# " : "\n# ") + std::string(unit.name) + '\n' + unit.text;
  return show(text);
}

struct Written {
  std::string text;      // Of their paths, for people.
  bool changed = false;  // One was there, and said something else.
};

// Looks at all before it writes the first.
base::Result<Written> write_all(const UnitDirectory& directory, const std::vector<UnitFile>& units) {
  for (const std::string_view unit : {socket_unit, http_unit, service_unit}) TRY(directory.ours(unit));
  Written written;
  for (const UnitFile& unit : units) {
    const std::string before = TRY(directory.ours(unit.name));
    written.changed = written.changed || (!before.empty() && !same_unit(before, unit.text));
    TRY(directory.write(unit.name, unit.text));
    written.text += "wrote " + directory.path_of(unit.name) + '\n';
  }
  return written;
}

// The units have the same names whatever home they are for.
base::Result<void> expect_same_home(const UnitDirectory& directory, const UnitChoice& choice) {
  const auto service = directory.ours(service_unit);
  if (!service || service->empty() || same_home(*service, choice)) return {};
  return base::failure(directory.path_of(service_unit) +
                       " is for another home, as its ExecStart= says, and is left alone; with that --home "
                       "'hearth service uninstall' removes it");
}

std::vector<std::string> sockets_of(const UnitChoice& choice) {
  std::vector<std::string> sockets = {std::string(socket_unit)};
  if (choice.port != 0) sockets.emplace_back(http_unit);
  return sockets;
}

std::string joined_words(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += ' ' + word;
  return all;
}

int later(const std::string& written, const std::string& why, const UnitChoice& choice) {
  return show(written + "It is not enabled, because no systemd of this user can be reached:\n    " + why +
              "\nOnce one runs (after a login, or 'loginctl enable-linger'):\n"
              "    systemctl --user daemon-reload\n    systemctl --user enable --now" +
              joined_words(sockets_of(choice)) + "\nUntil then nothing is missing. " +
              std::string(without_systemd) + '\n');
}

// What is left to do by hand where a daemon runs.
std::string advice_for(const ServingDaemon& daemon, const UnitChoice& choice, const std::string& hearth) {
  const std::string sockets = joined_words(sockets_of(choice));
  if (daemon.started_by == "service") {
    return "The daemon that runs (process " + daemon.pid +
           ") is the service, and keeps its former unit. To restart it and its servers:\n"
           "    systemctl --user stop hearthd.service" +
           sockets + " && systemctl --user start" + sockets + '\n';
  }
  return "A daemon runs that " + daemon.starter() + " has started (process " + daemon.pid +
         "); it goes on. To let systemd take over:\n    " + hearth + " shutdown && systemctl --user start" +
         sockets + '\n';
}

// `changed`: systemd may listen as the units said before.
base::Result<std::string> enable(const Systemctl& systemctl, const io::Paths& paths, const UnitChoice& choice,
                                 bool changed) {
  TRY(systemctl.run({"daemon-reload"}));
  const ServingDaemon daemon = serving_daemon(paths);
  const bool makes_way = daemon.runs && daemon.started_by == "session" && io::hands_over(paths);
  const bool stays = daemon.runs && !makes_way;
  std::string text;
  for (const std::string& unit : sockets_of(choice)) {
    if (stays) {
      TRY(systemctl.run({"enable", unit}));
    } else if (auto enabled = systemctl.run({"enable", "--now", unit}); !enabled) {
      return base::failure(enabled.error().what + "; 'journalctl --user -u " + unit + "' says more");
    }
    if (!stays && changed) TRY(systemctl.run({"restart", unit}));
    text += "enabled " + unit + '\n';
  }
  if (stays) return text + advice_for(daemon, choice, io::hearth_for(paths));
  text += "systemd listens on " + paths.socket;
  if (choice.port != 0) text += " and on port " + std::to_string(choice.port);
  if (!daemon.runs) return text + ", and starts the daemon when a session comes.\n";
  text += ".\nA daemon runs that a session has started (process " + daemon.pid + "). The service ";
  if (systemctl.run({"start", std::string(service_unit)}))
    return text + "takes its place, with its servers.\n";
  return text + "takes its place, with its servers, when the next session comes.\n";
}

int install(const Arguments& arguments, UnitChoice choice) {
  const auto paths = io::paths_of(arguments.home_wanted());
  if (!paths) return complain(paths.error().what);
  const auto systemctl = Systemctl::find();
  if (!systemctl) {
    return complain("there is no systemd here (no systemctl in PATH), and nothing was written. " +
                    std::string(without_systemd) + " 'hearth service install --print' shows the units");
  }
  const auto directory = UnitDirectory::find();
  if (!directory) return complain(directory.error().what);
  // A new version is installed without naming the port again.
  if (const auto http = directory->ours(http_unit); http && choice.port == 0) choice.port = port_in(*http);
  if (const auto same = expect_same_home(*directory, choice); !same) return complain(same.error().what);
  const auto written = write_all(*directory, units_for(choice));
  if (!written) return complain(written.error().what);
  if (const auto reached = systemctl->reach(); !reached)
    return later(written->text, reached.error().what, choice);
  const auto enabled = enable(*systemctl, *paths, choice, written->changed);
  if (!enabled) {
    show(written->text);
    return complain(enabled.error().what);
  }
  return show(
      written->text + *enabled +
      "The service runs while you are logged in; 'loginctl enable-linger' lets it go on without you.\n");
}

int uninstall(const Arguments&, const UnitChoice& choice) {
  const auto directory = UnitDirectory::find();
  if (!directory) return complain(directory.error().what);
  std::vector<std::string> there;
  for (const std::string_view unit : {http_unit, socket_unit, service_unit}) {
    const auto text = directory->ours(unit);
    if (!text) return complain(text.error().what);
    if (!text->empty()) there.emplace_back(unit);
  }
  if (there.empty()) return show("no service is installed\n");
  if (const auto same = expect_same_home(*directory, choice); !same) return complain(same.error().what);
  const auto systemctl = Systemctl::find();
  const auto reached =
      systemctl ? systemctl->reach() : base::Result<void>(std::unexpected(systemctl.error()));
  std::string text;
  base::Result<void> disabled;  // The files go in any case: systemd may not know them.
  if (reached) {
    std::vector<std::string> words = {"disable", "--now"};
    words.insert(words.end(), there.begin(), there.end());
    if (const auto ran = systemctl->run(words); !ran) disabled = std::unexpected(ran.error());
  }
  for (const std::string& unit : there) {
    if (const auto removed = directory->remove(unit); !removed) return complain(removed.error().what);
    text += "removed " + directory->path_of(unit) + '\n';
  }
  if (reached) {
    if (const auto reloaded = systemctl->run({"daemon-reload"}); !reloaded)
      return complain(reloaded.error().what);
    if (!disabled) {
      show(text);
      return complain(disabled.error().what);
    }
    return show(text + "Open sessions go on with a daemon that they start.\n");
  }
  return show(text + "No systemd of this user can be reached (" + reached.error().what +
              "). Where one runs, tell it:\n    systemctl --user stop" + joined_words(there) +
              "; systemctl --user daemon-reload\n");
}

// Before the socket unit takes the path of the socket: see service_units.cpp.
int check(const Arguments& arguments) {
  const auto paths = io::paths_of(arguments.home_wanted());
  if (!paths) return complain(paths.error().what);
  if (io::hands_over(*paths)) return exit_ok;
  const auto none = io::expect_no_daemon(*paths);
  return none ? exit_ok : complain(none.error().what + ", then 'systemctl --user start hearthd.socket'");
}

int misused(std::string_view text) {
  complain(text);
  return exit_usage;
}

}  // namespace

int run_service(const Arguments& arguments) {
  const std::string_view action = arguments.words.front();
  if (action == "check") return check(arguments);
  const bool installs = action == "install";
  if (!installs && action != "uninstall" && action != "status") {
    return misused("service takes install, uninstall or status, not '" + std::string(action) + "'");
  }
  for (const char* flag : {"--port", "--print", "--launchd"}) {
    if (arguments.has(flag) && !installs) return misused(std::string(flag) + " is of use with install only");
  }
  if (arguments.has("--launchd") && !arguments.has("--print")) {
    return misused("--launchd goes with --print: Hearth does not install the agent, it prints it");
  }
  if (arguments.has("--json") && action != "status") return misused("--json is of use with status only");
  const auto choice = choice_of(arguments);
  if (!choice && choice.error().code == EINVAL) return misused(choice.error().what);
  if (!choice) return complain(choice.error().what);
  if (arguments.has("--print")) return print(*choice, arguments);
  if (action == "status") return show_service_status(arguments, *choice);
  return installs ? install(arguments, *choice) : uninstall(arguments, *choice);
}

}  // namespace cli
