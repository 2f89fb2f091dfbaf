// What a process inherits from its parent, beside its environment and its directory.
//
// The shim reads its own and tells the daemon, which gives it to the servers that this session starts. Plain
// data: io/inheritance.h knows the system calls, docs/shim-protocol.md the form on the wire.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace base {

// Absent: unlimited.
struct Limit {
  std::optional<std::uint64_t> soft, hard;

  bool operator==(const Limit&) const = default;
  static constexpr std::size_t fields = 2;
};

struct Inheritance {
  std::map<std::string, std::int64_t> settings;  // "umask", "nice", …
  std::map<std::string, Limit> limits;           // "nofile", "cpu", … as limits.conf spells them.
  std::string cpus;                              // "0-3,8"; empty: not known.

  // What a process cannot hand over to one that is not in there with it: "mnt" and other namespaces, "root",
  // "groups", "seccomp". The values are only compared.
  std::map<std::string, std::string> confines;

  bool operator==(const Inheritance&) const = default;
  static constexpr std::size_t fields = 4;
};

// Logins of one user differ in limits that are high everywhere: a desktop has 524288 open files, a shell over
// ssh twice as many, and Node.js takes all it may. Above these it makes no difference to servers.
struct Plenty {
  std::string_view name;
  std::uint64_t value;
};
inline constexpr std::array plenty = {
    Plenty{"nofile", 65536},
    Plenty{"nproc", 65536},
    Plenty{"memlock", 8 << 20},
    Plenty{"sigpending", 4096},
};
constexpr std::uint64_t plenty_of(std::string_view name) {
  for (const Plenty& each : plenty) {
    if (each.name == name) return each.value;
  }
  return ~std::uint64_t{0};
}

}  // namespace base
