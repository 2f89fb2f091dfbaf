// What becomes of a server, and what that means to its sessions and calls: it comes up, is greeted, ends,
// forgets, is stopped or is tried again.
#pragma once

#include "broker/context/state.h"

namespace broker {

// lifecycle.cpp

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

// channels.cpp

void instance_answers(State& state, core::Instance& instance);
void instance_forgot(State& state, core::Instance& channel, const InstanceForgot& event);
// The server was sent it in vain: it had no effect, so it may be sent again once there is somebody to send it
// to.
void send_again(State& state, core::Instance& instance, const proto::Message& message);
// Their server is gone; instance.trouble says how.
void channels_lost(State& state, core::Instance& instance);
void start_wanted(State& state, core::ServerSpec spec);

// conversation.cpp

// Clients that were asked something, and calls that wait for a task, are told that it is lost. Other calls go
// on: over HTTP their answers may still come.
void end_conversation(State& state, core::Instance& instance, const std::string& raw_error);

// greeting.cpp

void greet(State& state, core::Instance& instance);
// Our own initialize.
void say_initialize(State& state, core::Instance& instance);
// The server says nothing to server/discover in time.
void nothing_discovered(State& state, core::Instance& instance);
void instance_discovered(State& state, core::Instance& instance, core::CallId call, const Scanned& message);
void instance_greeted(State& state, core::Instance& instance, const Scanned& message);
// It is to be started again at once: server/discover was too much for it,
bool ended_on_being_asked(const core::Instance& instance);
// or it refused the revision that it was offered, and there are others.
bool ended_on_being_offered(const State& state, const core::Instance& instance);

}  // namespace broker
