// base::Inheritance as a member of POST /attach: see docs/shim-protocol.md.
#pragma once

#include "base/inheritance.h"
#include "proto/json.h"

namespace proto {

void write_inheritance(json::Writer& to, const base::Inheritance& inheritance);

// What is missing or of the wrong type is left out. `value` may be null.
base::Inheritance read_inheritance(const json::Value* value);

}  // namespace proto
