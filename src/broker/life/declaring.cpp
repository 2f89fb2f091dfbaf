// What a legacy server is told that clients can do.
//
// It is told once, when it is greeted: what the clients of the sessions that it has then can do, together.
// With one session that is what that session's client can do, so that a server which asks only where it is
// declared takes its other way for a client that cannot be asked. Roots are the exception where others may
// come: a server that asks for them has to be known before the second session is there. See decision 5.
#include <algorithm>
#include <array>

#include "broker/life/life.h"
#include "core/capabilities.h"

namespace broker {
namespace {

using core::Capabilities;
using core::Instance;
using core::Life;
using core::Session;

Capabilities of_client(const Session& session) {
  Capabilities all = session.capabilities;
  core::add(all, session.modern_capabilities);
  return all;
}

Capabilities together(const State& state, const Instance& instance) {
  Capabilities all;
  for (const SessionId id : instance.sessions) core::add(all, of_client(state.sessions.at(id)));
  const auto extra = [&](std::string_view name) {
    return std::ranges::find(instance.spec.extra_capabilities, name) !=
           instance.spec.extra_capabilities.end();
  };
  if (extra("elicitation")) all.elicitation_form = all.elicitation_url = true;
  if (extra("sampling") && !all.sampling) {
    all.sampling = true;
    all.sampling_raw = "{}";
  }
  return all;
}

bool same_questions(const core::Abilities& one, const core::Abilities& other) {
  return one.elicitation_form == other.elicitation_form && one.elicitation_url == other.elicitation_url &&
         one.sampling == other.sampling;
}

}  // namespace

face::Declared declare(State& state, Instance& instance) {
  const bool alone = instance.spec.scope == core::Scope::session || instance.channel_of;
  const auto can = [&](std::string_view name) {
    return std::ranges::find(instance.spec.extra_capabilities, name) !=
           instance.spec.extra_capabilities.end();
  };
  Capabilities told = together(state, instance);
  // Only one that is known to ask is told what its sessions have: others show so whether they care.
  if (!alone)
    told.roots = !roots_matter(instance) || !instance.common_roots || instance.common_roots->declared();
  // No session has come yet whose client could say what it can do.
  if (instance.sessions.empty()) told.elicitation_form = told.elicitation_url = true;
  if (can("roots")) told.roots = true;
  instance.talk.told = told;
  return {.first = std::move(told), .alone = true, .extra = {}};
}

void declare_anew(State& state, Session& session, Instance& instance) {
  const bool others = instance.sessions.size() > 1;
  // Started before anybody came, so that the first session need not wait: it does not.
  const bool warmed = instance.sessions_ever == 1;
  if (!instance.talk.told || others || warmed || instance.life != Life::ready ||
      instance.era != proto::Era::legacy)
    return;
  if (same_questions(*instance.talk.told, together(state, instance))) return;
  using enum core::CallState;
  const auto of_session = [](const core::Call& call) { return call.purpose == core::Purpose::forwarded; };
  const bool works =
      std::ranges::any_of(std::array{sent, asking, following, parked, returning, joined},
                          [&](core::CallState one) { return instance.calls.any(one, of_session); });
  if (works) return;
  state.log(Severity::info, instance.spec.name + ": is started again to declare the questions that " +
                                (session.client.empty() ? "the client" : session.client) + " can answer");
  stop(state, instance);
  instance.restart_wanted = true;
}

namespace {

void name(std::vector<std::string>& names, std::string_view what, bool can) {
  if (can && std::ranges::find(names, what) == names.end()) names.emplace_back(what);
}

}  // namespace

std::vector<std::string> declared_to(const State& state, const Instance& instance) {
  std::vector<std::string> names;
  const auto add = [&](const Instance& one) {
    if (!one.talk.told) return;
    name(names, "roots", one.talk.told->roots);
    name(names, "elicitation by form", one.talk.told->elicitation_form);
    name(names, "elicitation by URL", one.talk.told->elicitation_url);
    name(names, "sampling", one.talk.told->sampling);
    name(names, "experimental capabilities", !one.talk.told->experimental_raw.empty());
    name(names, "extensions", !one.talk.told->extensions_raw.empty());
  };
  add(instance);
  for (const InstanceId channel : instance.channels) add(state.instances.at(channel));
  return names;
}

std::vector<std::string> undeclared_to(const State& state, const Instance& instance) {
  std::vector<std::string> names;
  if (!instance.talk.told) return names;  // Or it has conversations, each of which was told all.
  const Capabilities can = together(state, instance);
  const Capabilities& told = *instance.talk.told;
  name(names, "elicitation by form", can.elicitation_form && !told.elicitation_form);
  name(names, "elicitation by URL", can.elicitation_url && !told.elicitation_url);
  name(names, "sampling", can.sampling && !told.sampling);
  return names;
}

}  // namespace broker
