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

// Sees to it that the server is running or on its way; one that is stopping is started again when it is gone.
// False: it may not be tried now, and nothing will come of what waits for it; instance.trouble says why.
bool wake(State& state, core::Instance& instance);
// Starts its process or opens the channel, at once or when its server answers. Unlike wake(), asks nothing.
void start(State& state, core::Instance& instance);
// Wakes the server of a channel; true for what is no channel. False: the server may not be tried now, and the
// channel's trouble says why.
bool server_comes(State& state, core::Instance& channel);
// The server answers on its port, and the channel has been waiting for that.
void open(State& state, core::Instance& channel);
// From now on it has its time to start.
void begin_start_time(State& state, core::Instance& instance);
// Asks it to end; InstanceExited follows. A channel that still waits for its server is stopped at once. Not
// to be called when it is stopped or backing off.
void stop(State& state, core::Instance& instance);
// The same for a server and its channels, whatever their lives are. Channels without sessions leave the
// tables.
void stop_whole(State& state, core::Instance& server);
// Takes the instance out of the tables if it is stopped and has neither sessions nor channels. References to
// it are invalid then; the last channel may take its server along.
void consider_forgetting(State& state, InstanceId id);

// presence.cpp

// The session's client has no connection left, or has one again.
void session_away(State& state, core::Session& session);
void session_back(State& state, core::Session& session);
// Starts the idle time of its process, if everybody who shares that is away.
void consider_idle(State& state, core::Instance& instance);
// These two are asked of an instance that is no channel, and look at its channels, too. Whether a session is
// there whose client is not away; whether a call or a task of any session is not over.
bool needed_by_anybody(const State& state, const core::Instance& instance);
bool works_for_somebody(const State& state, const core::Instance& instance);

// memory.cpp

// Stops the idle server that is missed least, if any may go.
void memory_short(State& state, const MemoryShort& event);

// declaring.cpp

// What a legacy server is told in our initialize. Noted in its conversation (talk.told).
face::Declared declare(State& state, core::Instance& instance);
// Starts the server again if the session is its only one, can answer other questions than the server was
// told, and nothing is lost by it.
void declare_anew(State& state, core::Session& session, core::Instance& instance);
// For people: what it was told (or its conversations were, if it speaks HTTP), and what clients of its
// sessions can do beside that.
std::vector<std::string> declared_to(const State& state, const core::Instance& instance);
std::vector<std::string> undeclared_to(const State& state, const core::Instance& instance);

}  // namespace broker
