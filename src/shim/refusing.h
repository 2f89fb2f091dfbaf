// What the shim says in the daemon's place: every request gets an error, nothing goes silent.
//
// Pure. Answers one line of the client's at a time; the text that comes back is whole lines, or empty where
// there is nothing to answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/lines.h"

namespace shim {

struct Apology {
  std::string server;
  std::string sentence;
  bool retryable = false;
};

std::string apology_for(const proto::Line& line, const Apology& apology);

// For calls whose ids (raw JSON) the journal has in flight.
std::string apology_for_lost(const std::vector<std::string>& raw_ids, const std::string& server);

// Whether anybody waits for an answer to it.
bool is_request(const proto::Line& line);

}  // namespace shim
