#include "cli/commands.h"

#include <array>
#include <string>

#include "base/version.h"
#include "cli/control_commands.h"
#include "cli/doctor.h"
#include "cli/example_server.h"
#include "cli/logs.h"
#include "cli/output.h"
#include "cli/serve.h"
#include "cli/service.h"
#include "shim/shim.h"

namespace cli {

namespace {

constexpr Flag json_flag = {"--json", "", "", "for programs: JSON instead of text"};

constexpr std::array run_flags = {
    Flag{"--scope", "", "SCOPE", "which sessions share: user, project (the default) or session (only this)"},
    Flag{"--name", "", "NAME", "what to call the server in status and logs"},
    Flag{"--env", "", "NAME", "share only with sessions that have the same value of NAME", Repeat::many},
    Flag{"--ignore-env", "", "PATTERN", "share even if variables that PATTERN fits differ, like CLIENT_*",
         Repeat::many},
};
constexpr std::array json_flags = {json_flag};
constexpr std::array serve_flags = {
    Flag{"--port", "", "N", "listen on this port too, for clients that connect by URL (0: any that is free)"},
    Flag{"--address", "", "A", "the address of the port (127.0.0.1)"},
    Flag{"--certificate", "", "FILE", "speak TLS on the port, with this certificate (PEM)"},
    Flag{"--key", "", "FILE", "the key of that certificate (PEM)"},
    Flag{"--record", "", "FILE", "record what happens in a new FILE, for a bug report"},
    Flag{"--record-contents", "", "", "do not leave out what messages say in that"},
};
constexpr std::array service_flags = {
    Flag{"--port", "", "N", "install: open this port of 127.0.0.1 too, for clients that connect by URL"},
    Flag{"--print", "", "", "install: only print what would be written"},
    Flag{"--launchd", "", "", "with --print: an agent of launchd, for macOS"},
    Flag{"--json", "", "", "status: for programs"},
};
constexpr std::array shutdown_flags = {
    Flag{"--force", "", "", "kill a daemon that does not answer, and its servers with it"},
    json_flag,
};
constexpr std::array logs_flags = {
    Flag{"--follow", "-f", "", "go on showing what is written"},
    Flag{"--lines", "-n", "N", "begin with the last N lines (50)"},
};

int complain_usage(std::string_view text) {
  complain(text);
  return exit_usage;
}

int keep_session(const Arguments& arguments, const shim::Wish& wish) {
  const base::Result<int> status = shim::run(wish, arguments.home_wanted());
  return status ? *status : complain(status.error().what);
}

int run_run(const Arguments& arguments) {
  shim::Wish wish;
  wish.name = arguments.value("--name");
  wish.scope = arguments.value("--scope");
  if (!wish.scope.empty() && wish.scope != "user" && wish.scope != "project" && wish.scope != "session") {
    return complain_usage("--scope is user, project or session, not '" + std::string(wish.scope) + "'");
  }
  wish.variables = arguments.values("--env");
  for (const std::string_view variable : wish.variables) {
    if (variable.find('=') == std::string_view::npos) continue;
    return complain_usage(
        "--env takes the name of a variable, without a value: it is taken from the environment");
  }
  wish.ignored = arguments.values("--ignore-env");
  for (const std::string_view pattern : wish.ignored) {
    if (!pattern.empty() && pattern.find('=') == std::string_view::npos) continue;
    return complain_usage(
        "--ignore-env takes the name of a variable, or a pattern like CLIENT_*, without a value");
  }
  wish.command = arguments.words.front();
  if (wish.command.empty()) return complain_usage("the command is empty");
  wish.args.assign(arguments.words.begin() + 1, arguments.words.end());
  return keep_session(arguments, wish);
}

int run_attach(const Arguments& arguments) {
  shim::Wish wish;
  wish.attach = arguments.words.front();
  if (wish.attach.empty()) return complain_usage("the name is empty");
  return keep_session(arguments, wish);
}

int run_version(const Arguments& arguments) {
  const std::string version(base::version);
  return show(arguments.has("--json") ? "{\"version\":\"" + version + "\"}\n" : "hearth " + version + "\n");
}

constexpr std::array table = {
    Command{"run",
            "share the server that COMMAND starts, and speak MCP on stdin and stdout",
            "Speaks MCP on stdin and stdout with the server that COMMAND starts. Sessions that ask for the\n"
            "same command in the same project, with the same credentials and settings in their environment,\n"
            "share one process. In a client's configuration, put it before the server's own command:\n\n"
            "  \"command\": \"npx\",    \"args\": [\"-y\", \"package\"]\n"
            "  \"command\": \"hearth\", \"args\": [\"run\", \"--\", \"npx\", \"-y\", \"package\"]\n",
            run_flags,
            {"-- COMMAND ARGS...", 1, 0, true},
            run_run},
    Command{"attach",
            "the same for an entry of config.json",
            "Speaks MCP on stdin and stdout with the server NAME of config.json.\n",
            {},
            {"NAME", 1, 1},
            run_attach},
    Command{
        "serve",
        "be the daemon, in the foreground, and listen on a port",
        "Runs the daemon in the foreground until SIGTERM or SIGINT, for containers and service units, and\n"
        "listens for clients that connect by URL:\n\n"
        "  http://127.0.0.1:N/mcp/NAME   Streamable HTTP\n"
        "  http://127.0.0.1:N/sse/NAME   HTTP+SSE\n\n"
        "With a certificate and its key it is https://, and the address may be one that others can reach.\n"
        "NAME is an entry of config.json, whose \"http\" also says who may connect. Without anything said "
        "there,\n"
        "clients need the token in the file http-token of the state directory.\n\n"
        "It takes the place of a daemon that a session has started: its sessions, servers and calls go on.\n",
        serve_flags,
        {},
        run_serve},
    Command{
        "service",
        "let systemd start the daemon",
        "install    writes units of systemd for this user and enables them: systemd listens where sessions\n"
        "           connect, starts the daemon when one comes, and again should it fail\n"
        "uninstall  stops and removes them; sessions start the daemon by themselves again\n"
        "status     what is installed, enabled and active, and which daemon serves; 3 if nothing is "
        "installed\n"
        "\n"
        "Files that Hearth did not write are left alone. A daemon that a session has started goes on until "
        "it\n"
        "ends. A port that is installed stays until uninstall. Nothing of this is needed: without a service, "
        "and\n"
        "without systemd, the first session starts the daemon.\n",
        service_flags,
        {"install|uninstall|status", 1, 1},
        run_service},
    Command{"status",
            "the daemon, its servers and sessions",
            "Shows the daemon, its servers and its sessions. Without a daemon the exit status is 3.\n",
            json_flags,
            {},
            run_status},
    Command{"logs",
            "what a server wrote on its stderr",
            "Shows the log of the server NAME. Works without a daemon, too.\n",
            logs_flags,
            {"NAME", 1, 1},
            run_logs},
    Command{"why",
            "which sessions share a server, and what keeps others apart",
            "Says which sessions share what, what was declared to the server that their clients can do,\n"
            "which differences keep two instances apart, and which were ignored.\n"
            "Values are shown as hashes only.\n",
            json_flags,
            {"[NAME]", 0, 1},
            run_why},
    Command{
        "doctor",
        "what is wrong with this machine, and what mends it",
        "Says what is wrong, and the command that mends it: mistakes in config.json, a daemon that hangs or "
        "is\n"
        "of another version, a stale socket, servers that fail, a port that is taken, a full disk, clients\n"
        "that start their servers without Hearth. Changes nothing, and starts no daemon. The exit status is\n"
        "4 if something was found.\n",
        json_flags,
        {},
        run_doctor},
    Command{"stop",
            "stop a server; it starts again when it is needed",
            "Stops the server NAME. Its sessions live on, and their next request starts it again.\n",
            json_flags,
            {"NAME", 1, 1},
            run_stop},
    Command{"restart",
            "stop a server and start it anew",
            "Restarts the server NAME. Its sessions live on; calls in flight end with an error.\n",
            json_flags,
            {"NAME", 1, 1},
            run_restart},
    Command{
        "upgrade",
        "replace the running daemon by the installed one",
        "Replaces the running daemon by the hearthd that is installed beside this program. The process\n"
        "stays, and with it all sessions, servers and calls. If the new program cannot go on from what the\n"
        "old one knows, or has to wait for longer than 20 s (for a server that is starting, say), the old\n"
        "one stays, and you are told why.\n",
        json_flags,
        {},
        run_upgrade},
    Command{
        "shutdown",
        "stop every server and the daemon",
        "Stops every server and the daemon. Open sessions wait for their clients' next requests, which\n"
        "start the next daemon. With --force a daemon that hangs is killed, and what it had started with\n"
        "it; open sessions start the next one, and go on.\n",
        shutdown_flags,
        {},
        run_shutdown},
    Command{"version",
            "the version of this program",
            "Shows the version of this program.\n",
            json_flags,
            {},
            run_version},
    Command{"example-server",
            "",
            "A small MCP server on stdin and stdout, to try things with where no other is at hand:\n\n"
            "  hearth run -- hearth example-server\n\n"
            "Tools: echo {text}, add {a, b}, counter (one for the whole process, so it shows who shares),\n"
            "slow {ms} (with progress), blob {bytes}. Resources: example://counter, example://greeting.\n",
            {},
            {},
            run_example_server},
};

}  // namespace

std::span<const Command> commands() {
  return table;
}

int main_of(std::span<const char* const> words) {
  const std::expected<Arguments, std::string> arguments = parse(table, words);
  if (!arguments) return complain_usage(arguments.error() + "\nSee 'hearth --help'.");
  if (arguments->version) return run_version(*arguments);
  if (arguments->command == nullptr) {
    show(short_help(table));
    return arguments->help ? exit_ok : exit_usage;
  }
  if (arguments->help) return show(help_of(*arguments->command));
  return arguments->command->run(*arguments);
}

}  // namespace cli
