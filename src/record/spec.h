// A ServerSpec in a recording. Values of the environment and of headers are placeholders in any case; without
// contents paths, addresses and arguments are, too. Names stay: of servers, of variables, of limits.
#pragma once

#include "core/server_spec.h"
#include "proto/json.h"
#include "record/fields.h"
#include "record/mask.h"

namespace record {

void write_spec(proto::json::Writer& into, Mask& mask, const core::ServerSpec& spec);
core::ServerSpec read_spec(Fields from);
void write_timing(proto::json::Writer& into, const core::Timing& timing);
core::Timing read_timing(Fields from);

}  // namespace record
