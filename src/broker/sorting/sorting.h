// Every message of a client or server is sorted here: what it is, whose it is, and which room deals with it.
//
// The uppermost room: it may call all others, and none calls it.
#pragma once

#include "broker/context/state.h"
#include "broker/interests/interests.h"

namespace broker {

// from_client.cpp

void client_line(State& state, core::Session& session, const proto::Line& line);
// Also the beginning of a session that was restored while its initialize had no answer.
void client_initialize(State& state, core::Session& session, const Scanned& message);

// from_modern_client.cpp

// A request with a claim.
void modern_request(State& state, core::Session& session, const Scanned& message);
void listens_again(State& state, core::Session& session, const Scanned& message, Told told);
// A legacy server's answer to a modern client's call, which is out of the tables already.
void modern_answer(State& state, core::Instance& instance, const core::Call& call, const Scanned& message);

// from_server.cpp

void server_line(State& state, core::Instance& instance, const proto::Line& line);
// The session's call is answered with what the server said, in the form that its client knows.
void pass_answer(State& state, core::Instance& instance, core::CallId wire_id, const Scanned& message);

// attribution.cpp

void server_ask(State& state, core::Instance& instance, const Scanned& message, proto::Method method);
// A question that was held: once more, and not beyond that time.
void put_again(State& state, core::Instance& instance, const Scanned& message, base::Instant until);

// answers.cpp

void server_cancels_ask(State& state, core::Instance& instance, const Scanned& message);
void client_answer(State& state, core::Session& session, core::Instance& instance, const Scanned& message);
void ask_due(State& state, core::Instance& instance, const core::Times::AskDue& due);

// held_questions.cpp

void hold_question(State& state, core::Instance& instance, const Scanned& message);
// The server withdraws it. False: none of that id is held.
bool drop_held(core::Instance& instance, std::string_view raw_id);
void put_held_questions(State& state, core::Instance& instance);
void endings_tick(State& state, core::Instance& instance);

// tickets.cpp

// A request that presents a ticket. False: it is a call like any other, and that ticket is none of ours but
// its server's.
void come_back(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
               proto::Method method, const Asked& asked);
// What it brought along is given to the server now.
void come_back_in_turn(State& state, core::Instance& instance, core::Call& call, const Scanned& message);

// restoring.cpp

void session_opened(State& state, SessionOpened event);

// notices.cpp

void act_on_notices(State& state);

}  // namespace broker
