// Calls that wait: until their server is ready, until it is their turn, or until their session may reach it.
//
// Filed calls (calls.cpp) come here when they cannot be sent, and go from here when something has changed:
// drain_waiting is told so by whoever changes it.
#pragma once

#include "broker/context/state.h"

namespace broker {

// The call, which is in the table, or a notification (absent), waits until the server can take it.
void wait_there(State& state, core::Session& session, core::Instance& instance,
                std::optional<core::CallId> call, proto::Message message);
// It is over, and not to be sent any more. `session` is null if that is gone.
void no_longer_queued(State& state, core::Session* session, core::Instance& instance, core::CallId wire_id);
// calls.cpp: the server can take it.
void send_now(State& state, core::Instance& instance, core::Call& call, const Scanned& message);

}  // namespace broker
