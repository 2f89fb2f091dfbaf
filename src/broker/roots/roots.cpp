// roots/list: the sessions are asked. A server whose sessions all have the same roots is told those
// (apart.cpp); one that everybody shares, whatever their roots, gets the union.
#include "broker/roots/roots.h"

#include "broker/questions/questions.h"
#include "core/limits.h"

namespace broker {
namespace {

using core::Instance;
using core::Session;

bool has_roots(const Session& session) {
  const bool greeted = session.phase == core::Phase::answered || session.phase == core::Phase::ready;
  return session.capabilities.roots && greeted;
}

// Before it said that it is ready, a client may not be asked; it is waited for instead.
bool may_be_asked(const Session& session) {
  return has_roots(session) && session.phase == core::Phase::ready;
}

bool being_asked(const Session& session) {
  for (const auto& [id, ask] : session.asks) {
    if (ask.for_roots()) return true;
  }
  return false;
}

}  // namespace

void ask_for_roots(State& state, Session& session, Instance& instance, std::string about) {
  if (being_asked(session)) return;
  const core::AskId id = new_ask(state, session, instance,
                                 {.server_id = {},
                                  .method = proto::Method::roots_list,
                                  .token = {},
                                  .due = state.now + core::limits::roots_wait});
  state.send_about(session.id, proto::Message(proto::request_text(id.text(), "roots/list")),
                   std::move(about));
}

namespace {

bool all_known(State& state, const Instance& instance) {
  for (const SessionId id : instance.sessions) {
    if (has_roots(state.sessions.at(id)) && !instance.roots.known(id)) return false;
  }
  return true;
}

void give(State& state, Instance& instance) {
  instance.talk.roots.give_up_at.reset();
  instance.talk.roots.told = instance.roots.union_result();
  for (const std::string& raw_id : std::exchange(instance.talk.roots.waiting, {})) {
    state.send(instance.id, proto::result_text(raw_id, instance.talk.roots.told));
  }
}

// The server learns of a different union by being told to ask again.
void settle(State& state, Instance& instance) {
  if (!all_known(state, instance)) return;
  if (!instance.talk.roots.waiting.empty()) {
    give(state, instance);
  } else if (instance.life == core::Life::ready && instance.talk.roots.cared_for &&
             instance.roots.union_result() != instance.talk.roots.told) {
    instance.talk.roots.told = instance.roots.union_result();
    state.send(instance.id, proto::notification_text("notifications/roots/list_changed"));
  }
}

}  // namespace

void server_asks_roots(State& state, Instance& instance, std::string_view raw_id) {
  if (keeps_roots_apart(instance)) return asks_for_common_roots(state, instance, raw_id);
  instance.talk.roots.cared_for = true;
  instance.talk.roots.waiting.emplace_back(raw_id);
  for (const SessionId id : instance.sessions) {
    Session& session = state.sessions.at(id);
    if (may_be_asked(session) && !instance.roots.known(id)) ask_for_roots(state, session, instance);
  }
  if (all_known(state, instance)) {
    give(state, instance);
  } else if (!instance.talk.roots.give_up_at) {
    instance.talk.roots.give_up_at = state.now + core::limits::roots_wait;
  }
}

void roots_answered(State& state, Session& session, Instance& instance, std::string_view raw_result) {
  if (keeps_roots_apart(instance))
    return roots_known(state, session, instance, core::given_roots(raw_result, session.id));
  instance.roots.answered(session.id, raw_result);
  settle(state, instance);
}

void roots_changed(State& state, Session& session, Instance& instance) {
  instance.roots.invalidate(session.id);
  instance.merging.close();  // What it asks next may depend on them.
  // An answer that is under way may be of before the change: it will find no question any more.
  std::erase_if(session.asks, [](const auto& entry) { return entry.second.for_roots(); });
  if (keeps_roots_apart(instance)) {
    session.roots.reset();
    return learn_roots(state, session, instance);
  }
  if (instance.talk.roots.cared_for && may_be_asked(session)) ask_for_roots(state, session, instance);
}

void roots_left(State& state, Session& session, Instance& instance) {
  if (keeps_roots_apart(instance)) return settle_roots(state, instance);
  instance.roots.forget(session.id);
  settle(state, instance);
}

void give_known_roots(State& state, Instance& instance) {
  if (!instance.talk.roots.waiting.empty()) give(state, instance);
  instance.talk.roots.give_up_at.reset();
}

}  // namespace broker
