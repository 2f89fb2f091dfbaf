// From nothing to an attached session: finds or starts the daemon, sends the request, waits for the answer.
//
// attach_once() tries once, attach() a few times with growing pauses while the daemon is on its way out. Both
// block, and every wait is bounded. A refusal says whether trying again later makes sense.
//
// A session that the daemon cannot serve (other namespaces, higher limits than its own) goes to a daemon for
// its own surroundings, which is started for it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "base/inheritance.h"
#include "io/descriptor.h"
#include "io/paths.h"
#include "shim/attach_request.h"
#include "shim/client.h"

namespace shim {

struct Refusal {
  enum class Kind : std::uint8_t {
    for_good,     // The daemon said no: asking again brings the same answer.
    leaving,      // It hung up, or said that it is going: the next one may take us at once.
    unavailable,  // No daemon can be had.
    elsewhere,    // It lives in other surroundings: a daemon of ours can take us.
    resting,      // A person has shut the daemon down. The client's next request starts another.
  };
  Kind kind = Kind::unavailable;
  std::string sentence;
};

struct Attachment {
  io::Descriptor connection;
  std::string early;  // What came right behind the answer.
};

using Attached = std::expected<Attachment, Refusal>;

struct AttachSpec {
  const Wish& wish;
  const io::Paths& paths;
  const io::Paths& paths_apart;     // Of the daemon for our own surroundings, should the usual one refuse us.
  const io::Paths& paths_to_start;  // One of the two: where a daemon is started when none runs.
  const base::Inheritance& inheritance;
  const Client& client;
};

Attached attach_once(const AttachSpec& spec);
Attached attach(const AttachSpec& spec);

}  // namespace shim
