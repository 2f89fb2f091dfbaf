// Tasks: whose they are, and how they are followed where client and server are of different eras.
//
// A task belongs to the session, or principal, whose call became it. Everybody who waits for it hears how it
// ended, also if its server never says so.
#pragma once

#include "broker/context/state.h"

namespace broker {

// modern_server_for_legacy_client.cpp

void modern_server_made_task(State& state, core::Instance& instance, core::Call& call,
                             std::string_view raw_result);
// A task was asked for, and the call answered without one.
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
// A client that knows tasks is here: what may be one has to be known.
void want_task_tools(State& state, core::Instance& instance);
void task_tools_listed(State& state, core::Instance& instance, const Scanned& message);
// False: it answered without one.
bool legacy_server_made_task(State& state, core::Instance& instance, core::Call& call,
                             const Scanned& message);
void modern_task_request(State& state, core::Session& session, core::Instance& instance,
                         const Scanned& message, proto::Method method, const Asked& asked);
// The call is out of the tables.
void legacy_task_answered(State& state, core::Instance& instance, const core::Call& call,
                          std::string_view result);
void task_fetched(State& state, core::Instance& instance, const core::Call& call, const Scanned& message);
// A legacy server says how a modern client's task goes on.
void bridged_task_status(State& state, core::Instance& instance, const Scanned& message);
// False: no modern client that can answer it owns the task that the question belongs to.
bool task_asks_modern_client(State& state, core::Instance& instance, const Scanned& message,
                             proto::Method method, core::Mode mode);

// modern_tasks.cpp

// Of a greeted server: whether the request may name tasks at all, and that one; if not, it has been refused.
bool may_name_task(State& state, core::Session& session, const core::Instance& instance,
                   const Scanned& message);
// A modern server's answer to a modern client: a task is its client's from now on.
void note_modern_task(State& state, const core::Call& call, const Scanned& message);
// notifications/tasks: `params` say how the task is now.
void tell_task(State& state, core::Instance& instance, const std::string& task, std::string_view params);
void task_told(State& state, core::Instance& instance, const Scanned& message);

// task_ends.cpp

// The task is remembered; those who wait for one that has to make room are told.
void task_created(State& state, core::Instance& instance, const std::string& id, core::Task task);
// The server knows its tasks no more.
void tasks_lost(State& state, core::Instance& instance, const std::string& raw_error);
// Results that are too much to keep are dropped; who asks for one is told so.
void bound_results(core::Instance& instance, SessionId owner);
// Its questions that have had their time are declined.
void task_asks_due(State& state, core::Instance& instance, core::Task& task);
void tasks_leave(State& state, core::Session& session, core::Instance& instance);

}  // namespace broker
