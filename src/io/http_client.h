// Requests to HTTP servers: in plain HTTP by ourselves to what listens on this machine (io/local_http.h), and
// over libcurl to all others: TLS with the system's certificates, proxies from the environment (HTTPS_PROXY,
// NO_PROXY), gzip, HTTP/2. Either way connections are kept, and redirects are not followed.
//
// libcurl brings some thirty libraries along, so it is loaded (dlopen) when the first request needs it; where
// it is missing, that request fails with a sentence that says what to install.
//
// However fast servers send, others have their turn: see io/curl.h and io/local_http.h.
//
// Callbacks come from the loop, never from within a member function.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "io/loop.h"
#include "proto/http.h"
#include "proto/message.h"

namespace io {

class HttpClient {
 public:
  // How the other end is known, and how it knows us: files in PEM.
  struct Identity {
    std::vector<std::string> authorities;  // Trusted besides those of the system.
    std::string certificate, key;          // Ours; empty: none.
  };
  // Which user must own the socket that listens at a loopback address.
  enum class Listener : std::uint8_t { anybody, this_user_or_root };

  struct Request {
    std::string method;
    std::string url;
    proto::HttpFields fields = {};
    proto::Message body = {};
    base::Duration connect_timeout = std::chrono::seconds(15);
    std::optional<base::Duration> whole_timeout = {};  // From start to end; absent: as long as it takes.
    Identity identity = {};
    Listener listener = Listener::anybody;
  };
  struct Failure {
    std::string why;               // A sentence; never holds a field's value or a query.
    bool never_connected = false;  // The server has certainly not seen the request.
    bool timed_out = false;
  };
  struct Events {
    std::function<void(int status, const proto::HttpFields& fields)> on_head = {};
    std::function<void(std::string_view bytes)> on_body = {};
    std::function<void(const std::optional<Failure>& failure)> on_end = {};  // Last. Absent: complete.
  };

  // How servers on this machine are reached. Tests try both.
  enum class Local : std::uint8_t { by_ourselves, over_libcurl };

  explicit HttpClient(Loop& loop, Local local = Local::by_ourselves);
  ~HttpClient();  // Abandons what is under way.

  using Handle = std::uint64_t;
  Handle start(Request request, Events events);
  void abandon(Handle handle);  // No callback follows. A handle that has ended is ignored.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace io
