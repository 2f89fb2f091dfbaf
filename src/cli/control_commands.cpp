#include "cli/control_commands.h"

#include <algorithm>
#include <optional>
#include <string>

#include "cli/command_line.h"
#include "cli/control.h"
#include "cli/output.h"
#include "cli/status_view.h"
#include "io/apart.h"
#include "proto/http.h"
#include "proto/json.h"
#include "shim/answer.h"

namespace cli {

namespace {

using proto::json::Value;

// What there is instead of an answer when no daemon runs.
struct WithoutDaemon {
  std::string_view json;
};

int no_daemon(const Arguments& arguments, WithoutDaemon instead) {
  if (arguments.has("--json")) {
    show(std::string(instead.json) + "\n");
  } else {
    complain("no daemon is running");
  }
  return exit_no_daemon;
}

// Asks, and shows what comes: as it is, or through `shown`.
template <class Shown>
int ask_and_show(const Arguments& arguments, const Request& request, WithoutDaemon instead, Shown&& shown) {
  const base::Result<io::Paths> paths = io::paths_of(arguments.home_wanted());
  if (!paths) return complain(paths.error().what);
  const base::Result<Answer> answer = ask_daemon(*paths, request);
  if (!answer && means_no_daemon(answer.error())) return no_daemon(arguments, instead);
  if (!answer) return complain(answer.error().what);
  if (answer->status >= 300) return complain(shim::problem_in(answer->body, answer->status));
  if (arguments.has("--json")) return show(answer->body.ends_with('\n') ? answer->body : answer->body + "\n");
  const proto::json::Document document = proto::json::parse(answer->body);
  if (!document.root) return complain("the daemon answered with something that is no JSON");
  return show(shown(*document.root));
}

int tell_to(const Arguments& arguments, std::string_view target, std::string_view done) {
  proto::json::Writer body;
  body.object().key("name").string(arguments.words.front()).end();
  const Request request{.method = "POST", .target = std::string(target), .body = body.text()};
  return ask_and_show(arguments, request, {.json = R"({"ok":false,"daemon":null})"}, [&](const Value&) {
    return std::string(arguments.words.front()).append(" ").append(done).append("\n");
  });
}

}  // namespace

int run_status(const Arguments& arguments) {
  const int ours = ask_and_show(arguments, {.target = "/status", .body = {}},
                                {.json = R"({"daemon":null,"servers":[],"sessions":[]})"}, status_shown);
  const auto paths = io::paths_of(arguments.home_wanted());
  const std::size_t daemons = paths ? io::living_daemons(*paths).size() : 0;
  const std::size_t others = ours == exit_ok ? daemons - std::min<std::size_t>(daemons, 1) : daemons;
  if (others != 0 && !arguments.has("--json")) {
    complain((others == 1 ? "another daemon runs" : std::to_string(others) + " other daemons run") +
             std::string(" for sessions in other surroundings (a sandbox, other limits); ask from there"));
  }
  return ours;
}

int run_why(const Arguments& arguments) {
  Request request{.target = "/why", .body = {}};
  if (!arguments.words.empty()) request.target += "?name=" + proto::percent_encoded(arguments.words.front());
  return ask_and_show(arguments, request, {.json = R"({"groups":[],"apart":[]})"}, why_shown);
}

int run_stop(const Arguments& arguments) {
  return tell_to(arguments, "/stop", "is stopped");
}

int run_restart(const Arguments& arguments) {
  return tell_to(arguments, "/restart", "is restarted");
}

int run_shutdown(const Arguments& arguments) {
  const Request request{.method = "POST", .target = "/shutdown", .body = "{}"};
  const int ours = ask_and_show(arguments, request, {.json = R"({"ok":false,"daemon":null})"},
                                [](const Value&) { return std::string("the daemon is shutting down\n"); });
  // Daemons for sessions in sandboxes and under limits go with it.
  if (const auto paths = io::paths_of(arguments.home_wanted())) {
    for (const io::Paths& each : io::living_daemons(*paths)) (void)ask_daemon(each, request);
  }
  return ours;
}

}  // namespace cli
