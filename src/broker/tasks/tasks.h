// Tasks: whose they are, and how they are followed where client and server are of different eras.
//
// A task belongs to the session, or principal, whose call became it. Everybody who waits for it hears how it
// ended, also if its server never says so.
#pragma once

#include "broker/context/state.h"

namespace broker {

// modern_server_for_legacy_client.cpp

// A modern server has answered a legacy client's call with a task: follows it.
void modern_server_made_task(State& state, core::Instance& instance, core::Call& call,
                             std::string_view raw_result);
// A legacy client asked for a task, and the server answered at once: makes up one that has ended.
void task_done_at_once(State& state, core::Instance& instance, const core::Call& call,
                       std::string_view raw_result);
void legacy_task_request(State& state, core::Session& session, core::Instance& instance,
                         const Scanned& message, proto::Method method);
void modern_task_answered(State& state, core::Instance& instance, core::CallId wire_id,
                          const Scanned& message);
void task_polled(State& state, core::Instance& instance, const core::Call& call, const Scanned& message);
// The call waits for a task, and these are its client's answers for that. False: it does not.
bool answers_task(State& state, core::Instance& instance, core::CallId wire_id, std::string_view responses);
void tasks_tick(State& state, core::Instance& instance);

// legacy_server_for_modern_client.cpp

// What its list says of tools that may be tasks.
void learn_task_tools(core::Instance& instance, std::string_view raw_result);
// A client that knows tasks is here: asks the server which of its tools may be tasks, unless it was asked.
void want_task_tools(State& state, core::Instance& instance);
void task_tools_listed(State& state, core::Instance& instance, const Scanned& message);
// Follows the task with which the server has answered a modern client's call. False: there is none.
bool legacy_server_made_task(State& state, core::Instance& instance, core::Call& call,
                             const Scanned& message);
void modern_task_request(State& state, core::Session& session, core::Instance& instance,
                         const Scanned& message, proto::Method method, const Asked& asked);
// The server has answered a task request of a modern client's; the call is out of the tables.
void legacy_task_answered(State& state, core::Instance& instance, core::Call call, std::string_view result);
void task_fetched(State& state, core::Instance& instance, const core::Call& call, const Scanned& message);
// A legacy server says how a modern client's task goes on.
void bridged_task_status(State& state, core::Instance& instance, const Scanned& message);
// False: no modern client that can answer it owns the task that the question belongs to.
bool task_asks_modern_client(State& state, core::Instance& instance, const Scanned& message,
                             proto::Method method, core::Mode mode);

// modern_tasks.cpp

// Whether the request may name tasks at all, and this one. False: it has been refused. The server is greeted.
bool may_name_task(State& state, core::Session& session, const core::Instance& instance,
                   const Scanned& message);
// A modern server's answer to a modern client: a task is its client's from now on.
void note_modern_task(State& state, const core::Call& call, const Scanned& message);
// Tells the listens that want the task how it is: `params` of notifications/tasks, raw.
void tell_task(State& state, core::Instance& instance, const std::string& task, std::string_view params);
// A modern server's notifications/tasks.
void task_told(State& state, core::Instance& instance, const Scanned& message);

// task_ends.cpp

// Remembers a task. If an older one has to make room for it, ends that with an error.
void task_created(State& state, core::Instance& instance, const std::string& id, core::Task task);
// The server is gone or has forgotten its tasks: ends all of them with the error.
void tasks_lost(State& state, core::Instance& instance, const std::string& raw_error);
// The task has a result, which is kept for its session. Gives up the oldest of that if they are too much; a
// client that asks for one is told so.
void keep_result(State& state, core::Instance& instance, const std::string& id);
// Its questions that have had their time are declined.
void task_asks_due(State& state, core::Instance& instance, core::Task& task);
// The session leaves: cancels its followed tasks and forgets all of them.
void tasks_leave(State& state, core::Session& session, core::Instance& instance);

}  // namespace broker
