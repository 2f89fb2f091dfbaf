// Roots are access rights: where a server cares for them, only sessions that have given the same ones share
// it.
//
// A server shows that it cares by asking; that is remembered for its next start, and until then everybody may
// share it. From then on nothing of a session reaches the server before its roots are known, and equal to
// those that the server was told. A legacy client is asked as soon as it is ready, a modern one by an answer
// to its first call that can carry a question. A client that does not declare roots has none, and one that
// gives no answer has a server of its own, which is told so.
#include <algorithm>

#include "broker/calls/calls.h"
#include "broker/interests/interests.h"
#include "broker/questions/questions.h"
#include "broker/roots/roots.h"
#include "core/limits.h"

namespace broker {
namespace {

using core::GivenRoots;
using core::Instance;
using core::Phase;
using core::Session;

bool is_modern(const Session& session) {
  return session.phase == Phase::fresh;
}

bool declares_roots(const Session& session) {
  return is_modern(session) ? session.modern_capabilities.roots : session.capabilities.roots;
}

bool is_being_asked(const Session& session) {
  return std::ranges::any_of(session.asks, [](const auto& entry) { return entry.second.for_roots(); });
}

// A client that has not said that it is ready is asked when it has, which is soon.
bool will_answer(const State& state, const Session& session) {
  const bool comes_up = !is_modern(session) && !session.roots && session.phase != Phase::ready;
  return is_being_asked(session) || (comes_up && state.now < session.opened + core::limits::roots_wait);
}

// Its answer decides what the server is told: the only one that has a call there, which the question most
// likely comes of; or the oldest that has answered, or will.
Session* keeper(State& state, const Instance& instance) {
  Session* busy = nullptr;
  Session* known = nullptr;
  std::size_t count = 0;
  for (const SessionId id : instance.sessions) {
    Session& session = state.sessions.at(id);
    if (known == nullptr && (session.roots || will_answer(state, session))) known = &session;
    if (!has_something_there(state, session, instance)) continue;
    ++count;
    busy = &session;
  }
  if (count == 1) return busy;
  return known;
}

void answer_waiting(State& state, Instance& instance, const GivenRoots& roots) {
  instance.talk.roots.give_up_at.reset();
  instance.talk.roots.outdated = false;
  instance.talk.roots.outlived = false;
  for (const std::string& raw_id : std::exchange(instance.talk.roots.waiting, {})) {
    state.send(instance.id, roots.raw_result.empty() ? proto::error_text(raw_id, roots.raw_error)
                                                     : proto::result_text(raw_id, roots.raw_result));
  }
  instance.talk.roots.told = roots.name;
}

// What it waits for; or, if it has been told others, that it is to ask again.
void tell(State& state, Instance& instance) {
  const GivenRoots& roots = *instance.common_roots;
  if (!instance.talk.roots.waiting.empty()) return answer_waiting(state, instance, roots);
  const bool told_others = instance.talk.roots.cared_for && instance.talk.roots.told != roots.name;
  if (!told_others) instance.talk.roots.outlived = false;  // They are again what it goes by.
  if (instance.life != core::Life::ready || !told_others || instance.talk.roots.outlived ||
      instance.talk.roots.outdated)
    return;
  state.send(instance.id, proto::notification_text("notifications/roots/list_changed"));
  instance.talk.roots.outdated = true;
  instance.talk.roots.give_up_at = state.now + core::limits::roots_wait;
}

// The roots that the server is to be told, if they can be known.
void choose(State& state, Instance& instance) {
  const Session* session = keeper(state, instance);
  if (session == nullptr) return;
  if (session->roots) {
    instance.common_roots = session->roots;
  } else if (will_answer(state, *session)) {
    if (!instance.talk.roots.give_up_at)
      instance.talk.roots.give_up_at = state.now + core::limits::roots_wait;
  } else {
    // A modern client is asked with its next call, if it makes one: the others do not wait for that.
    reconsider(state, instance);
  }
}

bool differs(const Session& session, const Instance& instance) {
  return session.roots && instance.common_roots && !session.roots->same_as(*instance.common_roots);
}

}  // namespace

void learn_roots(State& state, Session& session, Instance& instance) {
  if (!roots_matter(instance)) return;
  if (session.roots) return settle_roots(state, instance);
  if (!declares_roots(session)) return roots_known(state, session, instance, core::no_roots());
  if (session.phase == Phase::ready) ask_for_roots(state, session, instance);
}

void ask_on_its_stream(State& state, Session& session, Instance& instance, const std::string& client_id) {
  if (is_modern(session) || session.roots || session.phase == Phase::asked) return;
  // It came to a modern server, where roots do not matter, and a legacy one has taken its place.
  if (!declares_roots(session)) return roots_known(state, session, instance, core::no_roots());
  // Asked before it made a call, a client by URL may have had no stream that the question could come on.
  if (session.many_streams && session.calls.size() == 1)
    std::erase_if(session.asks, [](const auto& entry) { return entry.second.for_roots(); });
  ask_for_roots(state, session, instance, session.many_streams ? client_id : std::string());
}

void roots_known(State& state, Session& session, Instance& instance, GivenRoots roots) {
  session.roots = std::move(roots);
  if (differs(session, instance)) {
    // A process that has heard of nobody else is told; another may not forget what it was told.
    const bool its_own = instance.sessions.size() == 1 &&
                         (!instance.talk.told || (instance.sessions_ever == 1 &&
                                                  instance.talk.told->roots == session.roots->declared()));
    if (its_own) instance.common_roots = session.roots;
    reconsider(state, instance);
  }
  settle_roots(state, instance);
}

void asks_for_common_roots(State& state, Instance& instance, std::string_view raw_id) {
  if (!std::exchange(instance.spec.cares_for_roots, true)) {
    state.outbox.push_back(NoteRoots{instance.spec.program, instance.spec.args});
    state.log(Severity::info, instance.spec.name +
                                  ": has asked for roots; from now on only sessions with the same roots "
                                  "share one process of it");
  }
  instance.talk.roots.cared_for = true;
  if (!raw_id.empty()) instance.talk.roots.waiting.emplace_back(raw_id);
  for (const SessionId id : std::vector(instance.sessions))
    if (!state.sessions.at(id).roots) learn_roots(state, state.sessions.at(id), instance);
  settle_roots(state, instance);
  if (!instance.talk.roots.waiting.empty() && !instance.talk.roots.give_up_at)
    instance.talk.roots.give_up_at = state.now + core::limits::roots_wait;
}

void settle_roots(State& state, Instance& instance) {
  if (!roots_matter(instance)) return;
  if (!instance.common_roots) choose(state, instance);
  if (!instance.common_roots) return;
  bool certain = true;
  for (const SessionId id : instance.sessions) {
    const Session& session = state.sessions.at(id);
    if (may_reach(session, instance)) continue;
    if (session.roots || is_modern(session)) reconsider(state, instance);
    if (!has_something_there(state, session, instance)) continue;
    certain = false;
    if (!instance.talk.roots.give_up_at)
      instance.talk.roots.give_up_at = state.now + core::limits::roots_wait;
  }
  if (certain) tell(state, instance);
  drain_waiting(state, instance);
  if (instance.life == core::Life::ready) restore_subscriptions(state, instance);
}

bool asked_by_its_call(State& state, Session& session, Instance& instance, const Scanned& message,
                       proto::Method method) {
  if (!roots_matter(instance) || !proto::may_ask(method)) return false;
  // Several clients may be behind one that comes by URL, and each has roots of its own: the server is told
  // them when it asks because of a call of theirs.
  if (session.roots || session.many_streams || !is_modern(session)) return false;
  park_for_roots(state, session, instance, message);
  return true;
}

void answer_without_roots(State& state, Instance& instance) {
  if (!instance.talk.roots.waiting.empty())
    answer_waiting(state, instance, core::given_roots({}, SessionId{}));
}

}  // namespace broker
