// What the broker's parts share: the tables, the outbox, and the few things that every part does.
//
// The parts are files of free functions over this state, each named after what it handles: clients.cpp (what
// clients say), servers.cpp (what servers say), calls.cpp, shared_answers.cpp (one answer for several),
// asks.cpp, blame.cpp (what servers die of), interests.cpp (subscriptions, levels, list changes), roots.cpp,
// placement.cpp, lifecycle.cpp (processes), deadlines.cpp, sessions.cpp (beginning and end). None of them
// calls out: what has to be done in the world is left in the outbox.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/slot_map.h"
#include "broker/broker.h"
#include "broker/instances.h"
#include "core/instance.h"
#include "core/parks.h"
#include "core/session.h"
#include "core/share_key.h"
#include "core/task_owners.h"
#include "face/legacy_server.h"
#include "face/modern_server.h"
#include "proto/envelope.h"
#include "proto/rpc.h"

namespace broker {

struct Broker::State {
  Options options;
  base::SlotMap<core::SessionTag, core::Session> sessions;
  Instances instances;
  core::Parks parks;
  core::TaskOwners task_owners;
  std::vector<Action> outbox;
  base::Instant now;
  base::Instant begun;
  base::Instant quiet_since;  // When the last session left.
  std::uint64_t instances_ever = 0;
  std::uint64_t waits_ever = 0;
  std::vector<InstanceId> freed;  // Servers with one call at a time that may take the next (one_call.cpp).
  bool retired = false;
  std::vector<InstanceId> to_settle;              // Servers whose sessions may belong elsewhere (apart.h).
  std::optional<DaemonLeaves::Sessions> leaving;  // The daemon ends: nothing is started any more.
  // While a line of a server's is looked at: the call of its on whose stream the line came, by our id; 0 if
  // none.
  std::int64_t heard_on = 0;

