// libcurl on a loop: its sockets are watched, its time is kept, its transfers run.
//
// The library is loaded (dlopen) by load() and stays loaded; what it is built against are its headers alone.
// Nothing but transfers is decided here. A receiver is called from inside libcurl, so it only notes what it
// is told: no member of this may be called from there. `settled` is called from the loop when libcurl has
// returned; then everything is allowed. Transfers must not outlive their Curl.
//
// However fast a server sends, a turn of the loop takes no more than a budget of bytes from each transfer,
// and little more than one such budget from all of them.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/loop.h"

namespace io {

class Curl {
 public:
  struct Request {
    std::string method;
    std::string url;
    std::vector<std::string> lines;  // "name: value"; "name:" leaves out what libcurl would send.
    std::string body;
    std::chrono::milliseconds connect_timeout;
    std::optional<std::chrono::milliseconds> whole_timeout;
    std::string authorities;       // A file, instead of that of the system; empty: that.
    std::string certificate, key;  // Files; empty: none.
    bool to_this_user = false;     // A loopback address: whoever listens there must be this user, or root.
  };
  struct Failure {
    std::string why;
    bool never_connected = false;
    bool timed_out = false;
  };
  struct Receiver {
    std::function<bool(std::string_view line)> on_line;   // Of a head, with CRLF. False: fail.
    std::function<bool(std::string_view bytes)> on_body;  // Decoded. False: fail.
    std::function<void(std::optional<Failure> failure)> on_end;
  };

  // Fails where the library is missing; the error says what to install.
  static base::Result<std::unique_ptr<Curl>> load(Loop& loop, std::function<void()> settled);
  // The file with certificate authorities that libcurl reads by itself.
  std::string system_authorities() const;
  ~Curl();
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;

  // Exists as long as it is wanted.
  class Transfer {
   public:
    Transfer(Curl& curl, Request request, Receiver receiver);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

   private:
    friend class Curl;
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  struct State;
  explicit Curl(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace io
