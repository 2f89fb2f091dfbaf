// Many sessions of one client over Streamable HTTP, each with a connection of its own that is kept alive, and
// one call in flight.
//
// What bench/client.h is for pipes: one thread, one epoll set, and any answer but the one that is due ends
// the measurement, also one that comes as a stream.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bench/client.h"
#include "bench/processes.h"

namespace bench {

// Where a server is: a port of 127.0.0.1, or else a Unix socket.
struct HttpPlace {
  std::uint16_t port = 0;
  std::string socket = {};
  std::string target = {};  // "/mcp/NAME"
  std::string token = {};   // Shown if there is one.
};

class HttpClient {
 public:
  explicit HttpClient(HttpPlace place);
  ~HttpClient();

  // Opens sessions, one after the other, until there are `count`.
  base::Result<std::size_t> open_up_to(std::size_t count);

  // Keeps one call in flight in every session for `length`, then waits for the last ones. Of the load, only
  // request and answer count.
  base::Result<Batch> run(const Load& load, std::chrono::milliseconds length);

  // Ends every session, with DELETE.
  base::Result<std::size_t> close();

 private:
  class Session;

  HttpPlace place_;
  Descriptor epoll_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

// The body of the answer to a GET, on a connection of its own.
base::Result<std::string> http_get(const HttpPlace& place);

}  // namespace bench
