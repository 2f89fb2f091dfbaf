// Questions of a legacy server to the one client that they are certainly meant for (sorting/attribution.cpp).
#pragma once

#include <string>
#include <string_view>

#include "broker/context/state.h"

namespace broker {

struct Question {
  std::string_view raw_id;
  std::string name;  // Of the method.
  proto::Method method = proto::Method::other;
  core::Mode mode = core::Mode::none;
  std::string elicitation_id;
};

Question question_of(const Scanned& message, proto::Method method);
// Ids are as long as their makers like.
std::string shortened(std::string_view raw_id);
// What a server hears when nobody can answer. A question that it was told may be asked is answered as a
// person would who closes the window; one that it was not is an error.
std::string declined(proto::Method method, std::string_view raw_id, std::string_view why);
// The server hears that. Returns what was said about it.
std::string decline(State& state, core::Instance& instance, const Question& question, std::string_view why);
// To the session's client.
void pass_on(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
             const Question& question);

}  // namespace broker
