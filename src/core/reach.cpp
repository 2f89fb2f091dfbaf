#include "core/reach.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace core {
namespace {

struct Confine {
  std::string_view name;
  std::string_view words;
};

constexpr std::array confines = {
    Confine{"mnt", "another mount namespace"},
    Confine{"net", "another network namespace"},
    Confine{"pid", "another process namespace"},
    Confine{"user", "another user namespace"},
    Confine{"ipc", "another IPC namespace"},
    Confine{"uts", "another UTS namespace"},
    Confine{"cgroup", "another cgroup namespace"},
    Confine{"time", "another time namespace"},
    Confine{"root", "another root directory"},
    Confine{"groups", "other groups"},
    Confine{"capabilities", "other capabilities"},
    Confine{"no_new_privileges", "another setting of no_new_privs"},
    Confine{"seccomp", "another seccomp filter"},
};

// A server may raise its soft limit to the hard one, which few do. A lower hard limit than the session's
// keeps it away only below what is enough for the others.
struct Known {
  std::string_view name;
  std::string_view unit;
  std::uint64_t hard_enough;
};

constexpr std::uint64_t only_unlimited = ~std::uint64_t{0};
constexpr std::uint64_t anything = 0;
constexpr std::array known = {
    Known{"cpu", "seconds of CPU", only_unlimited},
    Known{"fsize", "bytes a file", only_unlimited},
    Known{"data", "bytes of data", only_unlimited},
    Known{"as", "bytes of memory", only_unlimited},
    Known{"stack", "bytes of stack", 8 << 20},
    Known{"nproc", "processes", 4096},
    Known{"nofile", "open files", 4096},
    Known{"memlock", "bytes of locked memory", anything},
    Known{"sigpending", "pending signals", anything},
};

std::string text_of(const std::optional<std::uint64_t>& bound) {
  return bound ? std::to_string(*bound) : "no limit";
}

bool lower(const std::optional<std::uint64_t>& one, const std::optional<std::uint64_t>& other) {
  return one && (!other || *one < *other);
}

std::string difference(std::string_view name, const base::Limit& reach, const base::Limit& session) {
  const auto* const found = std::ranges::find(known, name, &Known::name);
  const Known limit = found != known.end() ? *found : Known{name, name, anything};
  const auto lacks = [&](const std::optional<std::uint64_t>& wanted, std::uint64_t enough) {
    return lower(reach.hard, wanted) && lower(reach.hard, enough);
  };
  const auto told = [&](const std::optional<std::uint64_t>& wanted) {
    return text_of(reach.hard) + ' ' + std::string(limit.unit) + " instead of " + text_of(wanted);
  };
  if (lacks(session.soft, base::plenty_of(name))) return told(session.soft);
  if (lacks(session.hard, limit.hard_enough)) return told(session.hard);
  return {};
}

std::int64_t nice_of(const base::Inheritance& inheritance) {
  const auto found = inheritance.settings.find("nice");
  return found == inheritance.settings.end() ? 0 : found->second;
}

}  // namespace

std::vector<std::string> out_of_reach(const base::Inheritance& reach, const base::Inheritance& session) {
  std::vector<std::string> all;
  if (!session.confines.empty() && !reach.confines.empty()) {
    for (const Confine& confine : confines) {
      const auto ours = reach.confines.find(std::string(confine.name));
      const auto theirs = session.confines.find(std::string(confine.name));
      const bool both_unknown = ours == reach.confines.end() && theirs == session.confines.end();
      const bool one_unknown = (ours == reach.confines.end()) != (theirs == session.confines.end());
      if (!both_unknown && (one_unknown || ours->second != theirs->second)) all.emplace_back(confine.words);
    }
  }
  for (const auto& [name, limit] : session.limits) {
    const auto ours = reach.limits.find(name);
    if (ours == reach.limits.end()) continue;
    if (std::string text = difference(name, ours->second, limit); !text.empty())
      all.push_back(std::move(text));
  }
  // A priority above the usual one is a favour, which a daemon need not be able to do.
  const std::int64_t usual = 0;
  if (nice_of(reach) > std::max(nice_of(session), usual) && session.settings.contains("nice"))
    all.push_back("nice " + std::to_string(nice_of(reach)) + " instead of " +
                  std::to_string(nice_of(session)));
  return all;
}

}  // namespace core
