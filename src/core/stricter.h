// Sessions that share an instance and want it handled differently: the stricter setting holds for all.
//
// An entry and a `hearth run` of the same command share a process, and only one of them was there first.
// Neither order may make a setting of the other void: what one says about calls that go one at a time, about
// questions, answers that are kept, and the question whether the server is a modern one is kept from the
// moment on at which its session joins, also by the processes that come after. Times and sizes are those of
// the session that was there first.
#pragma once

#include <string>

#include "core/server_spec.h"

namespace core {

// Whether one instance can do justice to both. Not if one wants calls to take turns where the other wants a
// process for each session.
bool settings_agree(const ServerSpec& running, const ServerSpec& asking);

// What has been tightened, for people: "calls: one, cache: false"; empty: nothing.
std::string tighten(ServerSpec& running, const ServerSpec& asking);

std::string_view name_of(Interactive interactive);
std::string_view name_of(Calls calls);

}  // namespace core
