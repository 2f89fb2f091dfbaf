// Questions of a legacy server to a modern client, which cannot be asked: its call is answered with them and
// a ticket, and parked until the client comes back with the answers (core/parks.h).
//
// Whatever ends a parked call ends its questions: the server is answered for each that it has asked, exactly
// once. A park whose client stays away ends by its deadline.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/state.h"

namespace broker {

// Declines it to the server that asked. A question without a server's id was Hearth's own.
void decline_parked(State& state, InstanceId instance, const core::ParkedAsk& ask);
void park_ask(State& state, core::Instance& instance, core::Call& call, const Scanned& message,
              proto::Method method);
// -32042: the call has ended, and is made anew when its client comes back.
void park_ended(State& state, core::Instance& instance, const core::Call& call,
                std::vector<core::ParkedAsk> asks);
// A request that presents a ticket. False: it is a call like any other, and that ticket is none of ours but
// its server's.
void come_back(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
               proto::Method method, const Asked& asked);
// What it brought along is given to the server now.
void come_back_in_turn(State& state, core::Instance& instance, core::Call& call, const Scanned& message);
// What a modern call has come to ("\"result\":…" or "\"error\":…"): told to its client, if that waits, and
// kept. The call is out of the tables.
void conclude(State& state, const core::Call& call, std::string outcome);
// The client that waited has gone: its ticket finds nothing any more.
void unpark(State& state, core::ParkId park);
bool server_cancels_parked(State& state, core::Instance& instance, std::string_view raw_id);
// The process that asked them is gone.
void questions_lost(State& state, const core::Instance& instance);
void parks_leave(State& state, const core::Session& session);
void parks_tick(State& state);

}  // namespace broker
