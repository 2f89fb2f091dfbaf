// What a POST says: the client's messages, checked and each on one line.
//
// A body may be printed prettily: its line ends, which in JSON stand between tokens only, become blanks. A
// batch is taken apart. A byte order mark in front is left out. What is no JSON-RPC is refused as a whole, so
// whatever comes out can be delivered.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "proto/envelope.h"
#include "proto/http.h"
#include "proto/rpc.h"

namespace transport {

struct Posted {
  struct Part {
    base::Bytes line;
    proto::Envelope envelope;

    std::string_view of(proto::Span span) const { return span.in(line.text); }
    bool is_initialize() const;
  };
  std::vector<Part> parts;  // In order, at least one.
  bool batch = false;
};

enum class Batches : std::uint8_t { refused, allowed };

// 415.
std::optional<proto::HttpAnswer> refused_type(const proto::HttpFields& fields);

// 415, or 400 with the reason.
std::expected<Posted, proto::HttpAnswer> read_posted(const proto::HttpFields& fields, std::string body,
                                                     Batches batches);

// 400 for a message to a session that claims the revision which has none. A batch never does.
std::optional<proto::HttpAnswer> refused_claim(const Posted& posted, proto::Code code);

// Whether all Accept fields together admit the media type.
bool admits(const proto::HttpFields& fields, std::string_view media_type);

}  // namespace transport
