// Reading config.json, inside: the object that goes through the tree and gathers complaints.
//
// Complaints are gathered with their offsets; lines and columns are counted in one sweep at the end. What the
// members of an entry mean is in read_server.cpp, what servers may take in read_limits.cpp, everything else
// in read_config.cpp.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/config/config.h"
#include "proto/json.h"

namespace app {

using proto::json::Member;
using proto::json::Type;
using proto::json::Value;

class ConfigReader {
 public:
  ConfigReader(std::string_view text, std::string_view path) : text_(text) { config_.path = path; }

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
  bool lacks_its_end(const Member& server) const;
  void syntax(const std::vector<proto::json::Mistake>& mistakes);
  void top(const Value& root);
  void daemon(const Value& object);
  void http(const Value& object);
  void http_token(const Value& value);
  void http_hosts(const Value& value);
  std::string http_file(const Member& member);
  std::string beside_config(const std::string& path) const;
  std::string record_directory(const Value& value);
  void http_words(const Member& member);
  std::optional<std::int64_t> whole_number(const Value& object, std::string_view key, std::int64_t min,
                                           std::int64_t max, std::string_view example);
  void server(const Member& member);
  void server_strings(const Value& object, Entry& entry);
  void server_environment(const Value& env, Entry& entry);
  void server_ignored(const Value& patterns, Entry& entry);
  void server_address(const Member& member, Entry& entry);
  void server_headers(const Value& headers, Entry& entry);
  void server_port(const Value& value, Entry& entry);
  void server_kind(const Member& member, Entry& entry);
  // A file named by an entry or by "defaults", against the place of config.json; empty: wrong.
  std::string file(const Member& member);
  void remote_kind(const Member& member, Entry& entry);
  void started_kind(const Member& member, Entry& entry);
  std::vector<std::string> strings(const Value& list, std::string_view key, std::string_view example);
  void tuning(const Value& object, Tuning& into);
  void limits(const Value& object, base::ResourceLimits& into);
  void budget(const Value& object);
  // An amount of memory; null: none. Absent: it is neither, which is noted.
  std::optional<std::optional<std::uint64_t>> memory(const Value& value);
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
  std::set<const Member*> swallowed_;  // Entries of servers_ that stand inside of another.
  bool unclosed_ = false;              // The text ends before its brackets are closed.
  std::set<std::string> garbled_;      // Entries with syntax errors: what they lack may have been there.
  std::string owner_;  // Owner of the keys being read, for messages: server "files", "defaults", the file.
};

inline constexpr std::int64_t hour_ms = 3'600'000;
inline constexpr std::int64_t day_ms = 24 * hour_ms;

// The keys of an entry, and of "defaults".
std::span<const std::string_view> server_keys();
std::span<const std::string_view> default_keys();

}  // namespace app
