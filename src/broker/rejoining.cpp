// A broker that knows what another one knew takes over the pages of the sessions (proto/journal.h).
//
// The other died at any moment, perhaps in the middle of an event, which this one has heard whole; and those
// who write answers have freed slots that this one takes for used. So a slot belongs to whatever has its id:
// first to what had it by number, then in the order in which the ids were noted.
#include <algorithm>
#include <map>
#include <vector>

#include "broker/broker.h"
#include "broker/context/state.h"
#include "core/setup.h"

namespace broker {
namespace {

using core::Phase;
using core::Session;

// What a client is owed.
struct Owed {
  std::uint16_t was = 0;  // Its slot, or its number (proto::Journal without a page).
  std::string raw_id;
  std::optional<std::uint16_t>* slot = nullptr;  // Where it is kept.
  bool has_slot = false;                         // On the page.
};
using Taken = std::map<std::uint16_t, std::string>;  // Slots, and the raw ids in them.

std::string id_in(const proto::Message& answer) {
  const std::string text = answer.text();
  const auto envelope = proto::scan(text);
  return std::string(envelope ? envelope->id.in(text) : std::string_view());
}

void add_calls(State& state, Session& session, std::vector<Owed>& all) {
  core::Instance* instance = state.instance_of(session);
  for (const core::CallId id : session.calls.wire_ids()) {
    core::Call* call = instance == nullptr ? nullptr : instance->calls.find(id);
    if (call != nullptr && call->journal_slot)
      all.push_back({*call->journal_slot, call->client_id, &call->journal_slot});
  }
}

Taken taken_on(const proto::Journal& page, const core::Setup& setup) {
  Taken all;
  const std::vector<std::string> ids = page.calls();
  const std::vector<std::uint16_t> slots = page.slots();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto found = std::ranges::find(setup.long_ids, slots[i], &core::LongId::slot);
    const bool is_long = ids[i] == proto::journal_long_id;
    all.emplace(slots[i], is_long && found != setup.long_ids.end() ? found->raw : ids[i]);
  }
  return all;
}

// Removes from `taken` what is found there.
void find_slots(std::vector<Owed>& all, Taken& taken) {
  const auto give = [&](Owed& owed, Taken::iterator found) {
    *owed.slot = found->first;
    owed.has_slot = true;
    taken.erase(found);
  };
  for (Owed& owed : all) {
    const auto found = taken.find(owed.was);
    if (found != taken.end() && found->second == owed.raw_id) give(owed, found);
  }
  for (Owed& owed : all) {
    const auto found = std::ranges::find(taken, owed.raw_id, &Taken::value_type::second);
    if (!owed.has_slot && found != taken.end()) give(owed, found);
  }
}

void rejoin_page(State& state, Session& session, std::span<std::byte> page, std::vector<Owed> all) {
  session.journal = proto::Journal(page);
  const core::Setup setup = core::setup_of(session.journal.setup()).value_or(core::Setup{});
  // The broker that died had not yet heard that the session was opened.
  if (session.journal.fresh() || setup.life < session.life) session.journal.begin();
  session.long_ids = setup.long_ids;

  const std::optional<std::uint16_t> was_initialize = session.initialize_slot;
  if (was_initialize && session.phase == Phase::asked)
    all.push_back({*was_initialize, session.initialize_id, &session.initialize_slot});
  std::ranges::stable_sort(all, {}, &Owed::was);
  Taken taken = taken_on(session.journal, setup);
  find_slots(all, taken);
  for (const auto& [slot, id] : taken) session.journal.call_ended(slot);
  // Its answer may still be unwritten, or is; the slot may have become that of another call.
  if (was_initialize && session.phase != Phase::asked) session.initialize_slot = setup.initialize_slot;
  for (Owed& owed : all) {
    const bool answers_initialize =
        was_initialize == owed.was && session.phase != Phase::asked && session.initialize_id == owed.raw_id;
    if (!owed.has_slot) *owed.slot = note_call(state, session, owed.raw_id);
    if (answers_initialize) session.initialize_slot = *owed.slot;
  }
  note_setup(state, session);
}

// The session is closed: nothing is written there but its last answers, and nothing noted.
void rejoin_closed(std::span<std::byte> page, std::vector<Owed>& all) {
  const proto::Journal journal(page);
  Taken taken = taken_on(journal, core::setup_of(journal.setup()).value_or(core::Setup{}));
  find_slots(all, taken);
  for (Owed& owed : all) {
    if (!owed.has_slot) owed.slot->reset();
  }
}

}  // namespace

void Broker::rejoin(const Pages& page_of, std::span<SendToSession* const> unwritten) {
  State& state = *state_;
  std::map<SessionId, std::vector<Owed>> answers;
  for (SendToSession* answer : unwritten) {
    if (answer->ends_call)
      answers[answer->session].push_back({*answer->ends_call, id_in(answer->message), &answer->ends_call});
  }
  // What a remnant's client is owed stands on the page of the whole session.
  state.sessions.each([&](SessionId, Session& session) {
    if (session.remnant_of) add_calls(state, session, answers[*session.remnant_of]);
  });
  state.sessions.each([&](SessionId id, Session& session) {
    if (!session.id || session.remnant_of) return;  // Or admitted, and not opened yet.
    const std::span<std::byte> page = page_of(id);
    if (page.empty()) return session.journal.leave_page();
    auto known = answers.extract(id);
    std::vector<Owed> all = known ? std::move(known.mapped()) : std::vector<Owed>();
    add_calls(state, session, all);
    rejoin_page(state, session, page, std::move(all));
  });
  state.sessions.each([&](SessionId, Session& session) {
    if (session.remnant_of) session.journal = state.sessions.at(*session.remnant_of).journal;
  });
  for (auto& [id, all] : answers) rejoin_closed(page_of(id), all);
}

}  // namespace broker
