#include "app/config/changes.h"

#include <utility>

namespace app {
namespace {

// As a session can have it: not one that is disabled.
const Entry* usable(const Config& config, const std::string& name) {
  const auto found = config.entries.find(name);
  return found != config.entries.end() && !found->second.disabled ? &found->second : nullptr;
}

// But for its times.
bool same_server(const core::ServerSpec& one, const core::ServerSpec& other) {
  core::ServerSpec same = one;
  same.timing = other.timing;
  const auto& [name, program, args, link, address, directory, scope, scope_directory, environment,
               inheritance, named_variables, ignored_variables, extra_capabilities, interactive, calls, cache,
               probe, asks, roots, cares_for_roots, offer, timing, message_bytes_max, limits, refusal] =
      other;
  return same.name == name && same.program == program && same.args == args && same.link == link &&
         same.address == address && same.directory == directory && same.scope == scope &&
         same.scope_directory == scope_directory && same.environment == environment &&
         same.inheritance == inheritance && same.named_variables == named_variables &&
         same.ignored_variables == ignored_variables && same.extra_capabilities == extra_capabilities &&
         same.interactive == interactive && same.calls == calls && same.cache == cache &&
         same.probe == probe && same.asks == asks && same.roots == roots &&
         same.cares_for_roots == cares_for_roots && same.offer == offer &&
         same.message_bytes_max == message_bytes_max && same.limits == limits && same.refusal == refusal;
}

core::ServerSpec refused(const Wish& wish, const std::string& name, const Config& before, const Config& now) {
  core::ServerSpec spec = resolve(wish, before).value_or(core::ServerSpec{});
  spec.name = name;
  const bool disabled = now.entries.contains(name);
  spec.refusal = disabled ? "is disabled in " + now.path + "; remove disabled from it there"
                          : "was removed from " + now.path + "; put it back there";
  spec.refusal += ", and this session goes on";
  return spec;
}

void list(std::string& text, const char* what, const std::set<std::string>& names) {
  if (names.empty()) return;
  text += (text.empty() ? "" : "; ") + std::string(what) + ": ";
  for (const std::string& name : names) text += (name == *names.begin() ? "" : ", ") + name;
}

}  // namespace

bool ChangedEntries::concern(const Wish& wish) const {
  const auto* named = std::get_if<AttachWish>(&wish.server);
  if (named == nullptr) return commands;
  return added.contains(named->name) || removed.contains(named->name) || changed.contains(named->name);
}

ChangedEntries changed_entries(const Config& before, const Config& now) {
  ChangedEntries found{
      .added = {}, .removed = {}, .changed = {}, .commands = before.defaults != now.defaults};
  for (const auto& [name, entry] : before.entries) {
    if (usable(before, name) != nullptr && usable(now, name) == nullptr) found.removed.insert(name);
  }
  for (const auto& [name, entry] : now.entries) {
    const Entry* old = usable(before, name);
    const Entry* current = usable(now, name);
    if (current == nullptr) continue;
    if (old == nullptr) {
      found.added.insert(name);
    } else if (*old != *current) {
      found.changed.insert(name);
    }
  }
  return found;
}

std::string text_of(const ChangedEntries& changed) {
  std::string text;
  list(text, "added", changed.added);
  list(text, "changed", changed.changed);
  list(text, "removed", changed.removed);
  if (text.empty()) return changed.commands ? "changed: defaults" : "no server has changed";
  return text;
}

base::Result<Change> change_for(const Wish& wish, const Config& before, const Config& now) {
  const auto* named = std::get_if<AttachWish>(&wish.server);
  if (named != nullptr && usable(now, named->name) == nullptr)
    return Change{.spec = refused(wish, named->name, before, now)};
  core::ServerSpec spec = TRY(resolve(wish, now));
  const auto old = resolve(wish, before);
  if (!old || !same_server(*old, spec)) return Change{.spec = std::move(spec)};
  if (old->timing == spec.timing) return Change{};
  return Change{.spec = {}, .timing = spec.timing};
}

}  // namespace app
