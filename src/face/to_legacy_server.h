// Towards legacy servers: our own initialize, and the few requests and notices that are ours.
//
// Revisions 2024-11-05 to 2025-11-25. The server has one client, which is Hearth; what it is told here cannot
// change while it runs.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/capabilities.h"
#include "core/levels.h"
#include "proto/envelope.h"
#include "proto/revision.h"

namespace face {

// What is declared to a server. One that many sessions share is told of roots and elicitation in any case,
// since whoever comes later may have them and a server cannot be told twice; of sampling only if the first
// session has it or the entry says so, since servers that can do without it change their ways when it is
// declared and then refused.
struct Declared {
  core::Capabilities first;        // Of the session that makes us start the server.
  bool alone = false;              // No other session will share it: declare exactly what that session has.
  std::vector<std::string> extra;  // The entry's "capabilities".
};

std::string initialize_request(std::int64_t id, proto::Revision revision, const Declared& declared,
                               std::string_view hearth_version);

struct ServerGreeting {
  std::string revision;  // As the server said it.
  std::string server;    // "name version", for people.
};

// Whether `raw_result`, the answer to another request, is one to initialize all the same: some servers take
// whatever comes first for that.
bool reads_like_greeting(std::string_view raw_result);

// What an error in answer to initialize tells about offering another revision.
enum class Refused : std::uint8_t {
  whatever_revision,     // Another would fare no better.
  perhaps_for_revision,  // It may.
  for_revision,          // It says so.
};
Refused read_refusal(std::string_view raw_error);

// The error is a sentence about the server.
std::expected<ServerGreeting, std::string> read_greeting(std::string_view raw_result);

std::string initialized_notice();
std::string subscribe_request(std::int64_t id, std::string_view uri);
std::string unsubscribe_request(std::int64_t id, std::string_view uri);
std::string set_level_request(std::int64_t id, core::Level level);
std::string cancelled_notice(std::string_view raw_request_id, std::string_view reason);

}  // namespace face
