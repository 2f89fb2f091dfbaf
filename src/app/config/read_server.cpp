// What the members of an entry of "mcpServers" mean, and of "defaults".
#include <algorithm>
#include <array>

#include "app/config/config_reader.h"
#include "app/config/server_name.h"
#include "app/config/shown.h"
#include "core/relevance.h"

namespace app {
namespace {

struct Number {
  std::string_view key;
  std::int64_t min, max;
  std::string_view unit;
  std::string_view example;
  void (*set)(Tuning& tuning, std::int64_t value);
};

using std::chrono::milliseconds;

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
constexpr auto scopes = std::to_array<std::string_view>({"user", "project", "session"});
constexpr auto interactives = std::to_array<std::string_view>({"automatic", "serialise", "split"});
constexpr auto roots_rules = std::to_array<std::string_view>({"equal", "union"});
constexpr auto call_orders = std::to_array<std::string_view>({"automatic", "many", "one"});
constexpr auto capabilities = std::to_array<std::string_view>({"roots", "sampling", "elicitation"});

}  // namespace

std::span<const std::string_view> default_keys() {
  static constexpr auto keys = std::to_array<std::string_view>(
      {"idleTimeoutMs", "startTimeoutMs", "askTimeoutMs", "stableAfterMs", "maxMessageBytes", "interactive",
       "calls", "roots", "discover", "cache", "ca", "limits"});
  return keys;
}

std::span<const std::string_view> server_keys() {
  static constexpr auto keys = std::to_array<std::string_view>({"command",
                                                                "args",
                                                                "env",
                                                                "ignoreEnv",
                                                                "cwd",
                                                                "scope",
                                                                "interactive",
                                                                "calls",
                                                                "roots",
                                                                "capabilities",
                                                                "idleTimeoutMs",
                                                                "startTimeoutMs",
                                                                "askTimeoutMs",
                                                                "stableAfterMs",
                                                                "maxMessageBytes",
                                                                "type",
                                                                "disabled",
                                                                "url",
                                                                "headers",
                                                                "headersHelper",
                                                                "transport",
                                                                "port",
                                                                "path",
                                                                "discover",
                                                                "cache",
                                                                "ca",
                                                                "certificate",
                                                                "key",
                                                                "limits"});
  return keys;
}

void ConfigReader::server(const Member& member) {
  server_ = member.key;
  owner_ = "server " + shown(member.key);
  Entry entry;
  entry.tuning = config_.defaults;
  if (const auto trouble = trouble_with_name(member.key)) error(member.key_at, owner_ + ": " + *trouble);
  if (member.value.type != Type::object) {
    error(member.value.at, owner_ +
                               R"( must be an object, like {"command": "npx", "args": ["-y", "pkg"]}, not )" +
                               std::string(name_of(member.value.type)));
  } else {
    keys(member.value, server_keys());
    server_strings(member.value, entry);
    tuning(member.value, entry.tuning);
    server_kind(member, entry);
  }
  if (!config_.entries.try_emplace(member.key, std::move(entry)).second) {
    error(member.key_at, owner_ + " stands here a second time; remove one of the two or rename it");
  }
  server_.clear();
}

void ConfigReader::server_strings(const Value& object, Entry& entry) {
  for (const Member& member : object.members) {
    const Value& value = member.value;
    if (member.key == "command") {
      if (value.type == Type::array) {
        error(value.at, "command of " + owner_ +
                            " must be a string, like \"npx\"; what follows the program belongs into args");
      } else if (is(value, Type::string, "command", "\"npx\"") && no_zero_byte(value, "command")) {
        entry.command = value.text;
        if (value.text.empty())
          error(value.at, "command of " + owner_ + " must not be empty; write one like \"npx\"");
      }
    } else if (member.key == "cwd") {
      if (is(value, Type::string, "cwd", "\"${project}/data\"") && no_zero_byte(value, "cwd"))
        entry.cwd = value.text;
    } else if (member.key == "args") {
      entry.args = strings(value, "args", R"(["-y", "pkg"])");
    } else if (member.key == "env") {
      server_environment(value, entry);
    } else if (member.key == "ignoreEnv") {
      server_ignored(value, entry);
    } else if (member.key == "scope") {
      if (const auto scope = word(value, "scope", scopes)) entry.scope = *scope_named(*scope);
    } else if (member.key == "disabled") {
      if (is(value, Type::boolean, "disabled", "true")) entry.disabled = value.boolean;
    } else if (member.key == "capabilities") {
      entry.capabilities = strings(value, "capabilities", R"(["sampling"])");
      for (const Value& item : value.items) {
        if (item.type == Type::string) (void)word(item, "capabilities", capabilities);
      }
    } else {
      server_address(member, entry);
    }
  }
}

void ConfigReader::server_environment(const Value& env, Entry& entry) {
  if (!is(env, Type::object, "env", R"({"API_KEY": "${API_KEY}"})")) return;
  std::set<std::string_view> seen;
  for (const Member& member : env.members) {
    const std::string what = shown(member.key) + " in env of " + owner_;
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

void ConfigReader::server_ignored(const Value& patterns, Entry& entry) {
  entry.ignored_env = strings(patterns, "ignoreEnv", R"(["CLIENT_*"])");
  for (const Value& item : patterns.items) {
    if (item.type != Type::string) continue;
    if (const auto trouble = core::trouble_with_pattern(item.text))
      error(item.at, "a pattern in ignoreEnv of " + owner_ + ' ' + *trouble + "; write one like CLIENT_*");
  }
}

void ConfigReader::tuning(const Value& object, Tuning& into) {
  for (const Number& number : numbers) {
    const Value* found = object.find(number.key);
    if (!found) continue;
    const auto value = found->integer();
    if (value && *value >= number.min && *value <= number.max) {
      number.set(into, *value);
      continue;
    }
    error(found->at, shown(number.key) + " of " + owner_ + " must be a whole number of " +
                         std::string(number.unit) + " from " + std::to_string(number.min) + " to " +
                         std::to_string(number.max) + ", like " + std::string(number.example));
  }
  if (const Value* found = object.find("interactive")) {
    const auto chosen = word(*found, "interactive", interactives);
    if (chosen == "automatic") into.interactive = core::Interactive::automatic;
    if (chosen == "serialise") into.interactive = core::Interactive::serialise;
    if (chosen == "split") into.interactive = core::Interactive::split;
  }
  if (const Value* found = object.find("calls")) {
    const auto chosen = word(*found, "calls", call_orders);
    if (chosen == "automatic") into.calls = core::Calls::automatic;
    if (chosen == "many") into.calls = core::Calls::many;
    if (chosen == "one") into.calls = core::Calls::one;
  }
  if (const Value* found = object.find("roots")) {
    const auto chosen = word(*found, "roots", roots_rules);
    if (chosen == "equal") into.roots = core::RootsRule::equal;
    if (chosen == "union") into.roots = core::RootsRule::joint;
  }
  if (const Value* found = object.find("discover")) {
    if (is(*found, Type::boolean, "discover", "false")) into.discover = found->boolean;
  }
  if (const Value* found = object.find("cache")) {
    if (is(*found, Type::boolean, "cache", "false")) into.cache = found->boolean;
  }
  if (const Value* found = object.find("limits")) limits(*found, into.limits);
}

}  // namespace app
