// Questions of a legacy server to the one client that they are certainly meant for (sorting/attribution.cpp).
#pragma once

#include <string>
#include <string_view>

#include "broker/context/state.h"

namespace broker {

struct Question {
  std::string_view raw_id;
  std::string name;  // Of the method, as the server wrote it.
  proto::Method method = proto::Method::other;
  core::Mode mode = core::Mode::none;
  std::string elicitation_id;
};

Question question_of(const Scanned& message, proto::Method method);
// For the log: a server may make its ids as long as it likes.
std::string shortened(std::string_view raw_id);
// The answer to a question that nobody can answer. Elicitation is answered "cancel", as by a person who
// closes the window; anything else gets an error. `why` is a sentence without "hearth: ".
std::string declined(proto::Method method, std::string_view raw_id, std::string_view why);
// Logs that, and sends it to the server. Returns the sentence that was logged.
std::string decline(State& state, core::Instance& instance, const Question& question, std::string_view why);
// Puts the question to the session's client, in the words of its revision; or declines it if it has too many.
void pass_on(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
             const Question& question);

}  // namespace broker
