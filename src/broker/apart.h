// Sessions that may not, or need not, share the server that they are at: who belongs where, and how a session
// is moved.
//
// A place is decided when a session comes (placement.cpp) and looked at again when something is learnt that
// it depends on: a server turns out to care for roots, a client says what its roots are, a session comes that
// brings more of an environment. Nothing is moved while an event is being dealt with, because everything that
// handles it holds references; settle_places does it when that is done.
#pragma once

#include "broker/state.h"

namespace broker {

// roots_apart.cpp

// Whether sessions with different roots are kept apart at this server. Not where each has a conversation of
// its own, or the entry wants the union.
bool keeps_roots_apart(const core::Instance& instance);
// The same of a server that is known to care. Until it has asked, everybody may share it.
bool roots_matter(const core::Instance& instance);
// Whether what the session sends may reach the server now. If not it waits, as calls wait for a server that
// is not ready.
bool may_reach(const core::Session& session, const core::Instance& instance);
// The session has come, or is ready to be asked: what its roots are is found out, if that matters.
void learn_roots(State& state, core::Session& session, core::Instance& instance);
// A call of the session's is held because they are not known: whoever calls is ready to be asked.
void ask_on_its_stream(State& state, core::Session& session, core::Instance& instance,
                       const std::string& client_id);
// They are known now.
void roots_known(State& state, core::Session& session, core::Instance& instance, core::GivenRoots roots);
// It asks for them, and has to be told those of its sessions: `raw_id` is answered when they are certain.
// Empty: the client that the question is certainly meant for is asked with its call.
void asks_for_common_roots(State& state, core::Instance& instance, std::string_view raw_id);
// Somebody's roots have become known, or somebody has left.
void settle_roots(State& state, core::Instance& instance);
// The time to leave is over: sessions with other roots are cut loose, open questions are answered.
void common_roots_due(State& state, core::Instance& instance);
// A modern client can only be asked by an answer to its call. True: it has been, and will make the call
// again.
bool asked_by_its_call(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
                       proto::Method method);

// parking.cpp

// The call is answered with the question what its client's roots are.
void park_for_roots(State& state, core::Session& session, core::Instance& instance, const Scanned& message);
bool is_parked_at(const State& state, const core::Session& session, const core::Instance& instance);
// Its parked calls there are given up.
void unpark_at(State& state, const core::Session& session, const core::Instance& instance);

// belonging.cpp

// Where a session that comes belongs: a server that runs, or a new one.
core::Instance& server_for(State& state, const core::Session& session);
// The oldest that a session with that specification could join as it is, whatever its roots.
const core::Instance* shareable(const State& state, const core::ServerSpec& spec);
// Its sessions, or those of the servers like it, may belong elsewhere: that is looked at when the event is
// over.
void reconsider(State& state, const core::Instance& instance);
void settle_places(State& state);

// placement.cpp

core::Instance& create(State& state, core::ServerSpec spec);
// Of a session that is nowhere, and the end of that. What it has there is another's business.
void join(State& state, core::Session& session, core::Instance& instance);
void depart(State& state, core::Session& session, core::Instance& instance);

// moving.cpp

void move(State& state, core::Session& session, InstanceId target);
bool movable(const State& state, const core::Session& session, const core::Instance& instance);
// What it has at its server is ended, so that it can be moved.
void cut_loose(State& state, core::Session& session, core::Instance& instance);
// A call of the session's is with the server, or a question of the server's with its client.
bool has_something_there(const State& state, const core::Session& session, const core::Instance& instance);

}  // namespace broker
