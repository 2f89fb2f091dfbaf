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

// The result of server/discover for a client, raw, from what the server said last.
std::string what_it_is(const core::Instance& instance);
// Answers the clients that asked server/discover before the server was known.
void answer_discovers(State& state, core::Instance& instance);
// The client's initialize is answered from what the server said.
void answer_initialize(State& state, core::Session& session, core::Instance& instance);
void fail_initialize(State& state, core::Session& session, std::string_view raw_error);

// placement.cpp

// Finds a server for a session that has none, or makes one, and joins it. Does not start it.
core::Instance& place(State& state, core::Session& session);
// The same for one that may have its place already.
core::Instance& placed(State& state, core::Session& session);
// The conversation with that server that one more session has: the only one there is, or a channel.
core::Instance& conversation_for(State& state, core::Instance& server);
// The server that a session with that spec would join now, or a new one, without a session.
core::Instance& place_for_nobody(State& state, core::ServerSpec spec);
// Ends everything that the session has at its server, then departs.
void leave(State& state, core::Session& session, core::Instance& instance);
core::Instance& create(State& state, core::ServerSpec spec);
// join: of a session that has no server. depart: its calls and questions have been ended or packed before;
// the server stops when idle. May take `instance` out of the tables.
void join(State& state, core::Session& session, core::Instance& instance);
void depart(State& state, core::Session& session, core::Instance& instance);

// belonging.cpp

// Where a session that comes belongs: a server that there is, or a new one.
core::Instance& server_for(State& state, const core::Session& session);
// The oldest server that a session with that specification could join as it is, whatever its roots; or null.
const core::Instance* shareable(const State& state, const core::ServerSpec& spec);
// Moves sessions that belong elsewhere, at the servers that reconsider() has named. Invalidates references.
void settle_places(State& state);

// moving.cpp

// Takes a movable session to that server, with its queued calls and all that it has set up.
void move(State& state, core::Session& session, InstanceId target);
// Nothing of the session is with its server, and no question is with its client.
bool movable(const State& state, const core::Session& session, const core::Instance& instance);
// Ends what the session has at its server, so that it can be moved; its clients get errors for running calls.
void cut_loose(State& state, core::Session& session, core::Instance& instance);

// respecified.cpp

// The configuration has another server for the session; see the events.
void session_respecified(State& state, core::Session& session, core::ServerSpec spec);
void session_retimed(State& state, core::Session& session, const core::Timing& timing);
void entry_changed(State& state, const std::string& name);
// Moves the sessions that have been respecified and can be moved. Invalidates references.
void take_up_specs(State& state);
// Nothing needs the server of that instance any more, now that a session has left it: stops it at once.
void stop_if_left(State& state, InstanceId server);

// remnants.cpp

// Whether all that the session has at its server, and would keep it from being moved, can be left behind.
bool can_leave_behind(const core::Session& session, const core::Instance& instance);
// Leaves it behind: a remnant of the session waits there for the ends of its calls.
void leave_behind(State& state, core::Session& session, core::Instance& instance);
// Ends the remnants that have nothing to wait for any more. Invalidates references to their servers.
void settle_remnants(State& state);
// The session ends, and with it all that is left of it elsewhere.
void end_remnants(State& state, const core::Session& session);
// What the broker has to say to remnants it says to their sessions' clients.
void speak_for_remnants(State& state);

// settings.cpp

// Works out from its spec in which order its calls go. To be called when the spec is set or changed.
void settle_order(core::Instance& instance);
// A session with that spec joins those of the server: from now on the stricter settings of the two hold.
void heed_stricter(State& state, core::Instance& server, const core::ServerSpec& asking);

// roots_due.cpp

// The server's question for roots, or its asking again, is waited for no longer (RootsTold::give_up_at).
void roots_due(State& state, core::Instance& instance);

}  // namespace broker
