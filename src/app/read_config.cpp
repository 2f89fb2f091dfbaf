// From text to Config. Complaints are gathered with their offsets first; lines and columns are counted in one
// sweep at the end.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>

#include "app/config.h"
#include "app/server_name.h"
#include "base/nearest.h"
#include "proto/json.h"

namespace app {
namespace {

namespace json = proto::json;
using proto::json::Member;
using proto::json::Type;
using proto::json::Value;

struct Number {
  std::string_view key;
  std::int64_t min, max;
  std::string_view unit;
  std::string_view example;
  void (*set)(Tuning& tuning, std::int64_t value);
};

using std::chrono::milliseconds;
constexpr std::int64_t hour_ms = 3'600'000;
constexpr std::int64_t day_ms = 24 * hour_ms;

constexpr std::array numbers = {
    Number{"idleTimeoutMs", 0, 30 * day_ms, "milliseconds", "300000",
           [](Tuning& tuning, std::int64_t value) { tuning.timing.idle_timeout = milliseconds(value); }},
    // A start takes some time on any machine; an hour is a large download on a slow line.
    Number{"startTimeoutMs", 100, hour_ms, "milliseconds", "60000",
           [](Tuning& tuning, std::int64_t value) { tuning.timing.start_timeout = milliseconds(value); }},
    Number{"askTimeoutMs", 100, day_ms, "milliseconds", "600000",
           [](Tuning& tuning, std::int64_t value) { tuning.timing.ask_timeout = milliseconds(value); }},
    Number{"stableAfterMs", 0, day_ms, "milliseconds", "60000",
           [](Tuning& tuning, std::int64_t value) { tuning.timing.stable_after = milliseconds(value); }},
    // An answer to initialize has to fit; what is larger than 1 GiB no client reads.
    Number{"maxMessageBytes", 64 << 10, 1 << 30, "bytes", "67108864",
           [](Tuning& tuning, std::int64_t value) {
             tuning.message_bytes_max = static_cast<std::size_t>(value);
           }},
};
constexpr std::int64_t daemon_idle_min_ms = 100;  // 0 would end the daemon before its first session.

constexpr auto file_keys = std::to_array<std::string_view>({"mcpServers", "defaults", "daemon", "$schema"});
constexpr auto daemon_keys = std::to_array<std::string_view>({"idleTimeoutMs"});
constexpr auto default_keys = std::to_array<std::string_view>(
    {"idleTimeoutMs", "startTimeoutMs", "askTimeoutMs", "stableAfterMs", "maxMessageBytes", "interactive"});
constexpr auto server_keys = std::to_array<std::string_view>(
    {"command", "args", "env", "cwd", "scope", "interactive", "capabilities", "idleTimeoutMs",
     "startTimeoutMs", "askTimeoutMs", "stableAfterMs", "maxMessageBytes", "type", "disabled", "url"});
constexpr auto scopes = std::to_array<std::string_view>({"user", "project", "session"});
constexpr auto interactives = std::to_array<std::string_view>({"automatic", "serialise", "split"});
constexpr auto capabilities = std::to_array<std::string_view>({"roots", "sampling", "elicitation"});

constexpr std::string_view remote_refusal =
    " is a remote server, and those are not supported yet; to run a server, give it a \"command\" instead of "
    "a \"url\"";

std::string listed(std::span<const std::string_view> words) {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) list += i + 1 == words.size() ? " or " : ", ";
    list += json::quoted(words[i]);
  }
  return list;
}

std::string hint(std::string_view word, std::span<const std::string_view> known) {
  if (const auto meant = base::nearest(word, known)) return "; did you mean " + json::quoted(*meant) + "?";
  return "; known are " + listed(known);
}

class Reader {
 public:
  Reader(std::string_view text, std::string_view path) : text_(text) { config_.path = path; }

  Config read();

 private:
  // A complaint before its line is counted. `server`: the entry that it disables, if it is an error.
  struct Pending {
    Severity severity;
    std::string server;
    std::string what;
  };

  void find_servers(const Value& root);
  void find_swallowed(const Member& server);
  void syntax(const std::vector<proto::json::Mistake>& mistakes);
  void top(const Value& root);
  void daemon(const Value& object);
  void server(const Member& member);
  void server_strings(const Value& object, Entry& entry);
  void server_environment(const Value& env, Entry& entry);
  void server_kind(const Member& member);
  std::vector<std::string> strings(const Value& list, std::string_view key, std::string_view example);
  void tuning(const Value& object, Tuning& into);
  std::optional<std::string> word(const Value& value, std::string_view key,
                                  std::span<const std::string_view> known);
  bool is(const Value& value, Type type, std::string_view key, std::string_view example);
  bool no_zero_byte(const Value& value, std::string_view key);
  void keys(const Value& object, std::span<const std::string_view> known);

