// What holds for every message to and from a session, whatever it is about: whether the client is read, and
// what its journal says of it.
#include "broker/context/state.h"
#include "core/setup.h"

namespace broker {

using core::Instance;
using core::Session;

void pause(State& state, Session& session, core::Pause reason) {
  const bool reading = session.pauses.none();
  session.pauses.set(static_cast<std::size_t>(reason));
  if (reading && !session.remnant_of) state.outbox.push_back(PauseSession{session.id});
}

void resume(State& state, Session& session, core::Pause reason) {
  if (!session.pauses.test(static_cast<std::size_t>(reason))) return;
  session.pauses.reset(static_cast<std::size_t>(reason));
  if (session.pauses.none() && !session.remnant_of) state.outbox.push_back(ResumeSession{session.id});
}

void note_setup(State& state, Session& session) {
  if (session.remnant_of) return;  // What is to be set up again is the session's own to say.
  const Instance* instance = state.instance_of(session);
  core::Setup setup{.phase = session.phase,
                    .initialized_early = session.initialized_early,
                    .initialize_line = session.initialize_line,
                    .initialize_slot = session.initialize_slot,
                    .level = session.level,
                    .subscriptions = {},
                    .listens = {},
                    .long_ids = session.long_ids,
                    .life = session.life};
  if (instance != nullptr) {
    setup.subscriptions = instance->subscriptions.uris_of(session.id);
    for (const auto& [call, listen] : instance->listens) {
      if (listen.session == session.id && listen.acknowledged) setup.listens.push_back(listen.line);
    }
  }
  if (!session.journal.set_setup(core::written(setup))) {
    state.log(Severity::warning, session.server + ": what client " + session.client +
                                     " has set up is too large to survive a crash of the daemon");
  }
}

// On the page of the whole session, with the long ids that are kept for it.
std::optional<std::uint16_t> note_call(State& state, Session& part, std::string_view raw_id) {
  Session& session = part.remnant_of ? state.sessions.at(*part.remnant_of) : part;
  if (raw_id.size() <= proto::journal_id_max) {
    const std::optional<std::uint16_t> slot = session.journal.call_started(raw_id);
    // Another call in the slot of initialize: that was answered, and this one must not be taken for it.
    if (slot && slot == session.initialize_slot) {
      session.initialize_slot.reset();
      note_setup(state, session);
    }
    return slot;
  }
  const std::optional<std::uint16_t> slot = session.journal.call_started(proto::journal_long_id);
  if (!slot) return slot;
  std::erase_if(session.long_ids, [&](const core::LongId& id) { return id.slot == *slot; });
  session.long_ids.push_back({*slot, std::string(raw_id)});
  note_setup(state, session);
  return slot;
}

void State::reply(Session& session, std::string_view raw_id, std::string text) {
  const std::optional<std::uint16_t> slot = raw_id.empty() ? std::nullopt : note_call(*this, session, raw_id);
  outbox.push_back(SendToSession{session.id, proto::Message(std::move(text)), slot});
}

}  // namespace broker
