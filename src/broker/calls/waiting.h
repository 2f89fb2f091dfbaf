// Calls that wait: until their server is ready, until it is their turn, or until their session may reach it.
//
// calls.cpp queues a call that it cannot send at once. The queue does not watch anything: whoever changes
// what a queued message waits for calls drain_waiting (calls.h).
#pragma once

#include "broker/context/state.h"

namespace broker {

// Queues a message: of a call, which is in the table, or (absent) a notification. Pauses a session that has
// too many bytes queued.
void wait_there(State& state, core::Session& session, core::Instance& instance,
                std::optional<core::CallId> call, proto::Message message);
// Takes a call that has ended out of the queue, if it is there. `session` is null if that is gone.
void no_longer_queued(State& state, core::Session* session, core::Instance& instance, core::CallId wire_id);
// In calls.cpp. Sends a call that is in the table, whose server is ready and whose turn it is.
void send_now(State& state, core::Instance& instance, core::Call& call, const Scanned& message);

}  // namespace broker
