// The beginning of a session: a new one, or one that goes on from an earlier daemon, which left its journal.
#include <algorithm>
#include <set>

#include "broker/interests/interests.h"
#include "broker/life/life.h"
#include "broker/sessions/sessions.h"
#include "broker/sorting/sorting.h"
#include "core/setup.h"
#include "face/to_legacy_client.h"

namespace broker {

using core::Instance;
using core::Phase;
using core::Session;

namespace {

// Nothing is known of what became of this call, and nothing that may have had an effect is run again.
void answer_lost_call(State& state, Session& session, std::string_view raw_id,
                      std::optional<std::uint16_t> slot) {
  std::string text =
      proto::error_text(raw_id, proto::Code::internal_error,
                        "hearth: the daemon ended while this call was running; whether it had an "
                        "effect is not known, so it was not repeated",
                        {session.server, false});
  state.outbox.push_back(SendToSession{session.id, proto::Message(std::move(text)), slot});
}

bool is_listen(const core::Setup& setup, std::string_view raw_id) {
  return std::ranges::any_of(setup.listens, [&](const std::string& line) {
    const auto envelope = proto::scan(line);
    return envelope && envelope->id.in(line) == raw_id;
  });
}

// All but initialize and listens, which can be run again without harm and are. Returns the ids of the listens
// whose clients have not been told that they are open.
std::set<std::string> answer_lost_calls(State& state, Session& session, const core::Setup& setup,
                                        std::string_view initialize_id) {
  std::set<std::string> untold, answered;
  const std::vector<std::string> ids = session.journal.calls();
  const std::vector<std::uint16_t> slots = session.journal.slots();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::string_view id = ids[i];
    if (id == proto::journal_long_id) {
      const auto found = std::ranges::find(setup.long_ids, slots[i], &core::LongId::slot);
      if (found == setup.long_ids.end()) continue;
      id = found->raw;
    }
    if (is_listen(setup, id)) {
      untold.emplace(id);
      session.journal.call_ended(slots[i]);  // It is made again.
    } else if (id == initialize_id && slots[i] == setup.initialize_slot) {
      session.initialize_slot = slots[i];
    } else if (!answered.emplace(id).second) {
      // A listen that ended before its client heard that it is open; or the id was used again early.
      session.journal.call_ended(slots[i]);
    } else {
      answer_lost_call(state, session, id, slots[i]);
    }
  }
  session.long_ids = setup.long_ids;
  return untold;
}

// The session had its answer to initialize: it goes on as if nothing had happened.
void take_up(State& state, Session& session, const core::Setup& setup, const face::ClientHello& hello) {
  session.phase = setup.phase;
  session.initialize_line = setup.initialize_line;
  session.claim = hello.claim;
  session.revision = hello.revision;
  session.capabilities = hello.capabilities;
  session.client = hello.client;
  session.level = setup.level;
  Instance& instance = placed(state, session);
  for (const std::string& uri : setup.subscriptions)
    instance.subscriptions.adopt(uri, session.id, charge_subscription(session, uri));
  note_setup(state, session);
  // What changed meanwhile nobody knows, so the client is told to look again.
  session.lists_changed.set();
  wake(state, instance);
  if (instance.life == core::Life::ready) {
    restore_interests(state, instance);
    flush_lists(state, session);
  }
}

void listen_again(State& state, Session& session, const core::Setup& setup,
                  const std::set<std::string>& untold) {
  for (const std::string& line : setup.listens) {
    const auto envelope = proto::scan(line);
    if (!envelope || !envelope->modern) continue;
    const bool told = !untold.contains(std::string(envelope->id.in(line)));
    listens_again(state, session, {base::Bytes::copy(line), *envelope},
                  told ? Told::by_an_earlier_daemon : Told::by_us);
  }
}

void restore(State& state, Session& session) {
  if (session.journal.writing()) state.outbox.push_back(EndPartialLine{session.id});
  const core::Setup setup = core::setup_of(session.journal.setup()).value_or(core::Setup{});
  session.life = setup.life + 1;
  // Answers to the questions of an earlier life must find nothing.
  session.next_ask = core::AskId(std::int64_t{1'000'000} * session.life + 1);
  const auto envelope = proto::scan(setup.initialize_line);
  const bool begun = setup.phase != Phase::fresh && envelope;
  const std::set<std::string> untold = answer_lost_calls(
      state, session, setup, begun ? envelope->id.in(setup.initialize_line) : std::string_view());
  if (!begun) {
    session.initialize_line =
        setup.initialize_line;  // It came to nothing, but tells of what era the client is.
    note_setup(state, session);
    listen_again(state, session, setup, untold);
    return;
  }
  const Scanned initialize{base::Bytes::copy(setup.initialize_line), *envelope};
  if (setup.phase == Phase::asked || session.initialize_slot) {
    session.initialized_early = setup.initialized_early || setup.phase == Phase::ready;
    session.level = setup.level;
    client_initialize(state, session, initialize);
    if (Instance* instance = state.instance_of(session)) {
      for (const std::string& uri : setup.subscriptions)
        instance->subscriptions.adopt(uri, session.id, charge_subscription(session, uri));
      if (instance->life == core::Life::ready) restore_interests(state, *instance);
      note_setup(state, session);
    }
  } else if (const auto hello = face::read_initialize(initialize.bytes.text, *envelope)) {
    take_up(state, session, setup, *hello);
  }
  listen_again(state, session, setup, untold);
}

}  // namespace

void session_opened(State& state, SessionOpened event) {
  Session& session = state.sessions.at(event.session);
  session.id = event.session;
  session.server = event.spec.name;
  session.scope = event.spec.scope;
  if (session.scope != core::Scope::user) {
    session.project = event.spec.scope_directory.empty() ? event.spec.directory : event.spec.scope_directory;
  }
  session.client_pid = event.client_pid;
  session.many_streams = event.many_streams;
  session.principal = std::move(event.principal);
  session.account = state.accounts.open(session.principal);
  session.opened = state.now;
  session.spec = std::move(event.spec);
  session.journal = proto::Journal(event.journal);
  const bool fresh = session.journal.fresh();
  session.journal.begin();
  if (!fresh) restore(state, session);
}

}  // namespace broker
