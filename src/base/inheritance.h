// What a process inherits from its parent, beside its environment and its directory.
//
// The shim reads its own and tells the daemon, which gives it to the servers that this session starts. Plain
// data: io/inheritance.h knows the system calls, docs/shim-protocol.md the form on the wire.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace base {

// Absent: unlimited.
struct Limit {
  std::optional<std::uint64_t> soft, hard;

  bool operator==(const Limit&) const = default;
};

struct Inheritance {
  std::map<std::string, std::int64_t> settings;  // "umask", "nice", …
  std::map<std::string, Limit> limits;           // "nofile", "cpu", … as limits.conf spells them.
  std::string cpus;                              // "0-3,8"; empty: not known.

  // What a process cannot hand over to one that is not in there with it: "mnt" and other namespaces, "root",
  // "groups", "seccomp". The values are only compared.
  std::map<std::string, std::string> confines;

  bool operator==(const Inheritance&) const = default;
};

}  // namespace base
