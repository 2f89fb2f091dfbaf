// A client of HTTP+SSE whose stream broke, and who opens another: it goes on where it was, and does not send
// initialize again, because the SDKs connect anew below what knows of sessions.
//
// What it had set up before is said in its name, and the answers to that are not for it. Of a client that
// nothing is known of any more only the least is said: the oldest revision, and no capabilities. Its calls
// that were in flight are answered with an error each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "proto/message.h"

namespace transport {

struct Before {
  std::vector<std::string> lines = {};  // The client's lines, initialize first.
  std::vector<std::string> lost = {};   // Raw ids of its calls that were in flight.
  bool certain = false;                 // It has shown that it is initialized; else only its first call does.
  static constexpr std::size_t fields = 3;
};

class Returning {
 public:
  explicit Returning(Before before) : before_(std::move(before)) {}

  bool certain() const { return before_.certain; }
  // What is said in its name, once: lines with ids that no client uses.
  std::vector<std::string> lines();
  // Errors for the calls that were in flight, once; `but`, raw, is that of a new one.
  std::vector<std::string> errors(std::string_view but = {});

  enum class Answer : std::uint8_t { of_the_client, of_ours, refused_initialize };
  // What a message of the broker's is.
  Answer answers(const proto::Message& message);

  static constexpr std::size_t fields = 2;
  friend struct base::Fields;

 private:
  Before before_;
  std::set<std::string, std::less<>> ours_;  // Raw ids that are not answered yet.
};

}  // namespace transport
