#include <doctest/doctest.h>

#include <array>
#include <cerrno>

#include "app/config/report.h"
#include "cli/doctor/config_check.h"
#include "cli/doctor/daemon_check.h"
#include "cli/doctor/disk_check.h"
#include "cli/doctor/finding.h"
#include "cli/doctor/place_check.h"
#include "cli/doctor/port_check.h"
#include "cli/doctor/server_check.h"

namespace {

using namespace cli::doctor;
using Lock = PlaceFacts::Lock;

bool says(const Findings& findings, std::string_view id, std::string_view what, std::string_view advice) {
  for (const Finding& finding : findings) {
    if (finding.id == id && finding.what.contains(what) && finding.advice.contains(advice)) return true;
  }
  for (const Finding& finding : findings) MESSAGE(finding.id, ": ", finding.what, " | ", finding.advice);
  return false;
}

TEST_CASE("a sentence is taken apart at its first semicolon") {
  const Finding both = finding_from("x", Severity::error, "it hangs; kill it; or wait", "nothing");
  CHECK(both.what == "it hangs");
  CHECK(both.advice == "kill it; or wait");
  CHECK(finding_from("x", Severity::error, "it hangs", "nothing").advice == "nothing");
}

TEST_CASE("the daemon's report on a configuration is understood here") {
  const app::Config config = app::read_config(R"({
  "http": {"port": 8765},
  "mcpServers": {"bad": {"command": 17}, "odd": {"command": "x", "idleTimoutMs": 1}}
})",
                                              "/h/config.json");
  const auto facts = config_facts("/h/config.json", app::report_on(config));
  REQUIRE(facts);
  CHECK(facts->port == 8765);
  REQUIRE(facts->mistakes.size() == 2);
  CHECK(facts->mistakes[0].severity == Severity::error);
  CHECK(facts->mistakes[1].severity == Severity::warning);
  const Findings findings = check_config(*facts);
  CHECK(says(findings, "config", "/h/config.json:3:37: ", ""));
  CHECK(says(findings, "config", "idleTimoutMs", ""));
  for (const Finding& finding : findings) CHECK_FALSE(finding.advice.empty());

  CHECK_FALSE(config_facts("f", "usage: hearthd"));
  CHECK(check_config(*config_facts("f", app::report_on(app::Config{}))).empty());
}

TEST_CASE("a place that is in order is not told of") {
  PlaceFacts place{.hearth = "hearth --home /h",
                   .socket = "/r/s",
                   .lock_file = "/r/l",
                   .directory_trouble = {},
                   .open = {},
                   .holder = {}};
  CHECK(check_place(place).empty());
  place.lock = Lock::held;
  place.answers = place.socket_exists = place.listened = true;
  CHECK(check_place(place).empty());
  // A service manager listens, and no daemon runs.
  place.lock = Lock::free;
  place.answers = false;
  CHECK(check_place(place).empty());
}

TEST_CASE("what is wrong with the place is told of with a command") {
  PlaceFacts place{.hearth = "hearth --home /h",
                   .socket = "/r/s",
                   .lock_file = "/r/l",
                   .directory_trouble = {},
                   .open = {{"/r", 0755, 0700}},
                   .holder = "process 7"};
  CHECK(says(check_place(place), "mode", "/r can be reached by other users (mode 0755)", "'chmod 0700 /r'"));
  place.open.clear();
  place.socket_exists = true;
  CHECK(says(check_place(place), "socket", "/r/s is left", "the next session replaces it"));
  place.lock = Lock::held;
  CHECK(says(check_place(place), "lock", "process 7 holds the lock /r/l",
             "'hearth --home /h shutdown --force'"));
  place.directory_trouble = "/r belongs to uid 5, not to uid 0; have it removed";
  const Findings findings = check_place(place);
  CHECK(findings.size() == 1);
  CHECK(says(findings, "directory", "belongs to uid 5", "have it removed"));
}

DaemonFacts healthy() {
  DaemonFacts daemon;
  daemon.hearth = "hearth --home /h";
  daemon.own_version = daemon.installed_version = daemon.version = "1.0.0";
  daemon.installed = "/b/hearthd";
  daemon.runs = true;
  daemon.pid = "7";
  return daemon;
}

TEST_CASE("program and daemon of one version are in order") {
  CHECK(check_daemon(healthy()).empty());
  DaemonFacts none = healthy();
  none.runs = false;
  none.version.clear();
  CHECK(check_daemon(none).empty());
  CHECK(version_in("hearthd 0.1.0\n") == "0.1.0");
  CHECK(version_in("something else").empty());
}

