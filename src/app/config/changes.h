// What a change of the configuration means to a session that is open.
//
// A session's wish is resolved against what was in force and against what is, both as the world is now: so
// only what the file says makes a difference, and not a program that has been installed meanwhile.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "app/config/config.h"
#include "app/config/resolve.h"
#include "base/result.h"
#include "core/server_spec.h"

namespace app {

// Which entries differ, by name. A change of "defaults" changes the entries that take it.
struct ChangedEntries {
  std::set<std::string> added, removed, changed;
  bool commands = false;  // What `hearth run` takes from "defaults".

  bool none() const { return added.empty() && removed.empty() && changed.empty() && !commands; }
  bool concern(const Wish& wish) const;
};
ChangedEntries changed_entries(const Config& before, const Config& now);
std::string text_of(const ChangedEntries& changed);  // "added: a; changed: b, c"

struct Change {
  // Another server; or none any more, with the reason in its refusal.
  std::optional<core::ServerSpec> spec = {};
  // The same one, with other times.
  std::optional<core::Timing> timing = {};
};
// An error, if what the wish names is there and cannot be had: the session keeps what it has.
base::Result<Change> change_for(const Wish& wish, const Config& before, const Config& now);

}  // namespace app