  void error(std::size_t at, std::string what) { note(at, Severity::error, std::move(what)); }
  void warning(std::size_t at, std::string what) { note(at, Severity::warning, std::move(what)); }
  void note(std::size_t at, Severity severity, std::string what) {
    pending_.emplace(at, Pending{severity, server_, std::move(what)});
  }
  void settle();

  std::string_view text_;
  Config config_;
  std::multimap<std::size_t, Pending> pending_;  // By offset; of equal ones in the order of noting.
  std::string server_;                           // The entry that is being read; empty outside of entries.
  std::vector<const Member*> servers_;
  std::set<const Member*> swallowed_;  // Those of servers_ that stand inside of another.
  bool unclosed_ = false;              // The text ends before its brackets are closed.
  std::set<std::string> garbled_;      // Entries with syntax errors: what they lack may have been there.
  std::string owner_;  // Whose keys are being read, for sentences: server "files", "defaults", the file.
};

Config Reader::read() {
  const proto::json::Document document = proto::json::parse(text_, proto::json::Dialect::relaxed);
  const bool blank =
      !document.root && document.mistakes.size() == 1 && document.mistakes[0].at == text_.size();
  if (blank) return std::move(config_);
  const bool whole = document.root && document.root->type == Type::object;
  if (document.root && !whole)
    error(document.root->at, R"(the file must be an object, like {"mcpServers": {}})");
  unclosed_ = !document.mistakes.empty() && document.mistakes.back().at == text_.size();
  if (whole) find_servers(*document.root);
  syntax(document.mistakes);
  if (whole) top(*document.root);
  settle();
  return std::move(config_);
}

void Reader::find_servers(const Value& root) {
  const Value* servers = root.find("mcpServers");
  if (!servers) return;
  for (const Member& member : servers->members) {
    servers_.push_back(&member);
    if (unclosed_) find_swallowed(member);
  }
}

// An entry whose closing bracket was forgotten holds those that follow it; they are found here, so that they
// still work.
void Reader::find_swallowed(const Member& server) {
  for (const Member& member : server.value.members) {
    const bool known = std::ranges::find(server_keys, member.key) != server_keys.end();
    if (known || !(member.value.find("command") || member.value.find("url"))) continue;
    server_ = server.key;
    error(member.key_at,
          "in server " + json::quoted(server.key) + ": expected '}' before " + json::quoted(member.key));
    swallowed_.insert(&member);
    servers_.push_back(&member);
    find_swallowed(member);
  }
  server_.clear();
}

// A mistake belongs to the innermost entry around it. What the text lacks at its end is missing from an entry
// that reaches there.
void Reader::syntax(const std::vector<proto::json::Mistake>& mistakes) {
  for (const proto::json::Mistake& mistake : mistakes) {
    server_.clear();
    for (const Member* member : servers_) {
      const std::size_t end = member->value.at + member->value.length;
      const bool inside = mistake.at < end || (end == text_.size() && mistake.at == end);
      if (mistake.at > member->value.at && inside) server_ = member->key;
    }
    garbled_.insert(server_);
    error(mistake.at,
          server_.empty() ? mistake.what : "in server " + json::quoted(server_) + ": " + mistake.what);
  }
  server_.clear();
}

void Reader::top(const Value& root) {
  owner_ = "the file";
  keys(root, file_keys);
  // First, because entries begin with them.
  if (const Value* defaults = root.find("defaults"); defaults) {
    if (is(*defaults, Type::object, "defaults", R"({"idleTimeoutMs": 300000})")) {
      owner_ = "\"defaults\"";
      keys(*defaults, default_keys);
      tuning(*defaults, config_.defaults);
    }
  }
  owner_ = "the file";
  if (const Value* found = root.find("daemon"); found) {
    if (is(*found, Type::object, "daemon", R"({"idleTimeoutMs": 600000})")) daemon(*found);
  }
  owner_ = "the file";
  const Value* servers = root.find("mcpServers");
  if (!servers) return;
  if (!is(*servers, Type::object, "mcpServers", R"({"files": {"command": "npx", "args": ["-y", "pkg"]}})"))
    return;
  for (const Member* member : servers_) server(*member);
}