TEST_CASE("each way in which program and daemon differ is told of") {
  DaemonFacts daemon = healthy();
  daemon.version = "0.9.0";
  CHECK(says(check_daemon(daemon), "version", "(process 7) is version 0.9.0", "'hearth --home /h upgrade'"));
  daemon = healthy();
  daemon.other_program = true;
  CHECK(
      says(check_daemon(daemon), "version", "another program than /b/hearthd", "'hearth --home /h upgrade'"));
  daemon = healthy();
  daemon.installed_version = "2.0.0";
  CHECK(says(check_daemon(daemon), "hearthd", "/b/hearthd is version 2.0.0", "install both"));
  daemon = healthy();
  daemon.installed_trouble = "cannot find hearthd: it is nowhere; install it there";
  CHECK(says(check_daemon(daemon), "hearthd", "it is nowhere", "install it there"));
  daemon = healthy();
  daemon.trouble = "the daemon (process 7) does not answer; 'hearth --home /h shutdown --force' ends it";
  CHECK(says(check_daemon(daemon), "daemon", "does not answer", "--force"));
}

Findings of_servers(std::string_view json) {
  const proto::json::Document document = proto::json::parse(json);
  REQUIRE(document.root);
  return check_servers(*document.root, "hearth --home /h");
}

TEST_CASE("servers in trouble are told of, and others are not") {
  CHECK(of_servers("{}").empty());
  CHECK(of_servers(R"({"servers": [{"name": "a", "state": "ready", "trouble": ""}]})").empty());
  const Findings failed = of_servers(
      R"({"servers": [{"name": "git", "state": "failed", "trouble": "exited; its last words: no repo"}]})");
  CHECK(says(failed, "server", "server git (failed): exited; its last words: no repo",
             "'hearth --home /h logs git'"));
  CHECK(failed[0].severity == Severity::error);
  const Findings stopped =
      of_servers(R"({"servers": [{"name": "a", "state": "stopped", "trouble": "was stopped because"}]})");
  CHECK(says(stopped, "server", "server a (stopped): was stopped because", "'hearth --home /h restart a'"));
  CHECK(stopped[0].severity == Severity::warning);
  const Findings limits = of_servers(
      R"({"servers": [{"name": "a", "state": "ready", "limitsNotKept": ["its limit is not kept; do y"]}]})");
  CHECK(says(limits, "limits", "server a: its limit is not kept", "do y"));
  const Findings refused = of_servers(
      R"({"servers": [{"name": "a", "state": "ready", "refusedCalls": [{"tool": "boom", "deaths": 3}]}]})");
  CHECK(says(refused, "server", "the tool boom has ended it 3 times", "'hearth --home /h restart a'"));
}

TEST_CASE("a port is told of when it is wanted and not the daemon's") {
  PortFacts port{.hearth = "hearth --home /h", .config_file = "/c", .listener = {}, .daemon_log = "/l"};
  CHECK(check_port(port).empty());  // None is wanted.
  port.wanted = 8765;
  CHECK(check_port(port).empty());  // The next daemon opens it.
  port.listener = "systemd (pid 1)";
  CHECK(check_port(port).empty());
  port.listener = "node (pid 5)";
  CHECK(says(check_port(port), "port", "node (pid 5) listens on port 8765", "end that process"));
  port.daemon_runs = true;
  CHECK(says(check_port(port), "port", "node (pid 5)", "then 'hearth --home /h shutdown'"));
  port.listener.clear();
  CHECK(says(check_port(port), "port", "does not listen on port 8765, which /c names",
             "'hearth --home /h shutdown'"));
  port.opened = 99;
  CHECK(says(check_port(port), "port", "but on port 99", "/l"));
  port.chosen_at_start = true;
  CHECK(check_port(port).empty());
  port.opened = 8765;
  CHECK(check_port(port).empty());
}

TEST_CASE("each obstacle on a disk is told of in words of its own") {
  const auto of = [](Obstacle obstacle) {
    const std::array disks = {DiskFacts{"logs and state", "/s/t", "/s", obstacle}};
    return check_disks(disks);
  };
  CHECK(of(Obstacle::none).empty());
  CHECK(says(of(Obstacle::full), "disk", "written to /s/t: its file system is full", "df /s"));
  CHECK(says(of(Obstacle::read_only), "disk", "read-only", "mount it"));
  CHECK(says(of(Obstacle::forbidden), "disk", "no right to write to /s", "'chmod u+rwx /s'"));
  CHECK(says(of(Obstacle::in_the_way), "disk", "/s is in the way", "remove or rename /s"));
  CHECK(says(of(Obstacle::silent), "disk", "does not answer", "mount it"));
}

}  // namespace
