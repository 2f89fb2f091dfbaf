#include "cli/control_commands.h"

#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "cli/amount.h"
#include "cli/command_line.h"
#include "cli/control.h"
#include "cli/output.h"
#include "cli/status_view.h"
#include "io/apart.h"
#include "io/clock.h"
#include "io/daemon_end.h"
#include "io/daemon_start.h"
#include "proto/http.h"
#include "proto/json.h"
#include "shim/answer.h"

namespace cli {

namespace {

using proto::json::Value;

// A stubborn server is killed after 4 s.
constexpr base::Duration time_to_end = std::chrono::seconds(8);

constexpr std::string_view shutdown_of_nothing = R"({"ok":false,"daemon":null})";

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
  if (!document.root) return complain("the answer of the daemon is not JSON");
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

// The processes of daemons that were killed; empty: all have ended by themselves.
int show_shutdown(const Arguments& arguments, const std::vector<pid_t>& killed) {
  if (arguments.has("--json")) {
    proto::json::Writer json;
    json.object().key("ok").boolean(true).key("killed").array();
    for (const pid_t pid : killed) json.number(pid);
    return show(json.end().end().text() + "\n");
  }
  std::string text = killed.empty() ? "the daemon has ended\n" : "";
  for (const pid_t pid : killed) {
    text +=
        "the daemon (process " + std::to_string(pid) + ") and everything that it had started were killed\n";
  }
  return show(text);
}

// Asks first, and gives servers the time to end that they have. What is left then is killed; its process is
// added to `killed`. False: there was nothing.
base::Result<bool> end_daemon(const io::Paths& paths, std::vector<pid_t>& killed) {
  const auto process = io::daemon_process(paths);  // Afterwards nothing says which it was.
  const base::Result<Answer> answer =
      ask_daemon(paths, {.method = "POST", .target = "/shutdown", .body = "{}"});
  const bool none = !answer && means_no_daemon(answer.error());
  const bool hangs = !answer && means_hanging_daemon(answer.error());
  if (!answer && !none && !hangs) return std::unexpected(answer.error());
  if (!hangs && io::daemon_ends_within(paths, process, time_to_end)) return !none;
  const pid_t pid = TRY(io::end_daemon_by_force(paths));
  if (pid != 0) killed.push_back(pid);
  return true;
}

// A daemon that is asked to end, and its process, which nothing names afterwards.
struct Ending {
  io::Paths paths;
  std::optional<io::Process> process;
};

std::vector<Ending> endings(const std::vector<io::Paths>& all) {
  std::vector<Ending> ending;
  for (const io::Paths& each : all) ending.push_back({each, io::daemon_process(each)});
  return ending;
}

int shut_down_by_force(const Arguments& arguments) {
  const base::Result<io::Paths> paths = io::paths_of(arguments.home_wanted());
  if (!paths) return complain(paths.error().what);
  // The usual one also if it takes no connections: it may have lost its socket.
  std::vector<io::Paths> all = io::living_daemons(*paths);
  if (all.empty() || !all.front().apart.empty()) all.insert(all.begin(), *paths);
  std::vector<pid_t> killed;
  bool any = false;
  for (const io::Paths& each : all) {
    const base::Result<bool> ended = end_daemon(each, killed);
    if (!ended) return complain(ended.error().what);
    any = any || *ended;
  }
  return any ? show_shutdown(arguments, killed) : no_daemon(arguments, {.json = shutdown_of_nothing});
}

constexpr std::string_view no_upgrade = R"({"ok":false,"daemon":null})";

// What tells one program in the daemon's process from the next.
struct Life {
  std::int64_t pid = 0;
  std::int64_t upgrades = 0;
  std::string version;
  std::int64_t sessions = 0;
  std::int64_t servers = 0;
};

base::Result<Life> life_of(const io::Paths& paths) {
  const Answer answer = TRY(ask_daemon(paths, {.target = "/status", .body = {}}));
  const proto::json::Document document = proto::json::parse(answer.body);
  const Value* daemon = document.root ? document.root->find("daemon") : nullptr;
  if (daemon == nullptr) return base::failure("the answer of the daemon is not the status");
  const auto number = [&](const char* name) {
    const Value* value = daemon->find(name);
    return value != nullptr ? value->integer().value_or(0) : 0;
  };
  Life life{.pid = number("pid"), .upgrades = number("upgrades"), .version = {}};
  if (const Value* version = daemon->find("version")) life.version = version->text;
  if (const Value* all = document.root->find("sessions")) life.sessions = std::ssize(all->items);
  if (const Value* all = document.root->find("servers")) life.servers = std::ssize(all->items);
  return life;
}

// The daemon may wait a second time for what is starting or ending.
constexpr base::Duration time_to_become = std::chrono::seconds(25);

base::Result<Life> life_after(const io::Paths& paths, const Life& before) {
  const base::Instant until = io::now() + time_to_become;
  for (;;) {
    const base::Result<Life> life = life_of(paths);
    if (life && life->pid == before.pid && life->upgrades > before.upgrades) return life;
    if ((life && life->pid != before.pid) || (!life && means_no_daemon(life.error())))
      return base::failure(
          "the daemon ended while it was replaced, and its servers with it; sessions go on with "
          "the next daemon. The end of " +
          paths.daemon_log + " says why");
    if (io::now() >= until)
      return base::failure("the daemon did not become the new program; " + paths.daemon_log + " says why");
    const timespec pause{0, 20'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

std::string upgrade_json(const Life& before, const Life& after) {
  proto::json::Writer json;
  json.object().key("ok").boolean(true);
  json.key("from").string(before.version).key("to").string(after.version);
  json.key("sessions").number(after.sessions);
  json.key("servers").number(after.servers);
  return json.end().text() + "\n";
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
             std::string(" for sessions in other surroundings (a sandbox, other limits); run this command "
                         "there to see it"));
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

// Asked again, because the daemon that has answered is not yet the next one.
int run_upgrade(const Arguments& arguments) {
  const base::Result<io::Paths> paths = io::paths_of(arguments.home_wanted());
  if (!paths) return complain(paths.error().what);
  const base::Result<std::string> program = io::find_daemon_binary();
  if (!program) return complain(program.error().what);
  const io::Paths asked = io::own_paths(*paths);
  const base::Result<Life> before = life_of(asked);
  if (!before && means_no_daemon(before.error())) return no_daemon(arguments, {.json = no_upgrade});
  if (!before) return complain(before.error().what);
  proto::json::Writer body;
  body.object().key("program").string(*program).end();
  const base::Result<Answer> answer =
      ask_daemon(asked, {.method = "POST", .target = "/upgrade", .body = body.text()});
  if (!answer) return complain(answer.error().what);
  if (answer->status == 404)
    return complain("the daemon (hearthd " + before->version + ") is too old to be replaced in place; '" +
                    io::hearth_for(*paths) + " shutdown' ends it, and sessions start the next one");
  if (answer->status >= 300) return complain(shim::problem_in(answer->body, answer->status));
  const base::Result<Life> after = life_after(asked, *before);
  if (!after) return complain(after.error().what);
  if (arguments.has("--json")) return show(upgrade_json(*before, *after));
  return show("hearthd " + before->version + " became " + after->version + ": it went on with " +
              counted(after->sessions, "session") + " and " + counted(after->servers, "server") + "\n");
}

int run_shutdown(const Arguments& arguments) {
  if (arguments.has("--force")) return shut_down_by_force(arguments);
  const base::Result<io::Paths> paths = io::paths_of(arguments.home_wanted());
  if (!paths) return complain(paths.error().what);
  const io::Paths asked =
      io::own_paths(*paths);  // Before it ends: afterwards the usual one stands in for it.
  // Looked for before: a connection to a daemon that ends waits with a service manager, which starts another.
  std::vector<Ending> ending = endings(io::living_daemons(*paths));
  std::erase_if(ending, [&](const Ending& each) { return each.paths.socket == asked.socket; });
  Ending first{asked, io::daemon_process(asked)};
  const Request request{.method = "POST", .target = "/shutdown", .body = "{}"};
  const int ours = ask_and_show(arguments, request, {.json = shutdown_of_nothing},
                                [](const Value&) { return std::string("the daemon is shutting down\n"); });
  // Daemons for sessions in sandboxes and under limits go with it.
  for (const Ending& each : ending) (void)ask_daemon(each.paths, request);
  if (ours == exit_ok) ending.push_back(std::move(first));
  for (const Ending& each : ending) {
    if (io::daemon_ends_within(each.paths, each.process, time_to_end)) continue;
    return complain("the daemon has not ended yet; '" + io::hearth_for(*paths) +
                    " shutdown --force' ends it");
  }
  return ours;
}

}  // namespace cli
