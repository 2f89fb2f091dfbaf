#include "core/share_key.h"

#include <cstdio>
#include <optional>
#include <set>
#include <string_view>

#include "base/siphash.h"
#include "core/passed_on.h"
#include "core/relevance.h"
#include "core/stricter.h"

namespace core {
namespace {

using Value = std::optional<std::string_view>;  // Of a variable; absent: it is unset.

class Hasher {
 public:
  explicit Hasher(std::uint64_t key) : key_{key, ~key} {}

  // The name goes into the hash, so that one value in two variables does not show.
  std::string of(std::string_view name, Value value) const {
    if (!value) return "unset";
    return digits((std::string(name) + '\0').append(*value));
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

std::set<std::string> of_either(const std::set<std::string>& one, const std::set<std::string>& other) {
  std::set<std::string> all = one;
  all.insert(other.begin(), other.end());
  return all;
}

enum class Question : std::uint8_t { may_share, get_on, alike };

// Judges the variables in which two differ. Only these: judging names is the slow part.
class Judge {
 public:
  Judge(const ServerSpec& running, const ServerSpec& asking, Question question)
      : question_(question),
        running_{&running, {}},
        asking_{&asking, {}},
        named_(of_either(running.named_variables, asking.named_variables)),
        ignored_(of_either(running.ignored_variables, asking.ignored_variables)) {}

  // Does this difference keep the two apart? Values as in each of them.
  bool separates(std::string_view name, Value here, Value there) {
    switch (relevance_of(name, named_, ignored_)) {
      case Relevance::named:
        return true;
      case Relevance::relevant:
        if ((here && there) || question_ == Question::alike) return true;
        if (here) return !unknown_to(asking_);
        // A server that runs has only what it was started with, whatever the session behind it may have.
        return question_ == Question::may_share || !unknown_to(running_);
      case Relevance::model:
        return (here && there) || question_ == Question::alike;
      case Relevance::fresh:
      case Relevance::ordinary:
        return false;
    }
    return true;
  }

 private:
  struct Side {
    const ServerSpec* spec;
    std::optional<bool> filtered;
  };

  static bool unknown_to(Side& side) {
    if (!side.filtered) side.filtered = filtered(*side.spec);
    return *side.filtered;
  }

  Question question_;
  Side running_, asking_;
  std::set<std::string> named_, ignored_;
};

// visit(name, value here, value there) for every variable that differs, in order of name, until it returns
// false.
template <class Visit>
void each_differing_variable(const ServerSpec& running, const ServerSpec& asking, Visit&& visit) {
  if (running.environment.shares_with(asking.environment)) return;
  auto here = running.environment.begin();
  auto there = asking.environment.begin();
  const auto here_end = running.environment.end();
  const auto there_end = asking.environment.end();
  while (here != here_end || there != there_end) {
    const bool only_here = there == there_end || (here != here_end && here->name < there->name);
    const bool only_there = !only_here && (here == here_end || there->name < here->name);
    const std::string_view name = only_there ? there->name : here->name;
    const Value one = only_there ? std::nullopt : Value(here->value);
    const Value other = only_here ? std::nullopt : Value(there->value);
    if (one != other && !visit(name, one, other)) return;
    if (!only_there) ++here;
    if (!only_here) ++there;
  }
}

}  // namespace

bool same_but_environment(const ServerSpec& running, const ServerSpec& asking) {
  return running.scope != Scope::session && running.scope == asking.scope &&
         running.program == asking.program && running.args == asking.args &&
         running.scope_directory == asking.scope_directory && running.directory == asking.directory &&
         running.link == asking.link && running.address == asking.address &&
         running.limits == asking.limits && running.refusal == asking.refusal &&
         settings_agree(running, asking);
}

bool decides(std::string_view variable, const ServerSpec& spec) {
  const Relevance relevance = relevance_of(variable, spec.named_variables, spec.ignored_variables);
  return relevance == Relevance::named || relevance == Relevance::relevant || relevance == Relevance::model;
}

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

namespace {

bool agree(const ServerSpec& running, const ServerSpec& asking, Question question) {
  if (!same_but_environment(running, asking)) return false;
  Judge judge(running, asking, question);
  bool apart = false;
  each_differing_variable(running, asking, [&](std::string_view name, Value here, Value there) {
    apart = judge.separates(name, here, there);
    return !apart;
  });
  return !apart;
}

}  // namespace

bool may_share(const ServerSpec& running, const ServerSpec& asking) {
  return agree(running, asking, Question::may_share);
}

bool get_on(const ServerSpec& one, const ServerSpec& other) {
  return agree(one, other, Question::get_on);
}

bool alike(const ServerSpec& one, const ServerSpec& other) {
  return agree(one, other, Question::alike) && filtered(one) == filtered(other);
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
  if (running.limits != asking.limits)
    found.push_back({"limits", base::shown(running.limits), base::shown(asking.limits)});
  compare("refused", running.refusal, asking.refusal);
  compare("project", running.scope_directory, asking.scope_directory);
  compare("directory", running.directory, asking.directory);
  Judge judge(running, asking, Question::may_share);
  each_differing_variable(running, asking, [&](std::string_view name, Value here, Value there) {
    if (judge.separates(name, here, there))
      found.push_back({"env " + std::string(name), hash.of(name, here), hash.of(name, there)});
    return true;
  });
  return found;
}

std::vector<Difference> ignored_differences(const ServerSpec& running, const ServerSpec& asking,
                                            std::uint64_t hash_key) {
  const Hasher hash(hash_key);
  std::vector<Difference> found;
  Judge judge(running, asking, Question::may_share);
  each_differing_variable(running, asking, [&](std::string_view name, Value here, Value there) {
    if (!judge.separates(name, here, there))
      found.push_back({"env " + std::string(name), hash.of(name, here), hash.of(name, there)});
    return true;
  });
  return found;
}

}  // namespace core
