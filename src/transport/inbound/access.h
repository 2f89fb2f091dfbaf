// Decides for every request, before anything else, whether its client may talk to the HTTP port.
//
// Against DNS rebinding the Host must be one that we listen as, and an Origin, if there is one, too (403). A
// token, where one is set, must come as "Authorization: Bearer …" (401), compared in constant time. A field
// that decides what a request means must not occur twice (400). /.well-known/ is 404 for everybody.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/http.h"

namespace transport {

struct Access {
  // "127.0.0.1:8080", "localhost:8080", "[::1]:8080": host and port in lower case. Empty: the local socket,
  // where any Host is right, because no page in a browser can reach it. An Origin is refused there all the
  // same unless it is a listed one.
  std::vector<std::string> hosts;
  // Besides the port's own, "SCHEME://HOST" of each host: "https://inspector.example".
  std::vector<std::string> origins;
  std::optional<std::string> token;
  std::string token_is = {};  // Where a person finds it: "the token is in PATH".
  std::string scheme = "http";
  // Of a port that listens on every address of the machine: any numeric one is right, with this port. Only
  // names can be made to point at us by others.
  std::optional<std::uint16_t> any_address_at = {};
};

// The refusal, if there is one. Without a token a client may look for somebody to log in at: whatever it asks
// for then is answered with where the token is, at /register in the form of OAuth. refused_place: the same
// but for the token, which a browser's own questions do not carry.
std::optional<proto::HttpAnswer> refused_place(const Access& access, const proto::HttpRequest& request);
std::optional<proto::HttpAnswer> refused(const Access& access, const proto::HttpRequest& request);

}  // namespace transport
