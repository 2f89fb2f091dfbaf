// What a room leaves for those above it: they act on it when the event has been handled.
//
// A lower room calls no higher one. Where something that it does means more than it can know (a call has
// ended that was a listen, a call's turn has come whose client had brought answers), it says so here;
// sorting/notices.cpp has what follows of each. What a notice names may be gone by then.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "core/ids.h"

namespace broker {

// The call is answered with what was kept of an earlier answer, as if the server had just said it.
struct AnswerKept {
  core::InstanceId instance;
  core::CallId call;
  base::Bytes answer;
};

// The turn of a call has come that had been parked, and whose client has come back with this request.
struct TurnCame {
  core::InstanceId instance;
  core::CallId call;
  base::Bytes request;
};

// The session asked this while it could not reach its server: it begins now.
struct RequestHeld {
  core::SessionId session;
  base::Bytes request;
};

// The session's call waits because its roots are not known.
struct RootsUnknown {
  core::SessionId session;
  std::string client_id;  // Of the call, raw.
};

// A listen is over: its server need not tell of these any more, unless somebody else wants it to.
struct ListenEnded {
  core::InstanceId instance;
  std::vector<std::string> uris;
  bool tasks = false;  // Some of it was about tasks.
};

using Notice = std::variant<AnswerKept, TurnCame, RequestHeld, RootsUnknown, ListenEnded>;

}  // namespace broker
