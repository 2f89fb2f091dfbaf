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

// The session goes: declines its open questions at the server.
void refuse_asks(State& state, core::Session& session, core::Instance& instance);
// The server goes: the client is told that nobody waits for its answers.
void withdraw_asks(State& state, core::Instance& instance);
// Files a question with its time; the caller sends it, under the id that is returned.
core::AskId new_ask(State& state, core::Session& session, core::Instance& instance, core::Ask ask);

// parking.cpp

// Answers the request, which is in no table, with Hearth's own question for the client's roots, and a ticket.
void park_for_roots(State& state, core::Session& session, core::Instance& instance, const Scanned& message);
// Gives up the session's parked calls at that server.
void unpark_at(State& state, const core::Session& session, const core::Instance& instance);
// The key of Hearth's own question for a client's roots (core::ParkedAsk::key).
inline constexpr std::string_view roots_key = "roots";
// A keyed hash of a request's method and parameters, to compare with what comes back under its ticket.
std::uint64_t digest_of(const State& state, const base::Bytes& request);
// A legacy server asks something because of a modern client's call. The client is told a moment later,
// together with what the server asks meanwhile.
void park_ask(State& state, core::Instance& instance, core::Call& call, const Scanned& message,
              proto::Method method);
// The server has ended the call with -32042 (URL elicitation required), and it is out of the tables. The
// client is told what is asked; when it comes back, the call is made anew.
void park_ended(State& state, core::Instance& instance, const core::Call& call,
                std::vector<core::ParkedAsk> asks);
// The server withdraws a question. False: no parked call has one of that id.
bool server_cancels_parked(State& state, core::Instance& instance, std::string_view raw_id);
// The process that asked is gone: forgets its questions to parked calls. The calls stay parked.
void questions_lost(State& state, const core::Instance& instance);
// The session leaves: gives up its parked calls, unless many clients share it and one may still come back.
void parks_leave(State& state, const core::Session& session);
void parks_tick(State& state);

// rounds.cpp

// A modern server wants answers before it answers a legacy client's call.
void begin_round(State& state, core::Instance& instance, core::Call& call, const Scanned& message);
// The client's answer to one question of a round; raw_result is empty if it gave none, which may end the
// call. Returns all answers, as a JSON object, when this was the last.
std::optional<std::string> round_answered(State& state, core::Instance& instance, core::AskId ask,
                                          const core::Ask& what, std::string_view raw_result);
// Sends the call again under a new id, with the answers that there are; or when its turn comes, if the server
// takes one call at a time. References to the call are invalid then.
void make_again(State& state, core::Instance& instance, core::CallId wire_id);
// Makes the calls again that waited for their turn.
void rounds_go_on(State& state, core::Instance& instance);
std::optional<base::Instant> rounds_deadline(const core::Instance& instance);
void rounds_tick(State& state, core::Instance& instance);
// Asks the client all of `requests`, in the call's round or a new one. The call waits.
void ask_in_round(State& state, core::Instance& instance, core::Call& call,
                  const std::vector<face::InputRequest>& requests);

}  // namespace broker
