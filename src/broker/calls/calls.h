// Calls: filed under an id of ours, sent when the server can take them and it is their turn, answered under
// the client's own id.
//
// finish() takes a call out of every table at once. What its end means to rooms above goes to them as a
// notice. Turns, shared answers and what a call may have done to its server are decided here; what a server's
// answer means in the words of another revision is not (sorting/).
#pragma once

#include "broker/context/state.h"

namespace broker {

// What attach() did: the call goes on at once, or is queued until its turn comes.
enum class Attached : std::uint8_t { has_its_turn, waits };

// calls.cpp

// Files a request of the session's and sends it, or queues it and wakes the server. The client is told if
// neither is possible. The call may be over, and `session` paused, on return.
void forward_call(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
                  proto::Method method, const Asked& asked = {});
// Files a request that Hearth answers itself later. It counts as in flight until then. Returns its id.
core::CallId hold_call(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
                       proto::Method method, const Asked& asked = {});
// A client has come back with the ticket of this parked call: from now on `message` is the request that the
// call answers. If the call has to wait, its turn comes as a notice (TurnCame).
Attached attach(State& state, core::Session& session, core::Instance& instance, core::Call& call,
                const Scanned& message);
// The client's request has been answered with questions: the call is parked, and belongs to no request of the
// client's until attach().
void detach(State& state, core::Instance& instance, core::Call& call);
// A call that had joined another is sent itself, or queued.
void go_alone(State& state, core::Instance& instance, core::Call& call);
// Sends a client's notification, or queues it. Drops it if no process runs or is coming up; starts none.
void forward_notice(State& state, core::Session& session, core::Instance& instance, const Scanned& message);
// Files a request of Hearth's own as sent. The caller sends it, under the id that is returned.
core::CallId own_call(core::Instance& instance, core::Purpose purpose, std::string uri = {});
// The client's request with our id and token in it, or rewritten for a server of the other era.
proto::Message for_server(State& state, const core::Instance& instance, core::Call& call,
                          const Scanned& message);

// waiting.cpp (what only calls.cpp needs of it is in waiting.h)

// Sends what is queued and may go now, in order. Call it after anything that may let a queued message go: the
// server is ready, a call has ended, roots are known.
void drain_waiting(State& state, core::Instance& instance);
// Whether the server works at a call of another party that may ask. Not if that party waits for a person.
bool taken_by_another(const State& state, core::Instance& instance, const Party& party);
// Whether the call, which is not queued yet, has to be.
bool must_wait_its_turn(const State& state, core::Instance& instance, const core::Call& call);
// The message leaves the queue; its session is read from again if little enough is left there.
void no_longer_waiting(State& state, core::Session& session, core::Waiting& waiting);
// A call that was sent in vain goes to the end of the queue, and so do those that have joined it.
void wait_again(State& state, core::Instance& instance, core::Call& call, proto::Message message);

// Whether the session has so many calls, or so much of their requests is kept, that its client is not read
// until some are answered.
bool has_many_calls(const core::Session& session);
// A call of the session, or what was kept of one, is gone: its client is read again if few are left.
void reads_again(State& state, core::Session& session);
// Keeps the request as the client wrote it until the call is answered.
void keep_request(State& state, core::Call& call, const base::Bytes& request);

// ends.cpp

// Takes the call out of all tables and returns it. Its client is told nothing: the caller answers it, or
// frees its slot of the journal.
core::Call finish(State& state, core::Instance& instance, core::CallId wire_id);
// Takes the call out of all tables and gives the outcome to its client, if one waits. Calls that have joined
// it end with the same error. A result is not shared here, because it has to be put into the words of each
// client first: nothing may have joined the call then (also_answered).
void end(State& state, core::Instance& instance, core::CallId wire_id, const core::Outcome& outcome);
inline void answer(State& state, core::Instance& instance, core::CallId wire_id, std::string raw_result) {
  end(state, instance, wire_id, core::Outcome::result(std::move(raw_result)));
}
inline void fail(State& state, core::Instance& instance, core::CallId wire_id, std::string raw_error) {
  end(state, instance, wire_id, core::Outcome::error(std::move(raw_error)));
}
// The whole JSON-RPC response to a client's request, by its raw id.
std::string response(std::string_view raw_id, const core::Outcome& outcome);
// Only answers the client. The call is out of the tables already, or stays there and is detached next.
void send_outcome(State& state, const core::Call& call, const core::Outcome& outcome);
// Declines the question at the server. Does nothing for a question of Hearth's own, which has no server's id.
void decline_parked(State& state, InstanceId instance, const core::ParkedAsk& ask);
// Gives the outcome to the call's client, or, if that is away with a ticket, keeps it until it comes back.
// Questions that are still open because of the call are declined. Leaves the table alone.
void conclude(State& state, const core::Call& call, const core::Outcome& outcome);
// Ends a park, if there still is one, and declines its questions. Its tickets find nothing any more.
void unpark(State& state, core::ParkId park);

// cancels.cpp

// The call is not waited for any more. If the server has it, it is told why, once, and the call stays in the
// table, cancelled, until it is answered or its time is over; if not, it is forgotten. Where others have
// joined the call, one of them takes its place and nothing is cancelled.
void cancel(State& state, core::Instance& instance, core::CallId wire_id, std::string_view why);
// The same for the call that the client's notification names.
void cancel_by_client(State& state, core::Session& session, core::Instance& instance, const Scanned& message);
// The server has been greeted: tells it of the calls that were cancelled since it forgot its conversation.
void tell_of_cancelled(State& state, core::Instance& instance);
// Cancels all calls of a session that leaves, and drops what it has in the queue.
void abandon_calls(State& state, core::Session& session, core::Instance& instance);

// endings.cpp

// The limit, if the session has cancelled as many calls as are remembered, all of them a moment ago. Its next
// call is refused.
std::optional<core::Full> cancels_too_fast(const State& state, const core::Instance& instance,
                                           const core::Session& session);
// Whether a call of another party that is over may still be asking.
bool another_is_ending(const State& state, const core::Instance& instance, const Party& party);
// When something that is queued or held may go on because time has passed: a call that was cancelled counts
// no more, or a person has been asked for long enough that others have their turn.
std::optional<base::Instant> endings_deadline(const core::Instance& instance);

// dialogs.cpp

// Whether all calls of the party wait for a person: another has its turn meanwhile.
bool in_dialog(const State& state, const core::Instance& instance, const Party& party);
// A question has been put to a legacy client.
void dialog_begins(State& state, core::Instance& instance);
// Sends the server an answer to a question that the session was asked, or queues it until its turn is back.
void answer_in_turn(State& state, core::Session& session, core::Instance& instance, proto::Message message);
// The session leaves: sends its queued answers now.
void give_held_answers(State& state, core::Session& session, core::Instance& instance);
// The server that asked is gone: drops all queued answers.
void drop_held_answers(State& state, core::Instance& instance);

// shared_answers.cpp

// Answers the call from the cache (by a notice, AnswerKept), or joins it to another that asks the same.
// False: the caller has to send it.
bool answered_by_another(State& state, core::Instance& instance, core::Call& call, const Scanned& message);
// The server has answered the call. Returns the calls that have joined it and are to be given the same
// answer; if that is for one client only, sends them on their own instead. Caches the answer if it may.
std::vector<core::CallId> also_answered(State& state, core::Instance& instance, const core::Call& call,
                                        const Scanned& message);
// The server has asked `asked`, and it must be certain which client a read is for: calls that have joined
// another's resources/read are sent on their own, and none joins a read from now on.
void part_reads(State& state, core::Instance& instance, proto::Method asked);
// The call's client waits no more. If others have joined it, it changes places with one of them, and the
// server goes on. Returns the id that it has now.
core::CallId make_way(State& state, core::Instance& instance, core::CallId wire_id);
// These lists, this resource, or everything has changed: forgets what is cached of it. An answer that is
// under way is not kept, and nobody joins its call any more.
void outdated(core::Instance& instance, core::ListKind kind);
void outdated(core::Instance& instance, std::string_view uri);
void all_outdated(core::Instance& instance);

// blame.cpp

// Whether the server, in any of its conversations, has a call or a task that is not over.
bool works_at_something(State& state, core::Instance& server);
// Notes the tool and the digest of the call, by which it is known again should the server die of it.
void identify(const State& state, core::Call& call, const Scanned& message);
// The server has died of it too often. True: it has been refused, and is out of the tables.
bool kills_its_server(State& state, core::Instance& instance, core::CallId wire_id);
// The server has answered a session's call: it works, and that call is no suspect.
void has_answered(State& state, core::Instance& instance, const core::Call& call, const Scanned& message);
// A channel broke, or a server ended unasked: the calls that ran there become suspects. To be called while
// they are still in the tables. `how` the server ended, for people.
void channel_broke(State& state, core::Instance& channel);
void blame(State& state, core::Instance& server, const std::string& how);

// levels.cpp

// Absent: no session and no running call wants log lines of a certain level.
std::optional<core::Level> lowest_wanted(const State& state, const core::Instance& instance);
// Tells a legacy server the lowest wanted level, if it has been told another. May insert a call, which moves
// the others in the table.
void level_step(State& state, core::Instance& instance);

// engaged.cpp

// Parks of the session whose calls still run at this server.
std::vector<core::ParkId> parked_at(const State& state, const core::Session& session,
                                    const core::Instance& instance);
bool is_parked_at(const State& state, const core::Session& session, const core::Instance& instance);
// The call can be moved to another server with its session: this one has not seen it, or does not know that
// it is this session's.
bool goes_along(const core::Instance& instance, const core::Call& call);
// The session cannot be moved yet: it has a call, a task or a park at the server, or its client has a
// question of the server's. A question of Hearth's own for roots does not count.
bool has_something_there(const State& state, const core::Session& session, const core::Instance& instance);

// task_requests.cpp

// The server is told, once, that nobody waits for the task.
void cancel_task(State& state, core::Instance& instance, const std::string& id, core::Task& task);
// The call's client waits no more. If the call has become a task, cancels that; false: it has not.
bool leave_task(State& state, core::Instance& instance, const core::Call& call);
// Sends a request of our own about a task of that session's. `responses`: raw inputResponses, or empty.
void ask_about_task(State& state, core::Instance& instance, core::Purpose purpose, proto::Method method,
                    const std::string& id, SessionId owner, std::string_view responses = {});

}  // namespace broker
