// From text to Config: the file as a whole, and what is not about one server.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>

#include "app/config/config_reader.h"
#include "app/config/server_name.h"
#include "app/config/shown.h"
#include "base/nearest.h"
#include "proto/json.h"

namespace app {
namespace {

namespace json = proto::json;

using std::chrono::milliseconds;
constexpr std::int64_t daemon_idle_min_ms = 100;  // 0 would end the daemon before its first session.

constexpr auto file_keys =
    std::to_array<std::string_view>({"mcpServers", "defaults", "budget", "daemon", "http", "$schema"});
constexpr auto daemon_keys = std::to_array<std::string_view>({"idleTimeoutMs", "record", "recordContents"});
constexpr auto http_keys =
    std::to_array<std::string_view>({"port", "address", "token", "hosts", "origins", "streamAfterMs",
                                     "pollAfterMs", "sessionTimeoutMs", "certificate", "key"});

std::string listed(std::span<const std::string_view> words) {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) list += i + 1 == words.size() ? " or " : ", ";
    list += shown(words[i]);
  }
  return list;
}

std::string hint(std::string_view word, std::span<const std::string_view> known) {
  if (const auto meant = base::nearest(word, known)) return "; did you mean " + shown(*meant) + "?";
  return "; known are " + listed(known);
}

}  // namespace

