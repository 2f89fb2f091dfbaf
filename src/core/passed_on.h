// Was an environment filtered on its way here, so that an unset variable says nothing?
//
// Clients on the TypeScript or Python SDK, and Codex, hand a server a few variables and what the client's
// own entry for it sets. What such an environment lacks is unknown rather than unset. It is recognised by
// what it holds: nothing but those few, and what an entry would set: what is named, and what looks like a
// credential, an endpoint or a place. Every shell, desktop, container and service manager has something else
// besides.
#pragma once

#include <span>
#include <string_view>

#include "core/server_spec.h"

namespace core {

bool filtered(const ServerSpec& spec);

// The few: all that these clients pass on by themselves.
std::span<const std::string_view> passed_on();

}  // namespace core
