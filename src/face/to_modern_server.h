// Towards modern servers: every request says who asks and what it can do; and what the server answers becomes
// what a legacy client wants to hear.
//
// 2026-07-28. Text goes in, text comes out.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/capabilities.h"
#include "core/levels.h"
#include "core/listen.h"
#include "proto/envelope.h"
#include "proto/method.h"

namespace face {

// Members of _meta, without braces: what a legacy client's initialize says of it, for each of its requests.
// Tasks are left out: those of 2025-11-25 are others.
std::string claim_of(std::string_view raw_initialize_params);
// The same for what Hearth asks itself, with the capabilities of the session that it asks for first.
std::string own_claim(std::string_view hearth_version, const core::Capabilities& first);

std::string discover_request(std::int64_t id, std::string_view claim);

struct Discovered {
  bool modern = false;            // It can be spoken to in a revision of ours. The rest only if so.
  std::string initialize_result;  // What a legacy server would have answered, for legacy clients.
  std::string server;             // "name version", for people.
};
// `raw_result` is empty if it answered with an error.
Discovered read_discovered(std::string_view raw_result);
// What a server says that it speaks, when it refuses a revision (-32022).
struct Offered {
  bool modern = false;   // Ours.
  bool legacy = false;   // One of ours.
  std::string versions;  // The list, raw.
};
std::optional<Offered> read_offered(std::string_view raw_error);

// A legacy client's params: with the claim, the token if it wants progress, and the level.
struct Extra {
  std::string_view claim;
  std::string_view token;  // Empty: none.
  std::optional<core::Level> level;
  std::string_view responses;      // Raw; what a round has brought. Empty: none.
  std::string_view request_state;  // Raw. Empty: none.
};
std::string modern_params(std::string_view raw_params, const Extra& extra);

std::string listen_request(std::int64_t id, std::string_view claim, const core::Filter& filter);
// What an acknowledgement grants.
core::Filter read_acknowledged(std::string_view raw_params);

// For how long a complete result may be kept, and whether for everybody.
struct Keeping {
  std::chrono::milliseconds ttl{};
  bool for_all = false;
};
Keeping read_keeping(std::string_view raw_result);
// The same result, given again: from now on it is good for this long.
std::string aged_result(std::string_view raw_result, std::chrono::milliseconds left);

// A complete result without what only 2026-07-28 has.
std::string legacy_result(std::string_view raw_result);
// An error that only 2026-07-28 has, as a legacy client understands it: a result for a tool's call, else an
// error.
struct LegacyError {
  bool is_result = false;
  std::string raw;
};
LegacyError legacy_error(std::string_view raw_error, proto::Method method);

// One of the inputRequests.
struct InputRequest {
  std::string key;  // As spelt, without quotes.
  proto::Method method = proto::Method::other;
  core::Mode mode = core::Mode::none;
  std::string params;  // Raw; empty if none.
};
struct InputRequired {
  std::vector<InputRequest> requests;
  std::string state;  // Raw, with quotes; empty: none.
};
// The error is a sentence about the server.
std::expected<InputRequired, std::string> read_input_required(std::string_view raw_result);

// What nobody has answered, as an answer; empty: it cannot be put into words, and the call fails.
std::string unanswered(proto::Method method);
// A tool's call that failed for a reason of ours, as its result.
std::string failed_call(std::string_view sentence);

}  // namespace face
