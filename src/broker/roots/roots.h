// The roots that a server is told: those that all its sessions have, or, where the entry wants that, the
// union.
//
// Clients are asked once for all servers' questions. Where roots decide who shares a server, broker/context
// has the rule and broker/sessions moves who is at the wrong one.
#pragma once

#include "broker/context/state.h"

namespace broker {

// roots.cpp

// The server's roots/list, under its raw id. Answered when the roots are known, or without them in time.
void server_asks_roots(State& state, core::Instance& instance, std::string_view raw_id);
// The client has answered our roots/list; raw_result is empty if it gave none.
void roots_answered(State& state, core::Session& session, core::Instance& instance,
                    std::string_view raw_result);
void roots_changed(State& state, core::Session& session, core::Instance& instance);
void roots_left(State& state, core::Session& session, core::Instance& instance);
// Answers the server's open questions with the union of the roots that are known by now.
void give_known_roots(State& state, core::Instance& instance);
// Asks the client, unless it is being asked already. `about`: the raw id of its call on whose stream the
// question goes; empty: on none.
void ask_for_roots(State& state, core::Session& session, core::Instance& instance, std::string about = {});

// apart.cpp

// Finds out what the roots of a session are, if that matters at its server: takes them as known, or asks. To
// be called when the session has come, and again when it is ready to be asked.
void learn_roots(State& state, core::Session& session, core::Instance& instance);
// A call of the session's is queued because its roots are not known. A client that calls can be asked, even
// if it has not said yet that it is ready.
void ask_on_its_stream(State& state, core::Session& session, core::Instance& instance,
                       const std::string& client_id);
// The session's roots are known now. If they are not its server's, it is moved when the event is over.
void roots_known(State& state, core::Session& session, core::Instance& instance, core::GivenRoots roots);
// The server asks for roots, and is told those that all its sessions have: `raw_id` is answered when they are
// certain. Empty `raw_id`: the question goes to the client that it is meant for, which answers it.
void asks_for_common_roots(State& state, core::Instance& instance, std::string_view raw_id);
// Looks again which roots the server is to be told, tells it, and lets calls go that waited for that. To be
// called when a session's roots have become known, or a session has left.
void settle_roots(State& state, core::Instance& instance);
// Answers the server's open questions as a client does that gives no roots.
void answer_without_roots(State& state, core::Instance& instance);
// A modern client can only be asked by an answer to its call. True: this request has been answered so, and
// the client will make it again.
bool asked_by_its_call(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
                       proto::Method method);

}  // namespace broker
