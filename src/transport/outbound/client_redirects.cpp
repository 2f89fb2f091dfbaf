// Redirects that keep method and body (307 and 308), within the origin of the URL that is asked.
//
// Web frameworks answer /mcp with one to /mcp/, and some servers send single calls elsewhere. Each request
// follows for itself, from the URL of the entry on: nothing is remembered.

#include <utility>

#include "transport/outbound/client_state.h"
#include "transport/outbound/endpoint_url.h"

namespace transport {
namespace {

// Two of them are usual (a slash, and https); more than a few are a circle.
constexpr int redirects_most = 5;

}  // namespace

bool StreamableClient::State::follow(RequestId id, Flight& flight, std::string_view location,
                                     base::Instant now) {
  const bool moved = flight.status == 307 || flight.status == 308;
  if (!moved || flight.redirects == redirects_most) return false;
  auto url = redirect_url(url_of(flight), location);
  if (!url) return false;
  // What is left of the answer is read and ignored, so that its connection can be used again.
  Flight again = std::exchange(flight, {.role = Flight::Role::left});
  flight.over_at = now + lingers;
  again.url = std::move(*url);
  again.status = 0;
  again.type.clear();
  ++again.redirects;
  const RequestId next = begin(std::move(again), now);
  if (sse_stream == id) sse_stream = next;
  if (listing && listing->flight == id) listing->flight = next;
  return true;
}

}  // namespace transport