void Reader::daemon(const Value& object) {
  owner_ = "\"daemon\"";
  keys(object, daemon_keys);
  const Value* idle = object.find("idleTimeoutMs");
  if (!idle) return;
  const auto value = idle->integer();
  if (value && *value >= daemon_idle_min_ms && *value <= 30 * day_ms) {
    config_.daemon_idle_timeout = milliseconds(*value);
    return;
  }
  error(idle->at, "\"idleTimeoutMs\" of \"daemon\" must be a whole number of milliseconds from " +
                      std::to_string(daemon_idle_min_ms) + " to " + std::to_string(30 * day_ms) +
                      ", like 600000");
}

void Reader::server(const Member& member) {
  server_ = member.key;
  owner_ = "server " + json::quoted(member.key);
  Entry entry;
  entry.tuning = config_.defaults;
  if (const auto trouble = trouble_with_name(member.key)) error(member.key_at, owner_ + ": " + *trouble);
  if (member.value.type != Type::object) {
    error(member.value.at, owner_ +
                               R"( must be an object, like {"command": "npx", "args": ["-y", "pkg"]}, not )" +
                               std::string(name_of(member.value.type)));
  } else {
    keys(member.value, server_keys);
    server_strings(member.value, entry);
    tuning(member.value, entry.tuning);
    server_kind(member);
  }
  if (!config_.entries.try_emplace(member.key, std::move(entry)).second) {
    error(member.key_at, owner_ + " stands here a second time; remove one of the two or rename it");
  }
  server_.clear();
}

void Reader::server_strings(const Value& object, Entry& entry) {
  for (const Member& member : object.members) {
    const Value& value = member.value;
    if (member.key == "command") {
      if (value.type == Type::array) {
        error(value.at,
              "\"command\" of " + owner_ +
                  " must be a string, like \"npx\"; what follows the program belongs into \"args\"");
      } else if (is(value, Type::string, "command", "\"npx\"") && no_zero_byte(value, "command")) {
        entry.command = value.text;
        if (value.text.empty())
          error(value.at, "\"command\" of " + owner_ + " must not be empty; write one like \"npx\"");
      }
    } else if (member.key == "cwd") {
      if (is(value, Type::string, "cwd", "\"${project}/data\"") && no_zero_byte(value, "cwd"))
        entry.cwd = value.text;
    } else if (member.key == "args") {
      entry.args = strings(value, "args", R"(["-y", "pkg"])");
    } else if (member.key == "env") {
      server_environment(value, entry);
    } else if (member.key == "scope") {
      if (const auto scope = word(value, "scope", scopes)) entry.scope = *scope_named(*scope);
    } else if (member.key == "disabled") {
      if (is(value, Type::boolean, "disabled", "true")) entry.disabled = value.boolean;
    } else if (member.key == "capabilities") {
      entry.capabilities = strings(value, "capabilities", R"(["sampling"])");
      for (const Value& item : value.items) {
        if (item.type == Type::string) (void)word(item, "capabilities", capabilities);
      }
    }
  }
}

void Reader::server_environment(const Value& env, Entry& entry) {
  if (!is(env, Type::object, "env", R"({"API_KEY": "${API_KEY}"})")) return;
  std::set<std::string_view> seen;
  for (const Member& member : env.members) {
    const std::string what = json::quoted(member.key) + " in \"env\" of " + owner_;
    if (member.key.empty() || member.key.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
      error(member.key_at, what + " cannot be the name of a variable; write one like \"API_KEY\"");
    } else if (!seen.insert(member.key).second) {
      error(member.key_at, what + " stands here a second time; remove one of the two");
    } else if (member.value.type != Type::string) {
      error(member.value.at, what + " must be a string, not " + std::string(name_of(member.value.type)) +
                                 "; put the value in double quotes");
    } else if (no_zero_byte(member.value, member.key)) {
      entry.env[member.key] = member.value.text;
    }
  }
}

