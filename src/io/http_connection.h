// One connection of an HTTP client: requests in, answers and streams out.
//
// Reads one request at a time: the next is looked at when the one before has been answered. Keeps the
// connection for further requests as HTTP/1.1 says; a client that is slow to send (`patience` from the first
// byte of a request to its last), silent between requests (`idle`), or does not read what is written to it
// (`stall`), is hung up on. What breaks the framing is answered with the refusal and the connection closed.
//
// The head of a request is shown before its body is read (`on_head`): one that is refused by its head is
// answered at once, and what follows of it is thrown away unread. A body that comes in pieces is read on as
// long as its owner has room (`on_body`), and otherwise stays in the socket until go_on().
//
// A client that hangs up while its answer is due is noticed, and so is one that closes only its sending side:
// it is taken for gone, too. What it sends ahead of an answer is read up to a bound.
//
// The connection may be through TLS: then all of this holds for what TLS carries, and `patience` for its
// handshake, too. A client that speaks HTTP without TLS to it is told so.
//
// A connection without TLS goes on in the next program from what saved() tells, whatever it is in the middle
// of.
//
// On a Unix socket descriptors may travel along with the bytes; they are kept for the request that they came
// with.
//
// Callbacks come from the loop, never from within a member function. A connection that is let go from inside
// a callback is retired through the loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/descriptor.h"
#include "io/http_wire.h"
#include "io/loop.h"
#include "io/passed.h"
#include "proto/http.h"
#include "proto/http_request.h"
#include "proto/message.h"

namespace io {

class HttpConnection {
 public:
  struct Limits {
    proto::HttpRequestReader::Limits request = {};
    base::Duration patience = std::chrono::seconds(30);
    base::Duration idle = std::chrono::seconds(90);
    base::Duration stall = std::chrono::minutes(2);
    std::size_t descriptors_max = 8;
  };
  struct Events {
    // Once for each request, before on_request, and without its body. An answer refuses it; what is changed
    // in it, on_request is told.
    std::function<std::optional<proto::HttpAnswer>(proto::HttpRequest& head)> on_head = {};
    // So many bytes of a request are held that is not complete. False: wait for go_on().
    std::function<bool(std::size_t held)> on_body = {};
    std::function<void(proto::HttpRequest&&)> on_request;  // Exactly one answer is due.
    std::function<void()> on_drained = {};  // Everything queued was written, after having been blocked.
    // The client hung up, was hung up on, or the last answer of the connection is written. Nothing follows.
    std::function<void()> on_gone;
  };

  static base::Result<std::unique_ptr<HttpConnection>> open(Loop& loop, HttpWire wire, Limits limits,
                                                            Events events);
  ~HttpConnection();

  // The body that had to wait may come.
  void go_on();

  // The answer as a whole. Content-Length, Date and Connection are added.
  void answer(proto::HttpAnswer answer);
  // The same with status 200 and a message, of which nothing is copied, for a body.
  void answer(const proto::HttpFields& fields, proto::Message body);
  // The answer as a stream: chunked towards HTTP/1.1, until the connection's end towards 1.0.
  void begin_stream(int status, const proto::HttpFields& fields);
  void stream(proto::Message text);
  void end_stream();

  // Writes what the client takes. Called once per turn for every connection that was written to.
  void flush();
  std::size_t queued_bytes() const;

  std::vector<Descriptor>& descriptors();
  // Lets go of the descriptor, for whoever goes on with it in another way; not through TLS. Nothing is called
  // back afterwards.
  Descriptor release();

  // So much is held of a request whose head was not refused, and whose body is coming.
  std::optional<std::size_t> body_held() const;

  struct Saved;
  Saved saved() const;
  static base::Result<std::unique_ptr<HttpConnection>> resume(Loop& loop, Saved saved, Limits limits,
                                                              Events events);

 private:
  enum class Phase : std::uint8_t {
    reading,    // A request, or waiting for its first byte.
    answering,  // A request was handed out.
    streaming,  // Its answer has begun.
    finishing,  // Its answer is queued to the last byte.
    closing,    // Everything is said: waits for the client to hang up.
    gone,
  };
  // What is true of a connection at the moment.
  struct Standing {
    Phase phase = Phase::reading;

    // Of the request under way.
    bool begun = false;    // Its first byte has come, and the clock runs.
    bool judged = false;   // Its head was shown, and not refused.
    bool waiting = false;  // Its body is not read for now.
    bool keep_alive = false;
    bool chunked = false;
    bool head_only = false;

    bool ended = false;    // The client has closed its side, and what it sent before is still to be served.
    bool blocked = false;  // The client does not take more for now.
    bool owes_gone = false;
    std::optional<base::Instant> due = {};  // Its deadline.
    static constexpr std::size_t fields = 11;
  };
  struct State;
  explicit HttpConnection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct HttpConnection::Saved {
  Passed socket;
  std::vector<Passed> descriptors;
  proto::HttpRequestReader::Saved reader;
  std::string output;
  Standing standing;
  static constexpr std::size_t fields = 5;
};

}  // namespace io
