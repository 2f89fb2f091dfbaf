// What becomes of a server, and what that means to its sessions and calls: it comes up, is greeted, ends,
// forgets, is stopped or is tried again.
#pragma once

#include "broker/context/state.h"

namespace broker {

// lifecycle.cpp

// The instance is backing off, and its time to wait is over.
void retry(State& state, core::Instance& instance);
void instance_started(State& state, core::Instance& instance, std::int64_t pid);
void instance_start_failed(State& state, core::Instance& instance, std::string why);
void instance_exited(State& state, core::Instance& instance, const InstanceExited& event);
// The server wrote on stderr: it gets more time to start.
void instance_spoke(State& state, core::Instance& instance);
// A person's wish. What crashes and refused calls have taught is forgotten.
void restart(State& state, core::Instance& instance);
void stop_by_person(State& state, core::Instance& instance);
void daemon_leaves(State& state, DaemonLeaves::Sessions sessions);
void instance_overflowed(State& state, core::Instance& instance, std::size_t queued_bytes);

// channels.cpp

// The port answers: the channels that have waited for it are opened.
void instance_answers(State& state, core::Instance& instance);
void instance_forgot(State& state, core::Instance& channel, const InstanceForgot& event);
// A message reached no server, and so had no effect. If it is a session's call that still waits, queues it
// again; a request of our own is dropped, because it is made anew with the next conversation.
void send_again(State& state, core::Instance& instance, const proto::Message& message);
// The server is gone, as instance.trouble says: its channels fall with it, and the last may take
// `instance` out of the tables.
void channels_lost(State& state, core::Instance& instance);
// The server is to run although no session needs it yet; it stops when it has been idle for its time.
void start_wanted(State& state, core::ServerSpec spec);

// conversation.cpp

// What was said in this conversation counts no more: questions to clients are withdrawn, calls that wait for
// a task fail with the error, list changes that wait are told, `talk` is made anew. Other calls stay in the
// table: over HTTP their answers may still come.
void end_conversation(State& state, core::Instance& instance, const std::string& raw_error);

// greeting.cpp

// The process runs, or the channel is open: asks which era the server is of, or sends initialize.
void greet(State& state, core::Instance& instance);
// Sends our own initialize.
void say_initialize(State& state, core::Instance& instance);
// The server has not answered server/discover in time.
void nothing_discovered(State& state, core::Instance& instance);
void instance_discovered(State& state, core::Instance& instance, core::CallId call, const Scanned& message);
void instance_greeted(State& state, core::Instance& instance, const Scanned& message);
// The server that ended is to be started again at once. It ended because it was asked server/discover,
bool ended_on_being_asked(const core::Instance& instance);
// or because it refused the revision that it was offered, and there are others to offer.
bool ended_on_being_offered(const State& state, const core::Instance& instance);

}  // namespace broker
