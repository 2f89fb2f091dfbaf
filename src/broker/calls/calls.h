// Calls: filed under an id of ours, sent when the server can take them and it is their turn, answered under
// the client's own id.
//
// finish() takes a call out of every table at once. What its end means to rooms above goes to them as a
// notice. Turns, shared answers and what a call may have done to its server are decided here; what a server's
// answer means in the words of another revision is not (sorting/).
#pragma once

#include "broker/context/state.h"

namespace broker {

// The client's side of a parked call: whoever comes back with its ticket.
enum class Attached : std::uint8_t { has_its_turn, waits };

// calls.cpp

void forward_call(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
                  proto::Method method, const Asked& asked = {});
// A call that is answered by us when something else has happened; it counts as in flight until then.
core::CallId hold_call(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
                       proto::Method method, const Asked& asked = {});
Attached attach(State& state, core::Session& session, core::Instance& instance, core::Call& call,
                const Scanned& message);
void detach(State& state, core::Instance& instance, core::Call& call);
// One that had joined another is sent, after all.
void go_alone(State& state, core::Instance& instance, core::Call& call);
// A notification of a client's for the server.
void forward_notice(State& state, core::Session& session, core::Instance& instance, const Scanned& message);
core::CallId own_call(core::Instance& instance, core::Purpose purpose, std::string uri = {});
// The call as its server wants to hear it.
proto::Message for_server(State& state, const core::Instance& instance, core::Call& call,
                          const Scanned& message);

// waiting.cpp

void drain_waiting(State& state, core::Instance& instance);
// Whether a call that may ask is being worked at for another party.
bool taken_by_another(const State& state, core::Instance& instance, const Party& party);
bool must_wait_its_turn(const State& state, core::Instance& instance, const core::Call& call);
void no_longer_waiting(State& state, core::Session& session, std::size_t bytes);
// A call that was sent in vain goes back to the end of the queue.
void wait_again(State& state, core::Instance& instance, core::Call& call, proto::Message message);

// ends.cpp

// Takes the call out of all tables; its session, if it still has one that waits, is told nothing.
core::Call finish(State& state, core::Instance& instance, core::CallId wire_id);
// The call is over: it is out of all tables, and its client, if one waits, is told so. Calls that have joined
// it come to the same error; a result would have to be put into the words of each client first.
void end(State& state, core::Instance& instance, core::CallId wire_id, const core::Outcome& outcome);
inline void answer(State& state, core::Instance& instance, core::CallId wire_id, std::string raw_result) {
  end(state, instance, wire_id, core::Outcome::result(std::move(raw_result)));
}
inline void fail(State& state, core::Instance& instance, core::CallId wire_id, std::string raw_error) {
  end(state, instance, wire_id, core::Outcome::error(std::move(raw_error)));
}
std::string response(std::string_view raw_id, const core::Outcome& outcome);
// The client is told so; the call is out of the tables, or has been answered with something else.
void send_outcome(State& state, const core::Call& call, const core::Outcome& outcome);
void remember_for_replay(State& state, const core::Park& park, const core::Outcome& outcome);
// Declines it to the server that asked. A question without a server's id was Hearth's own.
void decline_parked(State& state, InstanceId instance, const core::ParkedAsk& ask);
// What a call has come to that is out of the tables: told to its client, and kept for one that is away with a
// ticket.
void conclude(State& state, const core::Call& call, const core::Outcome& outcome);
// The client that waited has gone: its ticket finds nothing any more.
void unpark(State& state, core::ParkId park);

// cancels.cpp

// The call is not waited for any more. If the server has it, it is told why, once, and the call stays in the
// table, cancelled, until it is answered or its time is over; if not, it is forgotten. Where others have
// joined the call, one of them takes its place and nothing is cancelled.
void cancel(State& state, core::Instance& instance, core::CallId wire_id, std::string_view why);
// The same for the call that the client's notification names.
void cancel_by_client(State& state, core::Session& session, core::Instance& instance, const Scanned& message);
// The session leaves.
void abandon_calls(State& state, core::Session& session, core::Instance& instance);

// endings.cpp

// More of the session's calls than may be remembered were cancelled, and the first of them a moment ago.
bool cancels_too_fast(const State& state, const core::Instance& instance, SessionId session);
// Whether a call of another party that is over may still be asking.
bool another_is_ending(const State& state, const core::Instance& instance, const Party& party);
std::optional<base::Instant> endings_deadline(const core::Instance& instance);

// dialogs.cpp

// Whether all calls of the party wait for a person: another has its turn meanwhile.
bool in_dialog(const State& state, const core::Instance& instance, const Party& party);
// A question has been put to a legacy client.
void dialog_begins(State& state, core::Instance& instance);
// What the server hears to a question of that session's calls: now, or when its turn has come again.
void answer_in_turn(State& state, core::Session& session, core::Instance& instance, proto::Message message);
// The session leaves: its answers are given now.
void give_held_answers(State& state, core::Session& session, core::Instance& instance);
// The server no longer waits for them.
void drop_held_answers(State& state, core::Instance& instance);

// shared_answers.cpp

// It is answered with what is kept, or will be with what another call is answered. False: it is to be sent.
bool answered_by_another(State& state, core::Instance& instance, core::Call& call, const Scanned& message);
// The server has answered the call: those who are to be given the same. The answer is kept if it may be.
std::vector<core::CallId> also_answered(State& state, core::Instance& instance, const core::Call& call,
                                        const Scanned& message);
// The server has asked something: it must be certain whose reads it works at.
void part_reads(State& state, core::Instance& instance, proto::Method asked);
// The call's client waits no more. If others have joined it, it changes places with one of them, and the
// server goes on. Returns the id that it has now.
core::CallId make_way(State& state, core::Instance& instance, core::CallId wire_id);
void outdated(core::Instance& instance, core::ListKind kind);
void outdated(core::Instance& instance, std::string_view uri);
void all_outdated(core::Instance& instance);

// blame.cpp

// A call of the server's, or a task, is not over.
bool works_at_something(State& state, core::Instance& server);
// The call is about to be sent: what it is, should the server die of it.
void identify(const State& state, core::Call& call, const Scanned& message);
// The server has died of it too often. True: it has been refused, and is out of the tables.
bool kills_its_server(State& state, core::Instance& instance, core::CallId wire_id);
// The server has answered a call of a session's.
void has_answered(State& state, core::Instance& instance, const core::Call& call, const Scanned& message);
// Before the calls of a channel that broke, or of a server that ended unasked, leave the tables.
void channel_broke(State& state, core::Instance& channel);
void blame(State& state, core::Instance& server, const std::string& how);

// levels.cpp

std::optional<core::Level> lowest_wanted(const State& state, const core::Instance& instance);
void level_step(State& state, core::Instance& instance);

// engaged.cpp

bool is_parked_at(const State& state, const core::Session& session, const core::Instance& instance);
// The server has not seen the call, or does not know that it is this session's.
bool goes_along(const core::Instance& instance, const core::Call& call);
std::vector<core::ParkId> parked_at(const State& state, const core::Session& session,
                                    const core::Instance& instance);
// A call of the session's is with the server, or a question of the server's with its client.
bool has_something_there(const State& state, const core::Session& session, const core::Instance& instance);

// task_requests.cpp

// The server is told, once, that nobody waits for the task.
void cancel_task(State& state, core::Instance& instance, const std::string& id, core::Task& task);
// The call will not be answered with what its task comes to; false: it has none.
bool leave_task(State& state, core::Instance& instance, const core::Call& call);
// A request of ours about a task of that session's.
void ask_about_task(State& state, core::Instance& instance, core::Purpose purpose, proto::Method method,
                    const std::string& id, SessionId owner, std::string_view responses = {});

}  // namespace broker
