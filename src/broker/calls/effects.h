// Which calls may change something at their server, and what is not given again because of them.
//
// A server may change its tools by a call (a login, another tool set) and forget to say so, whatever it has
// declared. So a list that was kept, or asked for, before such a call was sent or ended is not given to those
// who ask after it, and none is kept while one is under way. A call of a tool whose `readOnlyHint` the server
// itself has told changes nothing; of all others it is assumed.
#pragma once

#include "broker/context/state.h"

namespace broker {

// A tools/list of the server's has come.
void learn_read_only(core::Instance& instance, std::string_view raw_result);

// Whether the call, once it is sent, may change something: all but lists, reads, completions and calls of
// read-only tools.
bool may_have_effect(const core::Instance& instance, const core::Call& call, const Scanned& message);

// Something may have changed just now: in this conversation, and in all others with the same server.
void effect_noted(State& state, core::Instance& instance);

// Something may change at any moment: a call is under way, or was cancelled a moment ago.
bool effect_pending(State& state, core::Instance& instance);

}  // namespace broker
