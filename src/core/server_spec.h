// What a session asks for: which server, how to run it, and with whom to share it.
//
// The outside half fills this in (configuration, PATH, worktree root); the pure half only compares.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/inheritance.h"
#include "base/resource_limits.h"
#include "base/time.h"
#include "core/environment.h"
#include "proto/revision.h"

namespace core {

enum class Scope : std::uint8_t {
  user,     // Shared by every session of this user.
  project,  // Shared by the sessions of one project directory.
  session,  // Never shared.
};

// What happens when a shared server asks a client something and nothing says which session it means.
enum class Interactive : std::uint8_t {
  automatic,  // Refuse that one ask, then serialise the server's calls across sessions.
  serialise,  // Serialise from the start.
  split,      // Refuse that one ask, then give each further session an instance of its own.
};

// Whether the server may be given a call while it works at another (core/call_order.h).
enum class Calls : std::uint8_t {
  automatic,  // As the table of known servers says; what is not in it may.
  many,
  one,
};

// Which sessions may share a server that cares for roots, which are access rights.
enum class RootsRule : std::uint8_t {
  equal,  // Sessions that have given the same ones.
  joint,  // Everybody: the server is given the roots of all of them.
};

struct Timing {
  base::Duration idle_timeout = std::chrono::minutes(5);    // No session for this long: the server stops.
  base::Duration start_timeout = std::chrono::seconds(60);  // From spawn to the answer of initialize.
  base::Duration ask_timeout = std::chrono::minutes(10);    // A question to a person.
  base::Duration stable_after = std::chrono::seconds(60);   // Up for this long: earlier crashes are forgiven.
  bool operator==(const Timing&) const = default;
  static constexpr std::size_t fields = 4;
};

// How a server is spoken to.
enum class Link : std::uint8_t {
  stdio,       // Its own stdin and stdout.
  streamable,  // Streamable HTTP; or HTTP+SSE where it turns out to know no better.
  sse,         // HTTP+SSE (2024-11-05).
};

// Where a server that speaks HTTP is found, and what it is told with every request.
struct Address {
  std::string url;                             // Of one that is there already; empty for one that we start.
  std::uint16_t port = 0;                      // Of one that we start: 0 for any that is free.
  std::string path;                            // The same: "/mcp".
  std::map<std::string, std::string> headers;  // Secrets.
  std::vector<std::string> headers_helper;  // A program and its arguments, whose output are further headers.
  std::vector<std::string> authorities = {};  // Files with certificates, trusted besides the system's.
  std::string certificate = {}, key = {};     // Files: ours, for servers that want to know who comes.

  bool operator==(const Address&) const = default;
  static constexpr std::size_t fields = 8;
};

struct ServerSpec {
  std::string name;     // For people: status, logs, errors. Not part of the share key.
  std::string program;  // Absolute path, as resolved through the session's own PATH; empty: not ours
                        // to start.
  std::vector<std::string> args;  // Without argv[0]. "${port}" stands for the port of a server we start.
  Link link = Link::stdio;
  Address address;        // Unless link is stdio.
  std::string directory;  // Working directory of the process.
  Scope scope = Scope::project;
  std::string scope_directory;              // The project's directory; empty unless scope is project.
  Environment environment;                  // The session's own, with the entry's variables laid over.
  base::Inheritance inheritance;            // Of the session: what its servers begin life with.
  std::set<std::string> named_variables;    // Named by the entry or --env: always relevant.
  std::set<std::string> ignored_variables;  // Patterns of names that are not compared, unless they are named.
  std::vector<std::string> extra_capabilities;  // Client capabilities to declare to the server in any case.
  Interactive interactive = Interactive::automatic;
  Calls calls = Calls::automatic;
  bool cache = true;   // Its answers may be kept, and shared by those who ask the same at the same time.
  bool probe = false;  // Ask it whether it is a modern server. False: it is known to suffer from being asked.
  bool asks = false;   // It is known to ask clients: calls take turns from the start.
  RootsRule roots = RootsRule::equal;
  bool cares_for_roots = false;  // It is known to ask for them.
  // The revision that it is known to take in initialize; absent: the newest.
  std::optional<proto::Revision> offer = {};
  Timing timing;
  std::size_t message_bytes_max = std::size_t{64} << 20;
  base::ResourceLimits limits;  // Of one that is ours to start.
  // Why there is no such server, for people: nothing is started, and what is asked of it fails with this.
  // Empty: there is one.
  std::string refusal = {};
  static constexpr std::size_t fields = 25;
};

}  // namespace core