  void send(SessionId session, proto::Message message) {
    outbox.push_back(SendToSession{session, std::move(message)});
  }
  void send(SessionId session, std::string text) { send(session, proto::Message(std::move(text))); }
  // The same for what is about one of the session's calls, named by the client's raw id; empty for none.
  void send_about(SessionId session, proto::Message message, std::string concerns) {
    outbox.push_back(SendToSession{session, std::move(message), std::nullopt, std::move(concerns)});
  }
  // The answer to a request that never becomes a call. It is owed until it is written, like any other.
  void reply(core::Session& session, std::string_view raw_id, std::string text);
  // The answer to a call that is out of the tables already.
  void send_answer(const core::Call& call, proto::Message message) {
    outbox.push_back(SendToSession{call.session, std::move(message), call.journal_slot});
  }
  // What is said to a server that is being stopped would never be read.
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
};

using State = Broker::State;

// One message of a peer, scanned. Bytes of a batch's element share the batch's buffer.
struct Scanned {
  base::Bytes bytes;
  proto::Envelope envelope;
  std::string_view of(proto::Span span) const { return span.in(bytes.text); }
};

// clients.cpp
void client_line(State& state, core::Session& session, const proto::Line& line);
// Also the beginning of a session that was restored while its initialize had no answer.
void client_initialize(State& state, core::Session& session, const Scanned& message);

// servers.cpp
void server_line(State& state, core::Instance& instance, const proto::Line& line);
// The session's call is answered with what the server said, in the form that its client knows.
void pass_answer(State& state, core::Instance& instance, std::int64_t wire_id, const Scanned& message);
// The call that has been sent under that raw id.
core::Call* call_of(core::Instance& instance, std::string_view raw_id);

// What a modern request says beside what it asks for.
struct Asked {
  proto::Era era = proto::Era::legacy;
  core::Abilities abilities;
  std::optional<core::Level> level;
};

// modern_clients.cpp
// A request with a claim.
void modern_request(State& state, core::Session& session, const Scanned& message);
// A subscriptions/listen that was open under an earlier daemon.
enum class Told : std::uint8_t { by_us, by_an_earlier_daemon };
void listens_again(State& state, core::Session& session, const Scanned& message, Told told);
// What was filed before the server turned out to be a legacy one, and cannot be said to it.
bool only_a_modern_server_knows(const core::Call& call, const Scanned& message);
// Answers the clients that asked server/discover before the server was known.
void answer_discovers(State& state, core::Instance& instance);
// A legacy server's answer to a modern client's call, which is out of the tables already.
void modern_answer(State& state, core::Instance& instance, const core::Call& call, const Scanned& message);

// Takes turns at an interactive server: a legacy session, or one call of a modern one (asked per call).
struct Party {
  SessionId session;
  std::int64_t call = 0;
  auto operator<=>(const Party&) const = default;
};
Party party_of(const core::Call& call);

// endings.cpp
// The server has been told that nobody waits for the call, which stays in the table until it answers.
void becomes_cancelled(State& state, core::Instance& instance, core::Call& call);
// More of the session's calls than may be remembered were cancelled, and the first of them a moment ago.
bool cancels_too_fast(const State& state, const core::Instance& instance, SessionId session);
// Whether a call of another party that is over may still be asking.
bool another_is_ending(const State& state, const core::Instance& instance, const Party& party);
void hold_question(State& state, core::Instance& instance, const Scanned& message);
// The server withdraws it. False: none of that id is held.
bool drop_held(core::Instance& instance, std::string_view raw_id);
void put_held_questions(State& state, core::Instance& instance);
std::optional<base::Instant> endings_deadline(const core::Instance& instance);
void endings_tick(State& state, core::Instance& instance);

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

// listens.cpp
void client_listens(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
                    Told told = Told::by_us);
// The server is ready: what was asked for is asked for there.
void begin_listens(State& state, core::Instance& instance);
void listen_outcome(State& state, core::Instance& instance, std::int64_t listen, const std::string& uri,
                    bool granted);
// The server tells nobody of the resource any more: those that were granted it and have not been told yet.
void refused_to_listens(State& state, core::Instance& instance, const std::string& uri);
// Its call is over.
void end_listen(State& state, core::Instance& instance, std::int64_t listen);
void tell_listens(State& state, core::Instance& instance, core::ListKind kind);
void tell_listen(State& state, core::Instance& instance, std::int64_t listen, const std::string& uri);
void flush_listen(State& state, core::Instance& instance, core::Listen& listen);

// A modern server has answered for the tasks that were asked of it: those of `granted` will be told of.
void listens_decide_tasks(State& state, core::Instance& instance, const std::set<std::string>& asked,
                          const std::set<std::string>& granted);

// modern_tasks.cpp
// Of a greeted server: whether the request may name tasks at all, and that one; if not, it has been refused.
bool may_name_task(State& state, core::Session& session, const core::Instance& instance,
                   const Scanned& message);
// A modern server's answer to a modern client: a task is its client's from now on.
void note_modern_task(State& state, const core::Call& call, const Scanned& message);
// notifications/tasks: `params` say how the task is now.
void tell_task(State& state, core::Instance& instance, const std::string& task, std::string_view params);
void task_told(State& state, core::Instance& instance, const Scanned& message);

// sessions.cpp
void session_opened(State& state, SessionOpened event);
// The client answers no question any more. Open ones and later ones are given up at once.
void session_input_ended(State& state, core::Session& session);
void session_closed(State& state, core::Session& session, std::string reason);
void session_unblocked(State& state, core::Session& session);

// presence.cpp
void session_away(State& state, core::Session& session);
void session_back(State& state, core::Session& session);
// Starts the idle time of its process, if everybody who shares that is away.
void consider_idle(State& state, core::Instance& instance);
// Of an instance that is no channel: somebody who shares it is there; a call or a task of theirs runs.
bool needed_by_anybody(const State& state, const core::Instance& instance);
bool works_for_somebody(const State& state, const core::Instance& instance);
void pause(State& state, core::Session& session, core::Pause reason);
void resume(State& state, core::Session& session, core::Pause reason);
void note_setup(State& state, core::Session& session);
// Notes in the journal that the client is owed an answer, and returns the slot that its writing will free.
std::optional<std::uint16_t> note_call(State& state, core::Session& session, std::string_view raw_id);
// The client's initialize is answered from what the server said.
void answer_initialize(State& state, core::Session& session, core::Instance& instance);
void fail_initialize(State& state, core::Session& session, std::string_view raw_error);

// declaring.cpp
// What the server is told with our initialize; it is remembered.
face::Declared declare(State& state, core::Instance& instance);
// The session is the only one of a server that was told otherwise: that is started again.
void declare_anew(State& state, core::Session& session, core::Instance& instance);
// For people: what it was told (or its conversations were, if it speaks HTTP), and what clients of its
// sessions can do beside that.
std::vector<std::string> declared_to(const State& state, const core::Instance& instance);
std::vector<std::string> undeclared_to(const State& state, const core::Instance& instance);

// placement.cpp
core::Instance& place(State& state, core::Session& session);
// The same for one that may have its place already.
core::Instance& placed(State& state, core::Session& session);
core::Instance& place_for_nobody(State& state, core::ServerSpec spec);
void leave(State& state, core::Session& session, core::Instance& instance);

// settings.cpp
// Its spec is new: in which order its calls go.
void settle_order(core::Instance& instance);
// A session with that spec joins those of the server: from now on the stricter settings of the two hold.
void heed_stricter(State& state, core::Instance& server, const core::ServerSpec& asking);

// calls.cpp
void forward_call(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
                  proto::Method method, const Asked& asked = {});
// A call that is answered by us when something else has happened; it counts as in flight until then.
std::int64_t hold_call(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
                       proto::Method method, const Asked& asked = {});
// The client's side of a parked call: whoever comes back with its ticket.
enum class Attached : std::uint8_t { has_its_turn, waits };
Attached attach(State& state, core::Session& session, core::Instance& instance, core::Call& call,
                const Scanned& message);
void detach(State& state, core::Instance& instance, core::Call& call);
// One that had joined another is sent, after all.
void go_alone(State& state, core::Instance& instance, core::Call& call);
// A notification of a client's for the server.
void forward_notice(State& state, core::Session& session, core::Instance& instance, const Scanned& message);
std::int64_t own_call(core::Instance& instance, core::Purpose purpose, std::string uri = {});
// Takes the call out of all tables; its session, if it still has one that waits, is told nothing.
core::Call finish(State& state, core::Instance& instance, std::int64_t wire_id);
void answer(State& state, core::Instance& instance, std::int64_t wire_id, std::string_view raw_result);
void fail(State& state, core::Instance& instance, std::int64_t wire_id, std::string_view raw_error);
void cancel_by_client(State& state, core::Session& session, core::Instance& instance, const Scanned& message);
void abandon_calls(State& state, core::Session& session, core::Instance& instance);
void drain_waiting(State& state, core::Instance& instance);
// Whether a call that may ask is being worked at for another party.
bool taken_by_another(const State& state, core::Instance& instance, const Party& party);
bool must_wait_its_turn(const State& state, core::Instance& instance, const core::Call& call);
void no_longer_waiting(State& state, core::Session& session, std::size_t bytes);
// A call that was sent in vain goes back to the end of the queue.
void wait_again(State& state, core::Instance& instance, core::Call& call, proto::Message message);
// The call as its server wants to hear it.
proto::Message for_server(State& state, const core::Instance& instance, core::Call& call,
                          const Scanned& message);
// The raw id of the session's call that the server's current message is about.
// Empty if that cannot be told, or the session does not want to know.
std::string concerned_call(const State& state, const core::Session& session, const core::Instance& instance);

// shared_answers.cpp
// It is answered with what is kept, or will be with what another call is answered. False: it is to be sent.
bool answered_by_another(State& state, core::Instance& instance, core::Call& call, const Scanned& message);
// The server has answered the call: those who are to be given the same. The answer is kept if it may be.
std::vector<std::int64_t> also_answered(State& state, core::Instance& instance, const core::Call& call,
                                        const Scanned& message);
// The server has asked something: it must be certain whose reads it works at.
void part_reads(State& state, core::Instance& instance, proto::Method asked);
// The call's client waits no more. If others have joined it, it changes places with one of them, and the
// server goes on. Returns the id that it has now.
std::int64_t make_way(State& state, core::Instance& instance, std::int64_t wire_id);
void outdated(core::Instance& instance, core::ListKind kind);
void outdated(core::Instance& instance, std::string_view uri);
void all_outdated(core::Instance& instance);

// channels.cpp
StartInstance start_of(const core::Instance& instance);
// Starting: opened at once, or when its server answers.
void open_channel(State& state, core::Instance& channel);
void instance_answers(State& state, core::Instance& instance);
void instance_forgot(State& state, core::Instance& channel, const InstanceForgot& event);
// The server was sent it in vain: it had no effect, so it may be sent again once there is somebody to send it
// to.
void send_again(State& state, core::Instance& instance, const proto::Message& message);
// Their server is gone; instance.trouble says how.
void channels_lost(State& state, core::Instance& instance);
// The channel is about to leave the tables.
void channel_forgotten(State& state, core::Instance& channel);
void start_wanted(State& state, core::ServerSpec spec);

// asks.cpp
void server_ask(State& state, core::Instance& instance, const Scanned& message, proto::Method method);
// A question that was held: once more, and not beyond that time.
void put_again(State& state, core::Instance& instance, const Scanned& message, base::Instant until);
void server_cancels_ask(State& state, core::Instance& instance, const Scanned& message);
void client_answer(State& state, core::Session& session, core::Instance& instance, const Scanned& message);
void ask_due(State& state, core::Instance& instance, const core::Instance::AskDue& due);
// The session goes: the server is told that nobody will answer.
void refuse_asks(State& state, core::Session& session, core::Instance& instance);
// The server goes: the client is told that nobody waits for its answers.
void withdraw_asks(State& state, core::Instance& instance);

// roots.cpp
void server_asks_roots(State& state, core::Instance& instance, std::string_view raw_id);
void roots_answered(State& state, core::Session& session, core::Instance& instance,
                    std::string_view raw_result);
void roots_changed(State& state, core::Session& session, core::Instance& instance);
void roots_left(State& state, core::Session& session, core::Instance& instance);
void roots_due(State& state, core::Instance& instance);
// The client is asked, unless it is being asked already. `about`: on the stream of that call of its, by its
// raw id.
void ask_for_roots(State& state, core::Session& session, core::Instance& instance, std::string about = {});
std::int64_t new_ask(State& state, core::Session& session, core::Instance& instance, core::Ask ask);

// interests.cpp
std::string too_many_subscriptions();
void client_subscribes(State& state, core::Session& session, core::Instance& instance,
                       const Scanned& message);
void client_unsubscribes(State& state, core::Session& session, core::Instance& instance,
                         const Scanned& message);
void subscription_step(State& state, core::Instance& instance, const std::string& uri);
void subscription_answered(State& state, core::Instance& instance, const core::Call& call,
                           const Scanned& message);
// Answers the calls that waited for it: with the result, or, if that is empty, with the error.
void subscription_outcome(State& state, core::Instance& instance, const std::string& uri,
                          std::string_view raw_result, std::string_view raw_error);
// Answers them with the error; sessions that are subscribed already stay so.
void subscription_put_off(State& state, core::Instance& instance, const std::string& uri,
                          std::string_view raw_error);
void client_sets_level(State& state, core::Session& session, core::Instance& instance,
                       const Scanned& message);
void level_step(State& state, core::Instance& instance);
void level_answered(State& state, core::Instance& instance, const Scanned& message);
void server_logs(State& state, core::Instance& instance, const Scanned& message);
void resource_told(State& state, core::Instance& instance, const std::string& uri);
void resource_updated(State& state, core::Instance& instance, const Scanned& message);
void list_changed(State& state, core::Instance& instance, core::ListKind kind);
void tell_list(State& state, core::Instance& instance, core::ListKind kind);
void flush_lists(State& state, core::Session& session);
void restore_interests(State& state, core::Instance& instance);
// What could not be subscribed to before, or was lost, is asked for now.
void restore_subscriptions(State& state, core::Instance& instance);

// lifecycle.cpp
// Sees to it that the server is running or on its way. False: it may not be tried now; instance.trouble says
// why.
bool wake(State& state, core::Instance& instance);
void stop(State& state, core::Instance& instance);
void begin_start_time(State& state, core::Instance& instance);
// Backing off, and the time has come.
void retry(State& state, core::Instance& instance);
void instance_started(State& state, core::Instance& instance, std::int64_t pid);
void instance_start_failed(State& state, core::Instance& instance, std::string why);
void instance_exited(State& state, core::Instance& instance, const InstanceExited& event);
void instance_spoke(State& state, core::Instance& instance);
void restart(State& state, core::Instance& instance);
void stop_by_person(State& state, core::Instance& instance);
void daemon_leaves(State& state, DaemonLeaves::Sessions sessions);
void instance_overflowed(State& state, core::Instance& instance, std::size_t queued_bytes);
void consider_forgetting(State& state, InstanceId id);

// blame.cpp
// A call of the server's, or a task, is not over.
bool works_at_something(State& state, core::Instance& server);
// The call is about to be sent: what it is, should the server die of it.
void identify(const State& state, core::Call& call, const Scanned& message);
// The server has died of it too often. True: it has been refused, and is out of the tables.
bool kills_its_server(State& state, core::Instance& instance, std::int64_t wire_id);
// The server has answered a call of a session's.
void has_answered(State& state, core::Instance& instance, const core::Call& call, const Scanned& message);
// Before the calls of a channel that broke, or of a server that ended unasked, leave the tables.
void channel_broke(State& state, core::Instance& channel);
void blame(State& state, core::Instance& server, const std::string& how);

// greeting.cpp
void greet(State& state, core::Instance& instance);
// Our own initialize.
void say_initialize(State& state, core::Instance& instance);
// The server says nothing to server/discover in time.
void nothing_discovered(State& state, core::Instance& instance);
void instance_discovered(State& state, core::Instance& instance, std::int64_t call, const Scanned& message);
void instance_greeted(State& state, core::Instance& instance, const Scanned& message);
// It is to be started again at once: server/discover was too much for it,
bool ended_on_being_asked(const core::Instance& instance);
// or it refused the revision that it was offered, and there are others.
bool ended_on_being_offered(const State& state, const core::Instance& instance);

// rounds.cpp
// A modern server wants answers before it answers a legacy client's call.
void begin_round(State& state, core::Instance& instance, core::Call& call, const Scanned& message);
// The client's answer to one of them; raw_result is empty if it gave none.
void round_answered(State& state, core::Session& session, core::Instance& instance, std::int64_t ask,
                    const core::Ask& what, std::string_view raw_result);
// The call is over, and nobody needs to be asked any more.
void end_round(State& state, core::Instance& instance, std::int64_t call);
// Makes the calls again that waited for their turn.
void rounds_go_on(State& state, core::Instance& instance);
std::optional<base::Instant> rounds_deadline(const core::Instance& instance);
void rounds_tick(State& state, core::Instance& instance);

// upstream_listen.cpp
// Opens or changes what we listen to at a modern server, if somebody wants something else than it tells.
void upstream_step(State& state, core::Instance& instance);
void upstream_acknowledged(State& state, core::Instance& instance, const Scanned& message);
void upstream_tick(State& state, core::Instance& instance);
std::optional<base::Instant> upstream_deadline(const core::Instance& instance);
void upstream_ended(State& state, core::Instance& instance, std::int64_t call, const Scanned& message);

// The client is asked all of it; the call waits.
void ask_in_round(State& state, core::Instance& instance, core::Call& call,
                  const std::vector<face::InputRequest>& requests);

// task_bridge.cpp: a modern server's tasks, for legacy clients
void modern_server_made_task(State& state, core::Instance& instance, core::Call& call,
                             std::string_view raw_result);
// A task was asked for, and the call answered without one.
void task_done_at_once(State& state, core::Instance& instance, const core::Call& call,
                       std::string_view raw_result);
void legacy_task_request(State& state, core::Session& session, core::Instance& instance,
                         const Scanned& message, proto::Method method);
void modern_task_answered(State& state, core::Instance& instance, std::int64_t wire_id,
                          const Scanned& message);
void task_polled(State& state, core::Instance& instance, const core::Call& call, const Scanned& message);
// The call waits for a task, and these are its client's answers for that. False: it does not.
bool answers_task(State& state, core::Instance& instance, std::int64_t wire_id, std::string_view responses);
void tasks_tick(State& state, core::Instance& instance);
// The server is told, once, that nobody waits for the task.
void cancel_task(State& state, core::Instance& instance, const std::string& id, core::Task& task);
// a legacy server's tasks, for modern clients
void learn_task_tools(core::Instance& instance, std::string_view raw_result);
// A client that knows tasks is here: what may be one has to be known.
void want_task_tools(State& state, core::Instance& instance);
void task_tools_listed(State& state, core::Instance& instance, const Scanned& message);
bool becomes_task(const core::Instance& instance, const core::Call& call, std::string_view raw_params);
// False: it answered without one.
bool legacy_server_made_task(State& state, core::Instance& instance, core::Call& call,
                             const Scanned& message);
void modern_task_request(State& state, core::Session& session, core::Instance& instance,
                         const Scanned& message, proto::Method method, const Asked& asked);
// The call is out of the tables.
void legacy_task_answered(State& state, core::Instance& instance, const core::Call& call,
                          std::string_view result);
void task_fetched(State& state, core::Instance& instance, const core::Call& call, const Scanned& message);
// The call will not be answered with what its task comes to; false: it has none.
bool leave_task(State& state, core::Instance& instance, const core::Call& call);
// A legacy server says how a modern client's task goes on.
void bridged_task_status(State& state, core::Instance& instance, const Scanned& message);
// False: no modern client that can answer it owns the task that the question belongs to.
bool task_asks_modern_client(State& state, core::Instance& instance, const Scanned& message,
                             proto::Method method, core::Mode mode);

// task_ends.cpp
// The task is remembered; those who wait for one that has to make room are told.
void task_created(State& state, core::Instance& instance, const std::string& id, core::Task task);
// The server knows its tasks no more.
void tasks_lost(State& state, core::Instance& instance, const std::string& raw_error);
// Results that are too much to keep are dropped; who asks for one is told so.
void bound_results(core::Instance& instance, SessionId owner);
// Questions of tasks that have had their time.
void task_asks_due(State& state, core::Instance& instance);
void tasks_leave(State& state, core::Session& session, core::Instance& instance);

// deadlines.cpp
std::optional<base::Instant> deadline_of(const core::Instance& instance);
void tick(State& state, core::Instance& instance);

// What an error about this server says to a client; `sentence` without the server's name.
std::string error_about(const core::Instance& instance, std::string_view sentence, bool retryable);

}  // namespace broker
