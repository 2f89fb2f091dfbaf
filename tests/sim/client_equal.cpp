// What several clients of a family ask alike: lists and resources, without a marker, so that nothing tells
// their requests apart but who makes them.
#include <array>

#include "sim/client.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

void Client::equal_request() {
  Random& random = world.more;
  // A server's question because of a read would have to name the call. See Server::tell().
  const bool reads = world.options.asks + world.options.outside_ask == 0;
  constexpr std::array<std::string_view, 6> methods{"tools/list",     "tools/list",     "prompts/list",
                                                    "resources/list", "resources/read", "resources/read"};
  constexpr std::array<std::string_view, 2> often{"file:///w/a", "file:///w/a/b"};
  const std::string_view method = methods[random.below(reads ? methods.size() : 4)];
  std::string members;
  if (method == "resources/read") {
    members = "\"uri\":\"" + std::string(random.pick(often)) + "\"";
  } else if (random.permille(200)) {
    members = "\"cursor\":\"\"";
  }
  Call& call = world.truth.call(number, method);
  call.id = fresh_id();
  call.equal = std::to_string(family) + " " + std::string(method) + " " + members;
  if (as_modern_) {
    call.era = Era::modern;
    call.person = person_;
    call.meta = claim_of(*this);
  }
  call.members = members;
  write_request(call, call.members, random.below(4));
  calls.push_back(&call);
  write_requests({&call}, call.text);
}

}  // namespace sim
