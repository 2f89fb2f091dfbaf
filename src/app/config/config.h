// config.json: what it says, and what is wrong with it.
//
// Reading never fails as a whole. A mistake disables the entry it stands in, and asking for that entry
// returns the complaint; everything else works. What could not be understood but does no harm is a warning.
// The file is only ever read. Expanding ${…} is not done here, because it needs the session that asks: see
// app/config/resolve.h.
//
// The keys and their ranges are in docs/configuration.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "core/server_spec.h"

namespace app {

enum class Severity : std::uint8_t { warning, error };

// For people: where, what is wrong, and what to write instead. Never holds a value from "env" or "args".
struct Complaint {
  Severity severity = Severity::error;
  std::string file;
  std::size_t line = 0;  // 0: the file as a whole.
  std::size_t column = 0;
  std::string what;
  std::string server = {};  // The entry that it is about; empty: the file as a whole.
};
std::string text_of(const Complaint& complaint);  // "config.json:7:18: …"
bool is_error(const Complaint& complaint);

// What an entry may set for itself and "defaults" for all.
struct Tuning {
  core::Timing timing;
  std::size_t message_bytes_max = core::ServerSpec{}.message_bytes_max;
  core::Interactive interactive = core::Interactive::automatic;
  core::Calls calls = core::Calls::automatic;
  core::RootsRule roots = core::RootsRule::equal;
  bool discover = true;  // Ask it first whether it speaks 2026-07-28.
  bool cache = true;
  std::string authority;  // A file, of "defaults"; an entry's own is in its address.
  base::ResourceLimits limits;
  bool operator==(const Tuning&) const = default;
};

// How an entry is spoken to, beside its command: see core::Address. Nothing is expanded yet.
struct EntryAddress {
  core::Link link = core::Link::stdio;
  std::string url;
  std::uint16_t port = 0;
  std::string path;
  std::map<std::string, std::string> headers;
  std::vector<std::string> headers_helper;
  std::string authority, certificate,
      key;  // Files; relative ones are made absolute, unless they begin with ${.
  bool operator==(const EntryAddress&) const = default;
};

struct Entry {
  std::string command;  // Empty: a server that is there already, at address.url.
  std::vector<std::string> args;
  std::map<std::string, std::string> env;
  std::vector<std::string> ignored_env;  // Patterns of names.
  std::optional<std::string> cwd;
  core::Scope scope = core::Scope::project;
  std::vector<std::string> capabilities;
  EntryAddress address;
  Tuning tuning;
  bool disabled = false;
  bool operator==(const Entry&) const = default;
};

// The port towards clients that connect by URL. What is not said here is in docs/configuration.md.
struct HttpSettings {
  std::optional<std::uint16_t> port;  // Absent: there is none, only the local socket.
  std::string address = "127.0.0.1";
  bool open = false;  // "token": null, in so many letters: whoever reaches the port may use it.
  std::optional<std::string> token;  // Absent, and not open: the one in the daemon's own file.
  std::vector<std::string> origins;
  base::Duration stream_after = std::chrono::seconds(1);
  std::optional<base::Duration> poll_after;
  base::Duration session_timeout = std::chrono::minutes(30);
  std::vector<std::string> hosts;  // Names, besides its own, that clients know the port by.
  std::string certificate, key;    // Files, relative ones to config.json; without them no TLS.
  bool operator==(const HttpSettings&) const = default;
};

// For all servers together. Beyond it, and while the machine is short of memory, servers that are idle are
// stopped.
struct Budget {
  std::optional<std::uint64_t> memory;  // Bytes.
  bool pressure = true;                 // Heed that of the machine.

  bool operator==(const Budget&) const = default;
};

struct Config {
  std::string path;
  std::map<std::string, Entry, std::less<>> entries;
  Tuning defaults;
  base::Duration daemon_idle_timeout = std::chrono::minutes(10);
  std::string record_directory;  // For a recording of each daemon; empty: none is made.
  bool record_contents = false;
  HttpSettings http;
  Budget budget;
  bool blank = false;    // Nothing stands in the file, or there is none.
  bool garbled = false;  // It is not JSON: what was understood of it may not be what was meant.
  std::vector<Complaint> complaints;                      // In the order of the text.
  std::map<std::string, Complaint, std::less<>> refused;  // By name: entries that are there, but wrong.
};

// `path` stands in the complaints.
Config read_config(std::string_view text, std::string_view path);

// A hundred servers are 20 KB. More than this is another file by mistake.
inline constexpr std::size_t config_bytes_max = std::size_t{1} << 20;

// What the file holds, unread, or why that cannot be had.
base::Result<std::string> read_config_text(const std::string& path);

// A file that is not there is an empty configuration; one that cannot be read, an empty one with a complaint.
Config config_from(const base::Result<std::string>& text, const std::string& path);
Config load_config(const std::string& path);

// The entry, or why it cannot be had: wrong, disabled, or not there (and what it may have been meant to be).
base::Result<const Entry*> find_entry(const Config& config, std::string_view name);

std::optional<core::Scope> scope_named(std::string_view name);

}  // namespace app
