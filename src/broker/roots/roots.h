// The roots that a server is told: those that all its sessions have, or, where the entry wants that, the
// union.
//
// Clients are asked once for all servers' questions. Where roots decide who shares a server, broker/context
// has the rule and broker/sessions moves who is at the wrong one.
#pragma once

#include "broker/context/state.h"

namespace broker {

// roots.cpp

void server_asks_roots(State& state, core::Instance& instance, std::string_view raw_id);
void roots_answered(State& state, core::Session& session, core::Instance& instance,
                    std::string_view raw_result);
void roots_changed(State& state, core::Session& session, core::Instance& instance);
void roots_left(State& state, core::Session& session, core::Instance& instance);
// It is given those that are known.
void give_known_roots(State& state, core::Instance& instance);
// The client is asked, unless it is being asked already. `about`: on the stream of that call of its, by its
// raw id.
void ask_for_roots(State& state, core::Session& session, core::Instance& instance, std::string about = {});

// apart.cpp

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
// It is answered as by a client that gives none.
void answer_without_roots(State& state, core::Instance& instance);
// A modern client can only be asked by an answer to its call. True: it has been, and will make the call
// again.
bool asked_by_its_call(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
                       proto::Method method);

}  // namespace broker
