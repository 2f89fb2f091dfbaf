// Sessions: what ends with one, which server it belongs to, how it joins, leaves and is moved.
//
// A place is decided when a session comes and looked at again when something is learnt that it depends on.
// Nothing is moved while an event is being dealt with, because everything that handles it holds references;
// settle_places does it when that is done.
#pragma once

#include "broker/context/state.h"

namespace broker {

// sessions.cpp

// The client answers no question any more. Open ones and later ones are given up at once.
void session_input_ended(State& state, core::Session& session);
void session_closed(State& state, core::Session& session, std::string reason);
void session_unblocked(State& state, core::Session& session);

// greetings.cpp

std::string what_it_is(const core::Instance& instance);
// Answers the clients that asked server/discover before the server was known.
void answer_discovers(State& state, core::Instance& instance);
// The client's initialize is answered from what the server said.
void answer_initialize(State& state, core::Session& session, core::Instance& instance);
void fail_initialize(State& state, core::Session& session, std::string_view raw_error);

// placement.cpp

core::Instance& place(State& state, core::Session& session);
// The same for one that may have its place already.
core::Instance& placed(State& state, core::Session& session);
core::Instance& place_for_nobody(State& state, core::ServerSpec spec);
void leave(State& state, core::Session& session, core::Instance& instance);
core::Instance& create(State& state, core::ServerSpec spec);
// Of a session that is nowhere, and the end of that. What it has there is another's business.
void join(State& state, core::Session& session, core::Instance& instance);
void depart(State& state, core::Session& session, core::Instance& instance);

// belonging.cpp

// Where a session that comes belongs: a server that runs, or a new one.
core::Instance& server_for(State& state, const core::Session& session);
// The oldest that a session with that specification could join as it is, whatever its roots.
const core::Instance* shareable(const State& state, const core::ServerSpec& spec);
void settle_places(State& state);

// moving.cpp

void move(State& state, core::Session& session, InstanceId target);
bool movable(const State& state, const core::Session& session, const core::Instance& instance);
// What it has at its server is ended, so that it can be moved.
void cut_loose(State& state, core::Session& session, core::Instance& instance);

// settings.cpp

// Its spec is new: in which order its calls go.
void settle_order(core::Instance& instance);
// A session with that spec joins those of the server: from now on the stricter settings of the two hold.
void heed_stricter(State& state, core::Instance& server, const core::ServerSpec& asking);

// roots_due.cpp

void roots_due(State& state, core::Instance& instance);

}  // namespace broker
