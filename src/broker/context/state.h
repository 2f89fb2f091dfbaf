// What every room of the broker may know: the tables, the outbox, and the few things that all of them do.
//
// The broker is divided into rooms. Each is a folder with one header that says what the room is for; its
// files are free functions over this state. Rooms call only rooms below them (tests/tidy has the arrows);
// what a lower one has to say to a higher one it leaves as a notice. None of them calls out: what has to be
// done in the world is left in the outbox.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/slot_map.h"
#include "broker/action.h"
#include "broker/context/instances.h"
#include "broker/context/notice.h"
#include "broker/event.h"
#include "broker/options.h"
#include "core/account.h"
#include "core/instance.h"
#include "core/parks.h"
#include "core/session.h"
#include "core/task_owners.h"
#include "proto/envelope.h"
#include "proto/rpc.h"

namespace broker {

struct State {
  explicit State(Options given) : options(std::move(given)), accounts(options.allowances) {}

  Options options;
  core::Accounts accounts;
  base::SlotMap<core::SessionTag, core::Session> sessions;
  Instances instances;
  core::Parks parks;
  core::TaskOwners task_owners;
  std::vector<Action> outbox;
  std::vector<Notice> notices;
  base::Instant now;
  base::Instant begun;
  base::Instant quiet_since;  // When the last session left.
  std::uint64_t instances_ever = 0;
  std::uint64_t waits_ever = 0;   // The last core::Waiting::number.
  std::vector<InstanceId> freed;  // Servers with one call at a time that may take the next (turns.h).
  bool retired = false;
  // Servers whose sessions may belong elsewhere (sessions/belonging.cpp).
  std::vector<InstanceId> to_settle;
  std::vector<SessionId> respecified;  // Sessions that have a `next`.
  std::map<SessionId, std::vector<SessionId>>
      remnants;                                   // Of sessions that have some (sessions/remnants.cpp).
  std::optional<DaemonLeaves::Sessions> leaving;  // The daemon ends: nothing is started any more.
  // While a line of a server's is looked at: the call on whose stream the line came, if it came on one.
  std::optional<core::CallId> heard_on;

  void send(SessionId session, proto::Message message) {
    outbox.push_back(SendToSession{session, std::move(message)});
  }
  void send(SessionId session, std::string text) { send(session, proto::Message(std::move(text))); }
  // The same for what is about one of the session's calls, named by the client's raw id; empty for none.
  void send_about(SessionId session, proto::Message message, std::string concerns) {
    outbox.push_back(SendToSession{session, std::move(message), std::nullopt, std::move(concerns)});
  }
  // Answers a request that never becomes a call. The answer is owed until it is written, like any other.
  void reply(core::Session& session, std::string_view raw_id, std::string text);
  // Answers a call that is out of the tables already.
  void send_answer(const core::Call& call, proto::Message message) {
    outbox.push_back(SendToSession{call.session, std::move(message), call.journal_slot});
  }
  // Dropped unless the server is greeting or ready: one that is being stopped would never read it.
  void send(InstanceId instance, proto::Message message) {
    const core::Life life = std::as_const(instances).at(instance).life;
    if (life != core::Life::greeting && life != core::Life::ready) return;
    outbox.push_back(SendToInstance{instance, std::move(message)});
  }
  void send(InstanceId instance, std::string text) { send(instance, proto::Message(std::move(text))); }
  void log(Severity severity, std::string text) { outbox.push_back(Log{severity, std::move(text)}); }

  core::Instance* instance_of(const core::Session& session) {
    return session.instance ? instances.find(*session.instance) : nullptr;
  }
  const core::Instance* instance_of(const core::Session& session) const {
    return session.instance ? instances.find(*session.instance) : nullptr;
  }
  bool shortage_told = false;  // The log has it that memory is short and no server can go.
  static constexpr std::size_t fields = 21;
};

// One message of a peer, scanned. Bytes of a batch's element share the batch's buffer.
struct Scanned {
  base::Bytes bytes;
  proto::Envelope envelope;
  std::string_view of(proto::Span span) const { return span.in(bytes.text); }
};

// visit(Session&) for the session, and then for what is left of it at servers that it had before.
template <class Visit>
void each_part(State& state, core::Session& session, Visit&& visit) {
  visit(session);
  const auto found = state.remnants.find(session.id);
  if (found == state.remnants.end()) return;
  for (const SessionId id : found->second) visit(state.sessions.at(id));
}

// What a modern request says beside what it asks for.
struct Asked {
  proto::Era era = proto::Era::legacy;
  core::Abilities abilities;
  std::optional<core::Level> level;
};

// Takes turns at an interactive server: a legacy session, or one call of a modern one (asked per call).
struct Party {
  SessionId session;
  std::optional<core::CallId> call = {};
  auto operator<=>(const Party&) const = default;
};

// flow.cpp

// Stops reading from the client, or goes on when this was the last reason not to. Twice is as good as once.
void pause(State& state, core::Session& session, core::Pause reason);
void resume(State& state, core::Session& session, core::Pause reason);
// Writes into the journal what a next daemon needs (core/setup.h). To be called when any of it has changed.
void note_setup(State& state, core::Session& session);
// Notes in the journal that the client is owed an answer, and returns the slot that its writing will free.
std::optional<std::uint16_t> note_call(State& state, core::Session& session, std::string_view raw_id);

// errors.cpp

// What an error about this server says to a client; `sentence` without the server's name.
std::string error_about(const core::Instance& instance, std::string_view sentence, bool retryable);

// lookup.cpp

// The call that the server names by that raw id: one that was sent and not answered, cancelled ones included.
core::Call* call_of(core::Instance& instance, std::string_view raw_id);
Party party_of(const core::Call& call);
// For SendToSession::concerns: the raw id of the session's call that the server's current message is about.
// Empty if that cannot be told, or the session does not want to know.
std::string concerned_call(const State& state, const core::Session& session, const core::Instance& instance);
// Its sessions, or those of the servers like it, may belong elsewhere: that is looked at when the event is
// over.
void reconsider(State& state, const core::Instance& instance);

// roots_rule.cpp

// Whether sessions with different roots are kept apart at this server. Not where each has a conversation of
// its own, or the entry wants the union.
bool keeps_roots_apart(const core::Instance& instance);
// The same of a server that is known to care. Until it has asked, everybody may share it.
bool roots_matter(const core::Instance& instance);
// Whether what the session sends may reach the server now. If not it waits, as calls wait for a server that
// is not ready.
bool may_reach(const core::Session& session, const core::Instance& instance);

}  // namespace broker
