// A recording (record/recording.h), told to a broker again.
//
// The broker gets what it got, when it got it. Its actions are carried out by nobody: what became of them
// stands in the recording as the next events. An answer counts as written when the broker sends it.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "broker/broker.h"
#include "record/recording.h"

namespace sim {

struct Replayed {
  record::Header header;
  std::size_t entries = 0;
  std::string end;  // A sentence: why the recording ends, or that it does not say.
};

struct Audience {
  std::function<void(const record::Header&)> begins = [](const record::Header&) {};
  std::function<void(const record::Entry&)> told = [](const record::Entry&) {};  // Before the broker is.
  std::function<void(const broker::Action&)> acts = [](const broker::Action&) {};
};

// A refusal is a sentence that begins with the number of the line.
std::expected<Replayed, std::string> replay(std::string_view recording, const Audience& audience);

// `simulate --replay FILE`: prints everything; returns what the program is to exit with.
int print_replay(const char* file);

}  // namespace sim
