// One conversation with a server over HTTP: Streamable HTTP, or HTTP+SSE (2024-11-05) where the server knows
// no better.
//
// The only door of this room: the other files are parts of it. None of them knows how clients of our port are
// answered (inbound/).
//
// A state machine between the broker, which speaks in messages, and an HTTP client, which it tells what to
// request. `kind` says what the configuration knows; `automatic` finds out as the protocol says (transports,
// backwards compatibility): initialize is posted; 400, 404 or 405 make it look for an `endpoint` event at the
// same URL.
//
// - Every message is a POST of its own. Answers come as JSON or as a stream; a stream that breaks after an
//   event id is resumed by GET with Last-Event-ID, after `retry` or a back-off, a few times; then its call is
//   answered with an error of ours. A stream that breaks without an id: at once.
// - After initialized a GET stream is opened for what concerns no call; 405 is normal; else it is kept open.
// - 404 to a message with a session id: the server forgot the session (Forgot). Nothing is repeated here.
// - Every other refusal of a POST becomes the error answer to the call that it carried, saying the status.
// - A message that claims 2026-07-28 in its _meta goes by the rules of that revision, whatever was said
//   before: fields that repeat its body, no session, nothing resumed. Cancelling it closes its stream and is
//   answered at once. What the server's tools want as fields is asked for here, and tools that must not be
//   offered are taken out of the lists that pass.
// - A server/discover that is refused is answered with the server's own error, or -32601: it knows only older
//   revisions, and can be sent initialize. -32603 with our data: it wants a login, or is not there; that says
//   nothing of its revisions.
// - No connection at all, or answers of ours that nobody acknowledges: Down.
//
// Bytes of answers become one message each, on one line, checked by nobody yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "proto/http.h"
#include "proto/message.h"
#include "save/codec.h"

namespace transport {

using RequestId = std::uint64_t;  // Minted here, never used twice by one conversation. 0: none.

// Begin this request; report what comes of it by head(), body() and ended().
struct Request {
  RequestId id = 0;
  std::string method;
  std::string url;
  proto::HttpFields fields;
  proto::Message body;
  bool stream = false;  // May stay open and silent for ever.
};
struct Abandon {
  RequestId id = 0;
};
// A message of the server's. `call`: the id (ours, a number) of the request on whose stream it came, 0
// if none.
struct Receive {
  base::Bytes message;
  std::int64_t call = 0;
};
// The server forgot the session: a new one begins with the next message, which must be initialize. These were
// refused for that reason, so they have had no effect; none, where the loss was noticed while nothing was
// asked.
struct Forgot {
  std::vector<proto::Message> refused;
  bool session_lost = true;  // False: that was known already, and a new session has been begun since.
};
// The server cannot be talked to; a sentence for people. Nothing follows.
struct Down {
  std::string why;
};
// For the log.
struct Note {
  std::string text;
};

using ClientOutput = std::variant<Request, Abandon, Receive, Forgot, Down, Note>;

enum class Kind : std::uint8_t { automatic, streamable, sse };

struct ClientOptions {
  std::string server;  // The entry's name, for errors.
  std::string url;
  Kind kind = Kind::automatic;
  proto::HttpFields headers;  // Of the configuration: sent with every request.
  std::size_t message_bytes_max = std::size_t{64} << 20;
  static constexpr std::size_t fields = 5;
};

class StreamableClient {
 public:
  explicit StreamableClient(ClientOptions options, base::Instant now);
  ~StreamableClient();
  StreamableClient(StreamableClient&&) noexcept;
  StreamableClient& operator=(StreamableClient&&) noexcept;

  // A message for the server.
  void send(proto::Message message, base::Instant now);
  // Ends the conversation: DELETE where there is a session, everything else abandoned. Down does not follow.
  void close(base::Instant now);

  // What came of a request.
  void head(RequestId id, int status, const proto::HttpFields& fields, base::Instant now);
  void body(RequestId id, std::string_view bytes, base::Instant now);
  struct Failure {
    std::string why;               // A sentence: "connection refused".
    bool never_connected = false;  // The request was certainly not seen by the server.
  };
  void ended(RequestId id, const std::optional<Failure>& failure, base::Instant now);

  std::optional<base::Instant> deadline() const;
  void tick(base::Instant now);
  std::vector<ClientOutput>& outbox();

  // The conversation goes on in another program; its connections do not. What has to be waited for before it
  // can, as half a sentence: "the server x has not answered a call yet". Empty: nothing.
  std::string unsettled() const;
  // Plain values. May be asked for when nothing is unsettled; nothing is changed by it.
  class Saved {
   public:
    Saved();
    ~Saved();
    Saved(Saved&&) noexcept;
    Saved& operator=(Saved&&) noexcept;

   private:
    friend class StreamableClient;
    friend struct save::Codec<Saved>;
    struct Kept;
    std::unique_ptr<Kept> kept_;
  };
  Saved saved(base::Instant now) const;
  // What was broken off is begun again at once.
  StreamableClient(Saved saved, base::Instant now);

 private:
  struct Conversation;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace transport

template <>
struct save::Codec<transport::StreamableClient::Saved> {
  static void write(Writer& writer, const transport::StreamableClient::Saved& saved);
  static void read(Reader& reader, transport::StreamableClient::Saved& saved);
};