// What has no command: forgotten, or a server that is not to be run at all.
void Reader::server_kind(const Member& member) {
  const Value* command = member.value.find("command");
  const Value* url = member.value.find("url");
  if (const Value* type = member.value.find("type")) {
    const std::string_view kind = type->type == Type::string ? std::string_view(type->text) : "";
    const bool remote =
        kind == "http" || kind == "sse" || kind == "streamable-http" || kind == "ws" || kind == "remote";
    if (remote) return error(type->at, owner_ + std::string(remote_refusal));
    if (kind != "stdio" && kind != "local") {
      error(type->at, "\"type\" of " + owner_ + " must be \"stdio\", or be left out");
    }
  }
  if (url && !command) return error(url->at, owner_ + std::string(remote_refusal));
  if (url) warning(url->at, "\"url\" of " + owner_ + " is ignored, because it has a \"command\"");
  if (!command && !garbled_.contains(member.key)) {
    error(member.key_at, owner_ + " has no \"command\"; add the program to run, like \"command\": \"npx\"");
  }
}

std::vector<std::string> Reader::strings(const Value& list, std::string_view key, std::string_view example) {
  std::vector<std::string> found;
  const std::string must =
      json::quoted(key) + " of " + owner_ + " must be an array of strings, like " + std::string(example);
  if (list.type != Type::array) {
    error(list.at, must);
    return found;
  }
  for (const Value& item : list.items) {
    if (item.type != Type::string) {
      error(item.at, must + "; put this in double quotes");
    } else if (no_zero_byte(item, key)) {
      found.push_back(item.text);
    }
  }
  return found;
}

void Reader::tuning(const Value& object, Tuning& into) {
  for (const Number& number : numbers) {
    const Value* found = object.find(number.key);
    if (!found) continue;
    const auto value = found->integer();
    if (value && *value >= number.min && *value <= number.max) {
      number.set(into, *value);
      continue;
    }
    error(found->at, json::quoted(number.key) + " of " + owner_ + " must be a whole number of " +
                         std::string(number.unit) + " from " + std::to_string(number.min) + " to " +
                         std::to_string(number.max) + ", like " + std::string(number.example));
  }
  if (const Value* found = object.find("interactive")) {
    const auto chosen = word(*found, "interactive", interactives);
    if (chosen == "automatic") into.interactive = core::Interactive::automatic;
    if (chosen == "serialise") into.interactive = core::Interactive::serialise;
    if (chosen == "split") into.interactive = core::Interactive::split;
  }
}

std::optional<std::string> Reader::word(const Value& value, std::string_view key,
                                        std::span<const std::string_view> known) {
  if (value.type == Type::string && std::ranges::find(known, value.text) != known.end()) return value.text;
  std::string what = json::quoted(key) + " of " + owner_ + " must be " + listed(known);
  if (const auto meant = base::nearest(value.text, known))
    what += "; did you mean " + json::quoted(*meant) + "?";
  error(value.at, std::move(what));
  return std::nullopt;
}

bool Reader::is(const Value& value, Type type, std::string_view key, std::string_view example) {
  if (value.type == type) return true;
  error(value.at, json::quoted(key) + " of " + owner_ + " must be " + std::string(name_of(type)) + ", like " +
                      std::string(example) + ", not " + std::string(name_of(value.type)));
  return false;
}

bool Reader::no_zero_byte(const Value& value, std::string_view key) {
  if (value.text.find('\0') == std::string::npos) return true;
  error(value.at,
        json::quoted(key) + " of " + owner_ + " must not contain \\u0000; no program can be given that");
  return false;
}

void Reader::keys(const Value& object, std::span<const std::string_view> known) {
  std::set<std::string_view> seen;
  for (const Member& member : object.members) {
    if (swallowed_.contains(&member)) continue;
    if (std::ranges::find(known, member.key) == known.end()) {
      warning(member.key_at, "unknown key " + json::quoted(member.key) + " of " + owner_ + " is ignored" +
                                 hint(member.key, known));
    } else if (!seen.insert(member.key).second) {
      error(member.key_at,
            json::quoted(member.key) + " of " + owner_ + " stands here a second time; remove one of the two");
    }
  }
}

void Reader::settle() {
  proto::json::Position position;
  std::size_t counted = 0;
  for (auto& [at, one] : pending_) {
    const std::string_view between = text_.substr(counted, at - counted);
    const proto::json::Position step = proto::json::position_of(between, between.size());
    position.column = step.line > 1 ? step.column : position.column + step.column - 1;
    position.line += step.line - 1;
    counted = at;
    config_.complaints.push_back(
        {one.severity, config_.path, position.line, position.column, std::move(one.what)});
    if (one.severity == Severity::warning || one.server.empty()) continue;
    config_.refused.try_emplace(one.server, config_.complaints.back());
    config_.entries.erase(one.server);
  }
}

}  // namespace

Config read_config(std::string_view text, std::string_view path) {
  return Reader(text, path).read();
}

}  // namespace app
