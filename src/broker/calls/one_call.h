// Servers that are given one call at a time (core/call_order.h): over all sessions, and over HTTP over all of
// the server's conversations.
//
// First come, first served. A call that was cancelled counts as running until it is answered, or for as long
// as its handler may still be at work (core::limits::ending). While a person is asked because of a call,
// others have their turn, as they have at a server whose calls take turns by session (dialogs.cpp); of the
// person's own session only reads are let through, which may be needed for the answer. A call that waits for
// its own session's dialog holds nobody else up.
//
// Lists, settings and what is asked about tasks go without a turn. A task is the server's own affair: the
// call that it comes from is over when it is answered: at once, or with what the task came to if that is
// followed.
#pragma once

#include "broker/context/state.h"

namespace broker {

// Whether the server takes one call at a time, and this call needs a turn ("counts").
bool is_one_of_one(const core::Instance& conversation, const core::Call& call);
// Whether the call counts and cannot be sent because others are at work.
bool waits_for_others(const State& state, const core::Instance& conversation, const core::Call& call);
// The same, or another call has been queued before that number (core::Waiting::number).
bool waits_in_line(const State& state, const core::Instance& conversation, const core::Call& call,
                   std::uint64_t number);
// Whether the call waits only because a person of its own session is being asked. It holds up nobody else.
bool held_by_own_dialog(const State& state, const core::Instance& conversation, const core::Call& call);
// Whether a call that counts runs for a party other than this one.
bool others_at_work(const State& state, const core::Instance& conversation, const Party& party);
// Something has ended there, or begun to wait: at the end of the event the next have their turn.
void turn_freed(State& state, const core::Instance& conversation);
// The number of the first message queued there that waits for its turn; UINT64_MAX: none does.
std::uint64_t first_in_line(const State& state, const core::Instance& conversation);
// The channel is about to be lost. Its calls may go on in the server, and count for a moment longer.
void calls_outlive(State& state, const core::Instance& channel);

}  // namespace broker
