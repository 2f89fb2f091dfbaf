#include "cli/status_view.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

#include "cli/amount.h"
#include "cli/table.h"

namespace cli {

namespace {

using proto::json::Type;
using proto::json::Value;

const std::vector<Value>& items_of(const Value& object, std::string_view key) {
  static const std::vector<Value> none;
  const Value* found = object.find(key);
  return found == nullptr ? none : found->items;
}

std::optional<std::int64_t> number_of(const Value& object, std::string_view key) {
  const Value* found = object.find(key);
  return found == nullptr ? std::nullopt : found->integer();
}

// A string or a whole number, as it is; "-" for what is missing, null, or empty.
std::string plain(const Value& object, std::string_view key) {
  const Value* found = object.find(key);
  const bool shown = found != nullptr && (found->type == Type::string || found->type == Type::number);
  return shown && !found->text.empty() ? found->text : "-";
}

std::string bytes(const Value& object, std::string_view key) {
  const auto number = number_of(object, key);
  return number && *number > 0 ? bytes_shown(*number) : "-";
}

std::string duration(const Value& object, std::string_view key) {
  const auto number = number_of(object, key);
  return number ? milliseconds_shown(*number) : "-";
}

std::string calls_of(const Value& server) {
  const std::int64_t waiting = number_of(server, "waiting").value_or(0);
  std::string calls = plain(server, "calls");
  if (waiting > 0) calls.append(" (+").append(std::to_string(waiting)).append(" waiting)");
  return calls;
}

// "files: the tool crash has ended it 3 times with the same arguments; that call is refused (2 so far)"
void append_refused(std::string& out, const Value& server) {
  for (const Value& call : items_of(server, "refusedCalls")) {
    out.append(printable(plain(server, "name"))).append(": the tool ").append(printable(plain(call, "tool")));
    out.append(" has ended it ").append(plain(call, "deaths")).append(" times with the same arguments; ");
    out.append("that call is refused (").append(plain(call, "refused")).append(" so far)\n");
  }
}

std::string servers_shown(const std::vector<Value>& servers) {
  Table table({{"SERVER"},
               {"STATE"},
               {"PID", Align::right},
               {"SESSIONS", Align::right},
               {"CALLS", Align::right},
               {"RESTARTS", Align::right},
               {"MEMORY", Align::right},
               {"UPTIME", Align::right}});
  std::string troubles;
  for (const Value& server : servers) {
    const std::string pid = number_of(server, "pid").value_or(0) > 0 ? plain(server, "pid") : "-";
    table.row({plain(server, "name"), plain(server, "state"), pid, plain(server, "sessions"),
               calls_of(server), plain(server, "restarts"), bytes(server, "memoryBytes"),
               duration(server, "uptimeMs")});
    append_refused(troubles, server);
    for (const Value& sentence : items_of(server, "limitsNotKept"))
      troubles.append(printable(plain(server, "name")))
          .append(": ")
          .append(printable(sentence.text))
          .append("\n");
    const std::string_view trouble = server.string_or("trouble", "");
    if (trouble.empty()) continue;
    troubles.append(printable(plain(server, "name"))).append(": ").append(printable(trouble));
    const std::int64_t failures = number_of(server, "failures").value_or(0);
    if (failures > 1) troubles.append(" (").append(std::to_string(failures)).append(" failures in a row)");
    troubles.append("\n");
  }
  return table.text() + (troubles.empty() ? "" : "\n" + troubles);
}

// Clients that come by URL have no process here.
std::string pid_of(const Value& session) {
  if (number_of(session, "pid") != 0) return plain(session, "pid");
  return number_of(session, "awayMs") ? "away" : "URL";
}

std::string project_of(const Value& session) {
  return session.string_or("scope", "") == "user" ? "(user)" : plain(session, "project");
}

std::string age_of(const Value& session) {
  std::string age = duration(session, "ageMs");
  if (number_of(session, "awayMs")) age += ", away for " + duration(session, "awayMs");
  return age;
}

std::string sessions_shown(const std::vector<Value>& sessions) {
  Table table({{"CLIENT"},
               {"SERVER"},
               {"PID", Align::right},
               {"CALLS", Align::right},
               {"AGE", Align::right},
               {"PROJECT"}});
  for (const Value& session : sessions) {
    table.row({plain(session, "client"), plain(session, "server"), pid_of(session), plain(session, "calls"),
               age_of(session), project_of(session)});
  }
  return table.text();
}

std::string session_of(const Value& session, const std::string& name) {
  std::string text = printable(session.string_or("client", ""));
  if (text.empty()) text = "a client without a name";
  const std::string project = printable(session.string_or("project", ""));
  if (!project.empty()) text.append(" in ").append(project);
  const std::string called = printable(session.string_or("server", name));
  if (called != name) text.append(", which calls it ").append(called);
  return text;
}

// "environment variable DEBUG: 1a2b here, 3c4d there"
std::string difference_of(const Value& difference) {
  const auto side = [&](std::string_view key) {
    const std::string text = printable(difference.string_or(key, ""));
    return text.empty() ? std::string("nothing") : text;
  };
  return printable(difference.string_or("what", "something")) + ": " + side("here") + " here, " +
         side("there") + " there";
}

void append_differences(std::string& out, const std::vector<Value>& differences) {
  for (const Value& difference : differences)
    out.append("    ").append(difference_of(difference)).append("\n");
}

std::string listed(const std::vector<Value>& names) {
  std::string text;
  for (const Value& name : names) text += (text.empty() ? "" : ", ") + printable(name.text);
  return text;
}

std::string group_shown(const Value& group) {
  const std::vector<Value>& sessions = items_of(group, "sessions");
  const std::string name = printable(group.string_or("name", "?"));
  std::string out = name + " (instance " + printable(plain(group, "instance")) + ")";
  if (sessions.empty()) return out + " has no session.\n";
  out += sessions.size() == 1 ? " serves one session:\n"
                              : " is shared by " + std::to_string(sessions.size()) + " sessions:\n";
  for (const Value& session : sessions) out.append("    ").append(session_of(session, name)).append("\n");
  if (const std::string one = printable(group.string_or("oneAtATime", "")); !one.empty())
    out += "  Calls go one at a time: " + one + ".\n";
  if (const std::string roots = printable(group.string_or("roots", "")); !roots.empty())
    out += "  It asks for roots, and " + roots + ".\n";
  if (const std::string declared = listed(items_of(group, "declared")); !declared.empty())
    out += "  Declared to the server: " + declared + ".\n";
  if (const std::string more = listed(items_of(group, "undeclared")); !more.empty()) {
    out += "  Not declared to it, though a client that came later can: " + more + ". `hearth restart " +
           name + "` declares it.\n";
  }
  return out;
}

// Each difference once, with the servers that it was ignored for, unless there is only one server.
std::string ignored_shown(const std::vector<Value>& groups) {
  std::map<std::string, std::vector<std::string>> servers_by_difference;
  for (const Value& group : groups) {
    const std::string name = printable(group.string_or("name", "?"));
    for (const Value& difference : items_of(group, "ignored")) {
      std::vector<std::string>& servers = servers_by_difference[difference_of(difference)];
      if (std::ranges::find(servers, name) == servers.end()) servers.push_back(name);
    }
  }
  if (servers_by_difference.empty()) return "";
  std::string out = "\nThese differences between sessions of one server were ignored:\n";
  for (const auto& [difference, servers] : servers_by_difference) {
    out.append("    ").append(difference);
    for (std::size_t i = 0; groups.size() > 1 && i < servers.size(); ++i)
      out.append(i == 0 ? " (" : ", ").append(servers[i]);
    out.append(groups.size() > 1 ? ")\n" : "\n");
  }
  return out;
}

}  // namespace

std::string status_shown(const Value& status) {
  const Value* daemon = status.find("daemon");
  if (daemon == nullptr || daemon->type != Type::object) return "no daemon is running\n";
  std::string out = "daemon " + plain(*daemon, "pid") + ", version " + printable(plain(*daemon, "version")) +
                    ", up " + duration(*daemon, "uptimeMs") + ", memory " + bytes(*daemon, "memoryBytes");
  const std::string home = printable(daemon->string_or("home", ""));
  out += home.empty() ? "" : ", home " + home;
  if (daemon->string_or("startedBy", "") == "service") out += ", a service";
  if (const std::string url = printable(daemon->string_or("url", "")); !url.empty()) out += ", at " + url;
  if (const Value* budget = daemon->find("budget"); budget != nullptr)
    out += ", servers use " + bytes(*budget, "usedBytes") + " of " + bytes(*budget, "memoryBytes");
  out += "\n\n";

  const std::vector<Value>& servers = items_of(status, "servers");
  out += servers.empty() ? "No servers.\n" : servers_shown(servers);
  const std::vector<Value>& sessions = items_of(status, "sessions");
  out += "\n" + (sessions.empty() ? "No sessions.\n" : sessions_shown(sessions));
  const std::vector<Value>& complaints = items_of(status, "complaints");
  if (!complaints.empty()) out += "\nIn the configuration:\n";
  for (const Value& complaint : complaints) out.append("    ").append(printable(complaint.text)).append("\n");
  return out;
}

std::string why_shown(const Value& why) {
  std::string out;
  for (const Value& group : items_of(why, "groups")) {
    out.append(out.empty() ? "" : "\n").append(group_shown(group));
  }
  out += ignored_shown(items_of(why, "groups"));
  const std::vector<Value>& unplaced = items_of(why, "unplaced");
  if (out.empty() && unplaced.empty()) return "No server is running, so nothing is shared.\n";
  if (!unplaced.empty()) {
    out.append(out.empty() ? "" : "\n")
        .append("These sessions have not asked for anything yet, and use no server:\n");
    for (const Value& session : unplaced) {
      const std::string name = printable(session.string_or("server", ""));
      out.append("    ").append(session_of(session, name)).append(", for ").append(name).append("\n");
    }
  }
  for (const Value& pair : items_of(why, "apart")) {
    out.append("\nInstances ").append(printable(plain(pair, "one"))).append(" and ");
    out.append(printable(plain(pair, "other"))).append(" are kept apart, because they differ in\n");
    append_differences(out, items_of(pair, "because"));
  }
  return out;
}

}  // namespace cli
