// Questions of servers to clients: to a legacy client as a request, to a modern one as the answer to its
// call, and for a modern server in rounds.
//
// A question that was put is answered exactly once: by its client, or by Hearth when its call, its session or
// its time is over. The room above has decided to whom it goes (sorting/attribution.cpp).
#pragma once

#include "broker/context/state.h"
#include "face/to_modern_server.h"

namespace broker {

// asks.cpp

// The session goes: the server is told that nobody will answer.
void refuse_asks(State& state, core::Session& session, core::Instance& instance);
// The server goes: the client is told that nobody waits for its answers.
void withdraw_asks(State& state, core::Instance& instance);
core::AskId new_ask(State& state, core::Session& session, core::Instance& instance, core::Ask ask);

// parking.cpp

// The call is answered with the question what its client's roots are.
void park_for_roots(State& state, core::Session& session, core::Instance& instance, const Scanned& message);
// Its parked calls there are given up.
void unpark_at(State& state, const core::Session& session, const core::Instance& instance);
// Of Hearth's own question for a client's roots.
inline constexpr std::string_view roots_key = "roots";
// What a call asks for, to compare with what comes back under its ticket.
std::uint64_t digest_of(const State& state, const base::Bytes& request);
void park_ask(State& state, core::Instance& instance, core::Call& call, const Scanned& message,
              proto::Method method);
// -32042: the call has ended, and is made anew when its client comes back.
void park_ended(State& state, core::Instance& instance, const core::Call& call,
                std::vector<core::ParkedAsk> asks);
bool server_cancels_parked(State& state, core::Instance& instance, std::string_view raw_id);
// The process that asked them is gone.
void questions_lost(State& state, const core::Instance& instance);
void parks_leave(State& state, const core::Session& session);
void parks_tick(State& state);

// rounds.cpp

// A modern server wants answers before it answers a legacy client's call.
void begin_round(State& state, core::Instance& instance, core::Call& call, const Scanned& message);
// The client's answer to one of them; raw_result is empty if it gave none. Returns all answers when it was
// the last.
std::optional<std::string> round_answered(State& state, core::Instance& instance, core::AskId ask,
                                          const core::Ask& what, std::string_view raw_result);
// The call is made again, with the answers that there are.
void make_again(State& state, core::Instance& instance, core::CallId wire_id);
// Makes the calls again that waited for their turn.
void rounds_go_on(State& state, core::Instance& instance);
std::optional<base::Instant> rounds_deadline(const core::Instance& instance);
void rounds_tick(State& state, core::Instance& instance);
// The client is asked all of it; the call waits.
void ask_in_round(State& state, core::Instance& instance, core::Call& call,
                  const std::vector<face::InputRequest>& requests);

}  // namespace broker
