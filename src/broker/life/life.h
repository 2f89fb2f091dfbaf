// The life of a server as far as it concerns nobody but the server: started, stopped, idle, forgotten, and
// told what clients can do.
//
// The only room that starts and stops. What the end of a process means to calls and sessions is not known
// here (servers/). A channel is a server's conversation with one session over HTTP, and lives within its
// server.
#pragma once

#include "broker/context/state.h"
#include "face/to_legacy_server.h"

namespace broker {

// life.cpp

// Sees to it that the server is running or on its way. False: it may not be tried now; instance.trouble says
// why.
bool wake(State& state, core::Instance& instance);
// Its process or, of a channel, its conversation is begun, whatever came of the one before.
void start(State& state, core::Instance& instance);
// A channel is nothing without its server. False: that may not be tried now; the channel's trouble says why.
bool server_comes(State& state, core::Instance& channel);
// The server answers on its port, and the channel has been waiting for that.
void open(State& state, core::Instance& channel);
// From now on it has its time to start.
void begin_start_time(State& state, core::Instance& instance);
void stop(State& state, core::Instance& instance);
// It leaves the tables if it is stopped and nobody's.
void consider_forgetting(State& state, InstanceId id);

// presence.cpp

void session_away(State& state, core::Session& session);
void session_back(State& state, core::Session& session);
// Starts the idle time of its process, if everybody who shares that is away.
void consider_idle(State& state, core::Instance& instance);
// Of an instance that is no channel: somebody who shares it is there; a call or a task of theirs runs.
bool needed_by_anybody(const State& state, const core::Instance& instance);
bool works_for_somebody(const State& state, const core::Instance& instance);

// declaring.cpp

// What the server is told with our initialize; it is remembered.
face::Declared declare(State& state, core::Instance& instance);
// The session is the only one of a server that was told otherwise: that is started again.
void declare_anew(State& state, core::Session& session, core::Instance& instance);
// For people: what it was told (or its conversations were, if it speaks HTTP), and what clients of its
// sessions can do beside that.
std::vector<std::string> declared_to(const State& state, const core::Instance& instance);
std::vector<std::string> undeclared_to(const State& state, const core::Instance& instance);

}  // namespace broker
