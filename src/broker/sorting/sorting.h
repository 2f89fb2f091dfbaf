// Every message of a client or server is sorted here: what it is, whose it is, and which room deals with it.
//
// The uppermost room: it may call all others, and none calls it.
#pragma once

#include "broker/context/state.h"
#include "broker/interests/interests.h"

namespace broker {

// from_client.cpp

// `known`: its envelope, if somebody has read it.
void client_line(State& state, core::Session& session, const proto::Line& line,
                 const std::optional<proto::Envelope>& known);
// initialize. Also told again to a session that was restored while its initialize had no answer.
void client_initialize(State& state, core::Session& session, const Scanned& message);

// addressed.cpp

// The part of the session that the message is for: the session, unless it is about something that it has left
// behind at another server.
core::Session& addressed(State& state, core::Session& session, const Scanned& message);

// from_modern_client.cpp

// A request that says its revision itself (2026-07-28).
void modern_request(State& state, core::Session& session, const Scanned& message);
// A subscriptions/listen of a restored session is opened again.
void listens_again(State& state, core::Session& session, const Scanned& message, Told told);
// A legacy server's answer to a modern client's call, which is out of the tables already.
void modern_answer(State& state, core::Instance& instance, core::Call call, const Scanned& message);

// from_server.cpp

void server_line(State& state, core::Instance& instance, const proto::Line& line);
// The session's call is answered with what the server said, in the form that its client knows.
void pass_answer(State& state, core::Instance& instance, core::CallId wire_id, const Scanned& message);

// to_nobody.cpp

// It belongs to nobody, and goes to nobody. The log has the first of each kind, the count has them all.
void drop(State& state, core::Instance& instance, const Scanned& message, core::Dropped kind,
          std::string_view what);
void unreadable(State& state, core::Instance& instance, std::string_view text, proto::ScanError error);
void overlong(State& state, core::Instance& instance, const proto::Line& line);

// attribution.cpp

// Decides whom a server's question is for, and puts it there; or holds or declines it.
void server_ask(State& state, core::Instance& instance, const Scanned& message, proto::Method method);
// Decides again on a question that was held. It may be held further, but not beyond `until`.
void put_again(State& state, core::Instance& instance, const Scanned& message, base::Instant until);

// answers.cpp

void server_cancels_ask(State& state, core::Instance& instance, const Scanned& message);
void client_answer(State& state, core::Session& session, core::Instance& instance, const Scanned& message);
// The client has not answered in time: the server is told so, and so is the client.
void ask_due(State& state, core::Instance& instance, const core::Times::AskDue& due);

// held_questions.cpp

// Keeps a question that may be a cancelled call's until that is certain.
void hold_question(State& state, core::Instance& instance, const Scanned& message);
// The server withdraws it. False: none of that id is held.
bool drop_held(core::Instance& instance, std::string_view raw_id);
// Decides again on all held questions.
void put_held_questions(State& state, core::Instance& instance);
// Calls that were cancelled count no more, or others may have their turn: lets go on what waited for that.
void endings_tick(State& state, core::Instance& instance);

// tickets.cpp

// A request that presents a ticket: it is answered, takes over its parked call, or is made anew.
void come_back(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
               proto::Method method, const Asked& asked);
// The turn of a call whose client has come back: gives the server the answers that `message` brought.
void come_back_in_turn(State& state, core::Instance& instance, core::Call& call, const Scanned& message);

// restoring.cpp

void session_opened(State& state, SessionOpened event);

// notices.cpp

// Until there are no more; acting on one may leave others.
void act_on_notices(State& state);

}  // namespace broker
