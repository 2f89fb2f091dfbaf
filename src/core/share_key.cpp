#include "core/share_key.h"

#include <cstdio>
#include <set>
#include <string_view>

#include "base/siphash.h"
#include "core/relevance.h"
#include "core/stricter.h"

namespace core {
namespace {

class Hasher {
 public:
  explicit Hasher(std::uint64_t key) : key_{key, ~key} {}

  // The name goes into the hash, so that one value in two variables does not show.
  std::string of(std::string_view name, const std::string* value) const {
    if (!value) return "unset";
    return digits(std::string(name) + '\0' + *value);
  }
  std::string of(const std::vector<std::string>& args) const {
    std::string all;
    for (const std::string& arg : args) all += arg + '\0';
    return std::to_string(args.size()) + (args.size() == 1 ? " arg, " : " args, ") + digits(all);
  }
  // As a whole: a URL may hold a key as well as a header may.
  std::string of(const Address& address) const {
    std::string all = address.url + '\0' + std::to_string(address.port) + '\0' + address.path;
    for (const auto& [name, value] : address.headers) all += '\0' + name + '\0' + value;
    for (const std::string& word : address.headers_helper) all += '\0' + word;
    for (const std::string& file : address.authorities) all += std::string("\0ca", 3) + file;
    all += '\0' + address.certificate + '\0' + address.key;
    return digits(all);
  }

 private:
  std::string digits(std::string_view text) const {
    char out[9];
    std::snprintf(out, sizeof out, "%08x", static_cast<unsigned>(base::siphash(key_, text) & 0xffffffff));
    return out;
  }

  base::SipKey key_;
};

bool same(const std::string* one, const std::string* other) {
  return one && other ? *one == *other : one == other;
}

bool same_but_environment(const ServerSpec& running, const ServerSpec& asking) {
  return running.scope != Scope::session && running.scope == asking.scope &&
         running.program == asking.program && running.args == asking.args &&
         running.scope_directory == asking.scope_directory && running.directory == asking.directory &&
         running.link == asking.link && running.address == asking.address && settings_agree(running, asking);
}

std::set<std::string> named_by_either(const ServerSpec& running, const ServerSpec& asking) {
  std::set<std::string> named = running.named_variables;
  named.insert(asking.named_variables.begin(), asking.named_variables.end());
  return named;
}

// Does this difference in a variable keep the two apart? Asked only where the values differ, because judging
// names is the slow part.
bool separates(const std::string& name, const std::string* asked, const std::set<std::string>& named) {
  switch (relevance_of(name, named)) {
    case Relevance::named:
      return true;
    case Relevance::relevant:
      return asked != nullptr;
    case Relevance::fresh:
    case Relevance::ordinary:
      return false;
  }
  return true;
}

// visit(name, value here, value there) for every variable that differs, in order of name, until it returns
// false.
template <class Visit>
void each_differing_variable(const ServerSpec& running, const ServerSpec& asking, Visit&& visit) {
  auto here = running.environment.begin();
  auto there = asking.environment.begin();
  const auto here_end = running.environment.end();
  const auto there_end = asking.environment.end();
  while (here != here_end || there != there_end) {
    const bool only_here = there == there_end || (here != here_end && here->first < there->first);
    const bool only_there = !only_here && (here == here_end || there->first < here->first);
    const std::string& name = only_there ? there->first : here->first;
    const std::string* one = only_there ? nullptr : &here->second;
    const std::string* other = only_here ? nullptr : &there->second;
    if (!same(one, other) && !visit(name, one, other)) return;
    if (!only_there) ++here;
    if (!only_here) ++there;
  }
}

}  // namespace

std::string_view name_of(Scope scope) {
  switch (scope) {
    case Scope::user:
      return "user";
    case Scope::project:
      return "project";
    case Scope::session:
      return "session";
  }
  return "";
}

bool may_share(const ServerSpec& running, const ServerSpec& asking) {
  if (!same_but_environment(running, asking)) return false;
  const std::set<std::string> named = named_by_either(running, asking);
  bool apart = false;
  each_differing_variable(running, asking, [&](const auto& name, const auto*, const auto* asked) {
    apart = separates(name, asked, named);
    return !apart;
  });
  return !apart;
}

std::vector<Difference> differences(const ServerSpec& running, const ServerSpec& asking,
                                    std::uint64_t hash_key) {
  const Hasher hash(hash_key);
  std::vector<Difference> found;
  const auto compare = [&](const char* what, const std::string& here, const std::string& there) {
    if (here != there) found.push_back({what, here, there});
  };
  compare("command", running.program, asking.program);
  if (running.args != asking.args) found.push_back({"args", hash.of(running.args), hash.of(asking.args)});
  if (running.scope != asking.scope || running.scope == Scope::session) {
    found.push_back({"scope", std::string(name_of(running.scope)), std::string(name_of(asking.scope))});
  }
  if (running.link != asking.link || running.address != asking.address)
    found.push_back({"address", hash.of(running.address), hash.of(asking.address)});
  if (!settings_agree(running, asking))
    compare("interactive", std::string(name_of(running.interactive)),
            std::string(name_of(asking.interactive)));
  compare("project", running.scope_directory, asking.scope_directory);
  compare("directory", running.directory, asking.directory);
  const std::set<std::string> named = named_by_either(running, asking);
  each_differing_variable(running, asking, [&](const auto& name, const auto* here, const auto* there) {
    if (separates(name, there, named))
      found.push_back({"env " + name, hash.of(name, here), hash.of(name, there)});
    return true;
  });
  return found;
}

std::vector<Difference> ignored_differences(const ServerSpec& running, const ServerSpec& asking,
                                            std::uint64_t hash_key) {
  const Hasher hash(hash_key);
  std::vector<Difference> found;
  const std::set<std::string> named = named_by_either(running, asking);
  each_differing_variable(running, asking, [&](const auto& name, const auto* here, const auto* there) {
    if (!separates(name, there, named))
      found.push_back({"env " + name, hash.of(name, here), hash.of(name, there)});
    return true;
  });
  return found;
}

}  // namespace core
