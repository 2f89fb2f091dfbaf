// Towards modern clients whose server is a legacy one: their requests become such that the server understands
// them, and what it says becomes what 2026-07-28 wants to hear.
//
// Nothing here knows sessions or calls; text goes in, text comes out.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/capabilities.h"
#include "core/list_changes.h"
#include "core/listen.h"
#include "core/park.h"
#include "proto/claim.h"
#include "proto/method.h"

namespace face {

struct ModernHello {
  core::Capabilities capabilities;
  std::string client;  // "name version", for people only.
};
ModernHello read_hello(const proto::Claim& claim);

// The params of a request without what only 2026-07-28 has: a claim that a server of both eras found would
// make it take the conversation for a modern one. `token` replaces the progress token if there is one.
std::string legacy_params(std::string_view raw_params, std::string_view token);
// What a request asks for, whoever sends it and however it is written: its method and params without answers,
// ticket and _meta.
std::uint64_t digest_of(std::uint64_t key, std::string_view method, std::string_view raw_params);

// From the server's own InitializeResult, raw.
std::string discover_result(std::string_view initialize_result);
// A modern server's own DiscoverResult, with the revisions in which Hearth can be spoken to.
std::string discovered_result(std::string_view raw_result);
// `server_info`: raw, or empty.
std::string complete_result(std::string_view raw_result, proto::Method method, std::string_view server_info);
// What stands behind the "{" of a complete_result(), if that is all there is to change; so that a long result
// need not be copied.
std::optional<std::string> completing_text(std::string_view raw_result, proto::Method method,
                                           std::string_view server_info);
// Codes that mean something else since.
std::string modern_error(std::string_view raw_error);
std::string missing_capability(std::string_view raw_required);
// Whether a request's _meta declares the tasks extension, and what it lacks if it does not.
bool declares_tasks(std::string_view raw_meta);
inline constexpr std::string_view tasks_required = R"({"extensions":{"io.modelcontextprotocol/tasks":{}}})";

// The error is the sentence that the client is answered.
std::expected<core::Filter, std::string> read_filter(std::string_view raw_params);
std::string written(const core::Filter& filter);  // As it stands under "notifications".
std::string acknowledged_notice(std::string_view raw_id, const core::Filter& granted);
std::string listen_result(std::string_view raw_id);  // It is over, and was meant to be.
// The notification with the subscription's id. `raw_params` may be empty.
std::string tagged_notice(std::string_view method, std::string_view raw_params, std::string_view raw_id);

// What stands among the inputRequests for a legacy server's request.
std::string input_request(proto::Method method, std::string_view raw_params);
std::string input_required(std::span<const core::ParkedAsk> asks, std::string_view ticket,
                           std::string_view server_info);

}  // namespace face