Config ConfigReader::read() {
  const proto::json::Document document = proto::json::parse(text_, proto::json::Dialect::relaxed);
  const bool blank =
      !document.root && document.mistakes.size() == 1 && document.mistakes[0].at == text_.size();
  config_.blank = blank;
  if (blank) return std::move(config_);
  config_.garbled = !document.mistakes.empty();
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

void ConfigReader::find_servers(const Value& root) {
  const Value* servers = root.find("mcpServers");
  if (!servers) return;
  for (const Member& member : servers->members) {
    servers_.push_back(&member);
    if (unclosed_) find_swallowed(member);
  }
}

// An entry whose closing bracket was forgotten holds those that follow it; they are found here, so that they
// still work.
void ConfigReader::find_swallowed(const Member& server) {
  for (const Member& member : server.value.members) {
    const bool known = std::ranges::find(server_keys(), member.key) != server_keys().end();
    if (known || !(member.value.find("command") || member.value.find("url"))) continue;
    server_ = server.key;
    error(member.key_at, "in server " + shown(server.key) + ": expected '}' before " + shown(member.key));
    swallowed_.insert(&member);
    servers_.push_back(&member);
    find_swallowed(member);
  }
  server_.clear();
}

// Does the text end in the middle of this entry?
bool ConfigReader::lacks_its_end(const Member& server) const {
  if (server.value.at + server.value.length != text_.size()) return false;
  return !json::parse(text_.substr(server.value.at), json::Dialect::relaxed).mistakes.empty();
}

// A mistake belongs to the innermost entry around it. What the text lacks at its end is missing from an entry
// that reaches there.
void ConfigReader::syntax(const std::vector<proto::json::Mistake>& mistakes) {
  for (const proto::json::Mistake& mistake : mistakes) {
    server_.clear();
    for (const Member* member : servers_) {
      const std::size_t end = member->value.at + member->value.length;
      const bool inside = mistake.at < end || (mistake.at == end && lacks_its_end(*member));
      if (mistake.at > member->value.at && inside) server_ = member->key;
    }
    garbled_.insert(server_);
    error(mistake.at, server_.empty() ? mistake.what : "in server " + shown(server_) + ": " + mistake.what);
  }
  server_.clear();
}

void ConfigReader::top(const Value& root) {
  owner_ = "the file";
  keys(root, file_keys);
  // First, because entries begin with them.
  if (const Value* defaults = root.find("defaults"); defaults) {
    if (is(*defaults, Type::object, "defaults", R"({"idleTimeoutMs": 300000})")) {
      owner_ = "defaults";
      keys(*defaults, default_keys());
      tuning(*defaults, config_.defaults);
      for (const Member& member : defaults->members) {
        if (member.key == "ca") config_.defaults.authority = file(member);
      }
    }
  }
  owner_ = "the file";
  if (const Value* found = root.find("daemon"); found) {
    if (is(*found, Type::object, "daemon", R"({"idleTimeoutMs": 600000})")) daemon(*found);
  }
  owner_ = "the file";
  if (const Value* found = root.find("budget"); found) {
    if (is(*found, Type::object, "budget", R"({"memory": "4G"})")) budget(*found);
  }
  owner_ = "the file";
  if (const Value* found = root.find("http"); found) {
    if (is(*found, Type::object, "http", R"({"port": 8765})")) http(*found);
  }
  owner_ = "the file";
  const Value* servers = root.find("mcpServers");
  if (!servers) return;
  if (!is(*servers, Type::object, "mcpServers", R"({"files": {"command": "npx", "args": ["-y", "pkg"]}})"))
    return;
  for (const Member* member : servers_) server(*member);
}

void ConfigReader::daemon(const Value& object) {
  owner_ = "daemon";
  keys(object, daemon_keys);
  if (const auto value = whole_number(object, "idleTimeoutMs", daemon_idle_min_ms, 30 * day_ms, "600000"))
    config_.daemon_idle_timeout = milliseconds(*value);
  for (const Member& member : object.members) {
    if (member.key == "record") config_.record_directory = record_directory(member.value);
    if (member.key == "recordContents" && is(member.value, Type::boolean, member.key, "true"))
      config_.record_contents = member.value.boolean;
  }
}

// Empty if it is none.
std::string ConfigReader::record_directory(const Value& value) {
  constexpr std::string_view example = "\"/home/you/recordings\"";
  if (!is(value, Type::string, "record", example) || !no_zero_byte(value, "record")) return {};
  if (value.text.empty())
    error(value.at, "record of daemon must name a directory, like " + std::string(example));
  return beside_config(value.text);
}

std::optional<std::int64_t> ConfigReader::whole_number(const Value& object, std::string_view key,
                                                       std::int64_t min, std::int64_t max,
                                                       std::string_view example) {
  const Value* found = object.find(key);
  if (!found) return std::nullopt;
  const auto value = found->integer();
  if (value && *value >= min && *value <= max) return *value;
  const std::string_view unit = key.ends_with("Ms") ? " of milliseconds" : "";
  error(found->at, shown(key) + " of " + owner_ + " must be a whole number" + std::string(unit) + " from " +
                       std::to_string(min) + " to " + std::to_string(max) + ", like " + std::string(example));
  return std::nullopt;
}

void ConfigReader::http(const Value& object) {
  owner_ = "http";
  keys(object, http_keys);
  if (const auto port = whole_number(object, "port", 0, 65535, "8765"))
    config_.http.port = static_cast<std::uint16_t>(*port);
  if (const auto after = whole_number(object, "streamAfterMs", 0, day_ms, "1000"))
    config_.http.stream_after = milliseconds(*after);
  if (const auto after = whole_number(object, "pollAfterMs", 1, day_ms, "30000"))
    config_.http.poll_after = milliseconds(*after);
  if (const auto timeout = whole_number(object, "sessionTimeoutMs", 100, 30 * day_ms, "1800000"))
    config_.http.session_timeout = milliseconds(*timeout);
  for (const Member& member : object.members) http_words(member);
}

void ConfigReader::http_words(const Member& member) {
  const Value& value = member.value;
  if (member.key == "token") http_token(value);
  if (member.key == "origins")
    config_.http.origins = strings(value, "origins", R"(["https://inspector.example"])");
  if (member.key == "address" && is(value, Type::string, "address", "\"127.0.0.1\""))
    config_.http.address = value.text;
  if (member.key == "hosts") http_hosts(value);
  if (member.key == "certificate") config_.http.certificate = http_file(member);
  if (member.key == "key") config_.http.key = http_file(member);
}

void ConfigReader::http_hosts(const Value& value) {
  const std::string example = R"(["build.example.org"])";
  config_.http.hosts = strings(value, "hosts", example);
  for (const std::string& host : config_.http.hosts) {
    const bool plain = host.find_first_of("/@*? ,") == std::string::npos && !host.empty();
    if (!plain)
      error(value.at, "hosts of http must be names as they stand in a URL, perhaps with a port, like " +
                          example + ", not " + shown(host));
  }
}

// Empty if it is none.
std::string ConfigReader::http_file(const Member& member) {
  const std::string example = "\"/etc/hearth/" + member.key + ".pem\"";
  if (!is(member.value, Type::string, member.key, example) || !no_zero_byte(member.value, member.key))
    return {};
  return beside_config(member.value.text);
}

std::string ConfigReader::file(const Member& member) {
  // One that begins with a variable is known when that is.
  const bool later = member.value.text.starts_with("${");
  std::string path = later && no_zero_byte(member.value, member.key) ? member.value.text : http_file(member);
  if (path.empty() && member.value.type == Type::string)
    error(member.value.at, shown(member.key) + " of " + owner_ + " must name a file, like \"/etc/hearth/" +
                               member.key + ".pem\"");
  return path;
}

std::string ConfigReader::beside_config(const std::string& path) const {
  if (path.empty() || path.starts_with('/')) return path;
  const std::size_t slash = config_.path.rfind('/');
  return (slash == std::string::npos ? "" : config_.path.substr(0, slash + 1)) + path;
}

// Shorter ones can be guessed by trying.
constexpr std::size_t token_min = 16;

void ConfigReader::http_token(const Value& value) {
  if (value.type == Type::null) {
    config_.http.open = true;
    return;
  }
  if (!is(value, Type::string, "token", "\"a long random text\", or null for none")) return;
  const bool printable = std::ranges::all_of(value.text, [](char c) { return c > ' ' && c < 127; });
  if (value.text.size() < token_min || !printable) {
    error(value.at, "token of http must be at least " + std::to_string(token_min) +
                        " printable characters without blanks; leave it out, and the daemon makes one");
    return;
  }
  config_.http.token = value.text;
}

std::vector<std::string> ConfigReader::strings(const Value& list, std::string_view key,
                                               std::string_view example) {
  std::vector<std::string> found;
  const std::string must =
      shown(key) + " of " + owner_ + " must be an array of strings, like " + std::string(example);
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

std::optional<std::string> ConfigReader::word(const Value& value, std::string_view key,
                                              std::span<const std::string_view> known) {
  if (value.type == Type::string && std::ranges::find(known, value.text) != known.end()) return value.text;
  std::string what = shown(key) + " of " + owner_ + " must be " + listed(known);
  if (const auto meant = base::nearest(value.text, known)) what += "; did you mean " + shown(*meant) + "?";
  error(value.at, std::move(what));
  return std::nullopt;
}

bool ConfigReader::is(const Value& value, Type type, std::string_view key, std::string_view example) {
  if (value.type == type) return true;
  error(value.at, shown(key) + " of " + owner_ + " must be " + std::string(name_of(type)) + ", like " +
                      std::string(example) + ", not " + std::string(name_of(value.type)));
  return false;
}

bool ConfigReader::no_zero_byte(const Value& value, std::string_view key) {
  if (value.text.find('\0') == std::string::npos) return true;
  error(value.at, shown(key) + " of " + owner_ + " must not contain \\u0000; no program can be given that");
  return false;
}

void ConfigReader::keys(const Value& object, std::span<const std::string_view> known) {
  std::set<std::string_view> seen;
  for (const Member& member : object.members) {
    if (swallowed_.contains(&member)) continue;
    if (std::ranges::find(known, member.key) == known.end()) {
      warning(member.key_at,
              "unknown key " + shown(member.key) + " of " + owner_ + " is ignored" + hint(member.key, known));
    } else if (!seen.insert(member.key).second) {
      error(member.key_at,
            shown(member.key) + " of " + owner_ + " stands here a second time; remove one of the two");
    }
  }
}

void ConfigReader::settle() {
  proto::json::Position position;
  std::size_t counted = 0;
  for (auto& [at, one] : pending_) {
    const std::string_view between = text_.substr(counted, at - counted);
    const proto::json::Position step = proto::json::position_of(between, between.size());
    position.column = step.line > 1 ? step.column : position.column + step.column - 1;
    position.line += step.line - 1;
    counted = at;
    config_.complaints.push_back(
        {one.severity, config_.path, position.line, position.column, std::move(one.what), one.server});
    if (one.severity == Severity::warning || one.server.empty()) continue;
    config_.refused.try_emplace(one.server, config_.complaints.back());
    config_.entries.erase(one.server);
  }
}

Config read_config(std::string_view text, std::string_view path) {
  return ConfigReader(text, path).read();
}

}  // namespace app
