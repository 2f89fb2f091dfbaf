// What a broker must know of a message, as positions in its bytes.
//
// scan() reads one JSON-RPC message once, from end to end: it checks that the whole of it is well-formed JSON
// (RFC 8259) and well-formed UTF-8, and notes where the few members are that routing needs. Nothing is
// copied, nothing is built. Everything else in the message, known or not, is left as it is.
//
// Guaranteed for a message that scan() accepts: it is one JSON value nested at most `depth_max` deep; no
// envelope-level key ("jsonrpc", "id", "method", "params", "result", "error", and every other one that fills
// a span of Envelope) occurs twice or is spelt with escapes, so that no two readers can disagree on who it is
// for. Methods and the name of the related task are the exception: some writers escape every slash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

namespace proto {

// Deeper than any schema seen; a bound on what a peer can make us track.
inline constexpr int depth_max = 512;

// Where a value stands in the message. length 0: it is not there.
struct Span {
  std::size_t at = 0;
  std::size_t length = 0;

  bool present() const { return length != 0; }
  std::string_view in(std::string_view message) const { return message.substr(at, length); }
  static constexpr std::size_t fields = 2;
};

enum class Kind : std::uint8_t {
  request,       // method and id
  notification,  // method, no id
  response,      // id, and result or error
  batch,         // an array (2025-03-26 only); no span is set
};

struct Envelope {
  Kind kind = Kind::notification;
  Span id;              // The raw JSON value, quotes included: 1 and "1" are different ids. String or number.
  Span method;          // Without its quotes, as spelt: "tools\/call" is to be compared by spells().
  Span params;          // The raw value.
  Span result;          // The raw value.
  Span error;           // The raw value.
  Span meta;            // The raw value of params._meta, of a response result._meta, when it is an object.
  Span progress_token;  // params._meta.progressToken in a request; params.progressToken in a notification
                        // "notifications/progress". The raw value.
  Span request_id;      // params.requestId, raw: what "notifications/cancelled" names.
  Span uri;             // params.uri, raw, quotes included.
  Span level;           // params.level, raw, quotes included.
  Span task_id;         // params.taskId, raw, quotes included.
  Span related_task;   // The taskId in params._meta["io.modelcontextprotocol/related-task"], or under result.
  Span request_state;  // params.requestState, raw, quotes included (2026-07-28).
  Span result_type;    // result.resultType, raw, quotes included (2026-07-28).
  Span subscription;   // _meta["io.modelcontextprotocol/subscriptionId"] under params or result: a raw id.
  bool responses = false;  // params.inputResponses is present (2026-07-28).
  bool modern = false;     // params._meta claims "io.modelcontextprotocol/protocolVersion".
  bool task = false;       // params.task is present: the request asks to become a task (2025-11-25).
};

enum class ScanError : std::uint8_t {
  not_json,       // Ill-formed, or two values on one line.
  not_utf8,       // A string holds bytes that are not UTF-8.
  too_deep,       // Nested deeper than depth_max.
  not_a_message,  // JSON, but neither object nor array; or an object that is no JSON-RPC message.
  ambiguous,      // An envelope-level key twice, or spelt with escapes.
  bad_id,         // "id" is neither string nor number, as in the answer to input that could not be read.
};

std::string_view describe(ScanError error);

// `message` is one line without its terminator. Leading and trailing blanks are allowed.
std::expected<Envelope, ScanError> scan(std::string_view message);

// Whether the parameters of a request or a notification are what MCP knows: an object, null, or none.
// JSON-RPC has arrays, too, but no method of MCP takes one, and few servers survive one.
bool good_params(std::string_view message, const Envelope& envelope);
// Some writers spell none so.
bool null_params(std::string_view message, const Envelope& envelope);

// The members of a batch, in order, as spans of `message`; f(Span) is called for each element. The message
// must have been accepted by scan() with Kind::batch.
template <class F>
void each_in_batch(std::string_view message, F&& f);

// Messages of one batch: more than any client is known to send, few enough that answering each costs nothing.
inline constexpr std::size_t batch_max = 1000;

// Best effort after scan() refused: the id of a message that is broken elsewhere, so that the refusal can be
// addressed. Absent unless it is certain to be the top-level id.
Span salvage_id(std::string_view message);

// Where one value ends: `at` stands on its first byte in a text that scan() accepted.
std::size_t end_of_value(std::string_view message, std::size_t at);

template <class F>
void each_in_batch(std::string_view message, F&& f) {
  const auto blank = [&](std::size_t i) {
    const char c = message[i];
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
  };
  std::size_t at = message.find('[') + 1;
  for (;;) {
    while (at < message.size() && blank(at)) ++at;
    if (at >= message.size() || message[at] == ']') return;
    const std::size_t end = end_of_value(message, at);
    f(Span{at, end - at});
    at = end;
  }
}

}  // namespace proto
