// The inside of a StreamableClient, shared by the files that implement it and by nobody else: what is under
// way (flights), what waits for an answer (calls), and which streams are to be opened again, and when.
//
// Members that may end the conversation (down()) or a flight invalidate references to flights: callers look
// them up again.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/envelope.h"
#include "proto/method.h"
#include "proto/rpc.h"
#include "proto/sse.h"
#include "transport/outbound/streamable_client.h"
#include "transport/param_headers/param_headers.h"

namespace transport {

// Under which a request goes to the server. What was begun under one is resumed under the same.
struct ClientIdentity {
  std::string session;  // Empty: the server gave none.
  std::string version;  // Empty: not known, or older than the field that carries it.
  static constexpr std::size_t fields = 2;
};

// Where a stream stands, across the connections that carry it.
struct ClientStream {
  std::optional<std::int64_t> call = std::nullopt;  // The call whose answer it is to bring.
  ClientIdentity identity = {};
  std::optional<std::string> last_id = std::nullopt;
  base::Duration retry = base::Duration::zero();
  int attempts = 0;       // To open it again, since it last brought something.
  bool no_more = false;   // The server says that it cannot be opened again.
  bool skipped = false;   // A message on it was too large to be read.
  bool was_open = false;  // At least once.
  static constexpr std::size_t fields = 8;
};

// What a modern request repeats of its body in fields, so that it can be routed without being read.
struct ModernPart {
  proto::Method method = proto::Method::other;
  std::string version;             // Its claim's.
  std::string tool = {};           // Of tools/call.
  std::string raw_cursor = {};     // Of tools/list.
  proto::HttpFields headers = {};  // Mcp-Method, Mcp-Name, Mcp-Param-*.
  std::string refused_with = {};   // The raw error for which it is sent a second time.
  bool brought = false;            // A message has come on its stream.
  static constexpr std::size_t fields = 7;
};

struct Flight {
  enum class Role : std::uint8_t {
    post,      // A message, to a Streamable HTTP server.
    resume,    // GET: the rest of a POST's stream.
    standing,  // GET: what concerns no call.
    sse,       // GET: the one stream of HTTP+SSE.
    sse_post,  // A message, to the endpoint of HTTP+SSE.
    farewell,  // DELETE
    modern,    // A message of 2026-07-28.
    listing,   // The same: tools/list, asked by us.
    left,      // Redirected: it goes on as another flight.
  };
  enum class Content : std::uint8_t { none, json, stream, refusal };

  Role role = Role::post;
  std::string url = {};  // Where a redirect has led; empty: where its role goes.
  int redirects = 0;
  proto::Message message = {};
  bool initialize = false;
  bool initialized = false;  // The notification.
  bool answers = false;      // A request of the server's.
  ClientStream stream = {};
  std::optional<ModernPart> modern = std::nullopt;
  base::Instant begun = {};
  // Then it is abandoned: its answer is here, or it asks for none.
  std::optional<base::Instant> over_at = std::nullopt;

  int status = 0;  // 0: no head yet.
  std::string type = {};
  Content content = Content::none;
  std::string collected = {};
  std::optional<proto::SseReader> reader = std::nullopt;
  static constexpr std::size_t fields = 16;
};

// The server's list of tools, while it is asked for.
struct ToolListing {
  RequestId flight = 0;  // That has not brought its page yet.
  std::string raw_id;
  std::string raw_meta;
  std::string version;
  std::string raw_cursor;  // Of the page that is asked for; empty for the first.
  int pages = 0;
  base::Instant due = {};
};

// Before JSON, as some servers write it.
inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
// An answer whose request is refused is looked through for an error object, up to here.
inline constexpr std::size_t refusal_bytes_max = std::size_t{64} << 10;
// A stream that brought its answer and does not end is abandoned then, and so is a cancelled call that gets
// none: servers need not answer it, and many do not end its connection either.
inline constexpr base::Duration lingers = std::chrono::seconds(5);
// Servers of the SDK ask on the standing stream what they want to know during a call, and lose the question
// where there is none yet; so what follows initialized waits for it, but no longer than this.
inline constexpr base::Duration settles_within = std::chrono::seconds(1);
// Between attempts to open a stream again, and how many are made for a call's.
inline constexpr base::Duration backoff_first = std::chrono::milliseconds(500);
inline constexpr base::Duration backoff_most = std::chrono::seconds(30);
inline constexpr int resume_attempts = 5;
// What the first initialize has not been answered within may be an older server's silence.
inline constexpr base::Duration silent_within = std::chrono::seconds(3);
// Answers of ours that the server has not acknowledged. A server that asks and acknowledges nothing would
// have one connection for each. As over stdio a single answer may be longer than what all together may be.
inline constexpr std::size_t answers_max = 256;
inline constexpr std::size_t answer_bytes_max = std::size_t{16} << 20;
// A notification or an answer of ours waits so long for a word.
inline constexpr base::Duration acknowledged_within = std::chrono::seconds(30);

// Of a listen.
inline constexpr std::string_view listen_ended = "the stream on which it tells of changes ended";

std::string on_one_line(std::string text);
bool is_message(const proto::SseEvent& event);
// Whether its stream has been open for a while.
bool lasted(const Flight& flight, base::Instant now);
bool wants_login(int status);
std::string describe_status(int status);
// Of an answer that is complete and holds none to the request.
std::string describe_no_answer(const Flight& flight, bool empty_body);
// "what (why)"
std::string with_reason(std::string what, const std::optional<StreamableClient::Failure>& why);
// Whether a refused first request may come from a server that knows an older revision only.
bool may_be_older(int status);
// The error object of a message, whatever else is wrong with it: servers refuse without an id.
std::string error_in(std::string_view body);
std::string too_large_sentence(std::size_t most);

// What is true of a conversation whatever is under way: it goes on in another program.
struct StreamableClient::Conversation {
  enum class Mode : std::uint8_t {
    undecided,  // initialize is out, or not even that.
    streamable,
    looking,  // For an endpoint.
    sse,
    asleep,  // HTTP+SSE whose stream was cut while nothing was asked: it is opened with the next request.
    over,
  };
  struct Call {
    bool initialize = false;
    bool modern = false;
    std::optional<base::Instant> over_at = std::nullopt;  // Cancelled; answered by us then.
    static constexpr std::size_t fields = 3;
  };
  struct Reopening {
    base::Instant when;
    ClientStream stream;  // Without a call: the standing one.
    static constexpr std::size_t fields = 2;
  };

  ClientOptions options = {};
  Mode mode = Mode::undecided;
  ClientIdentity identity = {};
  bool between_sessions = false;  // One was forgotten, and the next has no answer to initialize yet.
  bool worked = false;            // A call was answered in this session.
  // When a session was last given up because of what a refusal said.
  std::optional<base::Instant> given_up_at = std::nullopt;
  RequestId last_minted = 0;
  std::map<std::int64_t, Call> calls = {};  // That have no answer yet.
  std::vector<Reopening> reopenings = {};

  std::string endpoint = {};
  std::vector<Flight> queued = {};  // Until the endpoint is known, or the standing stream is there.
  // Of a new session: until its standing stream is there or certain not to come, or this time has come.
  std::optional<base::Instant> settled_by = std::nullopt;

  bool greeted = false;  // initialize was sent, at some time.
  ParamHeaders tools = {};
  std::set<std::string> noted_tools = {};  // That must not be offered.
  std::uint64_t last_list = 0;
  static constexpr std::size_t fields = 16;
};

// What goes on in another program, with what is begun there again (client_saving.cpp).
struct StreamableClient::Saved::Kept {
  Conversation conversation;
  std::vector<ClientStream> reopened = {};
  std::vector<proto::Message> sent_again = {};
  std::vector<std::int64_t> cut_off = {};
  static constexpr std::size_t fields = 4;
};

struct StreamableClient::State : Conversation {
  // Requests (streamable_client.cpp).
  void send(proto::Message message, base::Instant now);
  void cancelled(std::string_view raw_id, base::Instant now);
  // Why nothing more is answered to a server that takes no answers; empty if it does.
  std::string takes_no_answers() const;
  void post(Flight flight, base::Instant now);
  RequestId begin(Flight flight, base::Instant now);
  const std::string& url_of(const Flight& flight) const;
  proto::HttpFields fields_for(const Flight& flight) const;
  Flight* flight_of(RequestId id);
  void close(base::Instant now);
  void abandon_all();
  void down(std::string why);
  void head(RequestId id, int status, const proto::HttpFields& headers, base::Instant now);
  void body(RequestId id, std::string_view bytes, base::Instant now);
  void ended(RequestId id, const std::optional<Failure>& failure, base::Instant now);

  // Redirects (client_redirects.cpp). Whether it goes on elsewhere.
  bool follow(RequestId id, Flight& flight, std::string_view location, base::Instant now);

  // What a POST brings (client_post.cpp).
  void post_head(Flight& flight, const proto::HttpFields& headers, base::Instant now);
  void post_ended(Flight flight, const std::optional<Failure>& failure, base::Instant now);
  void answered_whole(Flight& flight, base::Instant now);
  void refused(Flight flight, base::Instant now);
  void forgot(Flight& flight, base::Instant now);
  // Whether its refusal says that the server does not know the session, and a new one may be begun for that.
  bool session_unknown(const Flight& flight, base::Instant now);
  void too_large(RequestId id, base::Instant now);
  void deliver(std::string text, std::optional<std::int64_t> call, base::Instant now);
  void take(const base::Bytes& message, const proto::Envelope* envelope, std::optional<std::int64_t> call,
            base::Instant now);
  void settle(std::int64_t call, base::Instant now);
  bool outstanding(const std::optional<std::int64_t>& call) const;
  enum class Retry : std::uint8_t { unsafe, safe };
  // An error of ours for the call, unless it has its answer; a Note where there is no call.
  void fail(std::optional<std::int64_t> call, std::string_view what, Retry retry = Retry::unsafe);
  void fail_with(std::int64_t call, std::string_view raw_error);
  void fail_with(std::int64_t call, const proto::ErrorData& data, std::string_view what);
  // The server refused it by that status; one that may mean the revision stands in the error to initialize.
  void refuse(const Flight& flight, int status, std::string_view what);
  void answer(std::int64_t call, std::string text);
  void note(std::string_view what);

  // Streams (client_streams.cpp).
  void stream_head(Flight& flight, base::Instant now);
  void stream_body(RequestId id, std::string_view bytes, base::Instant now);
  void stream_event(Flight& flight, proto::SseEvent event, base::Instant now);
  void call_stream_ended(Flight flight, std::string_view why, base::Instant now);
  void resume_ended(Flight flight, const std::optional<Failure>& failure, base::Instant now);
  void standing_ended(Flight flight, const std::optional<Failure>& failure, base::Instant now);
  void standing_refused(Flight flight, base::Instant now);
  // Or one that is to be opened again.
  bool has_standing() const;
  bool has_had_standing() const;  // One was open: the server knows such streams.
  void open_standing(base::Instant now);
  void settled(base::Instant now);
  void drop_standing();
  void reopen_later(ClientStream stream, base::Instant now);
  void reopen(ClientStream stream, base::Instant now);
  std::optional<base::Instant> deadline() const;
  void tick(base::Instant now);
  void let_go(base::Instant now);
  void reopen_due(base::Instant now);

  // HTTP+SSE (client_sse.cpp).
  void look_for_endpoint(base::Instant now);
  void fall_back(Flight flight, base::Instant now);
  // While initialize has no answer: the stream beside it, and its end.
  void look_beside(base::Instant now);
  void look_no_more_beside();
  void endpoint_beside(std::string_view text, base::Instant now);
  void sse_event(proto::SseEvent event, base::Instant now);
  void endpoint_named(std::string_view text, base::Instant now);
  void sse_ended(const Flight& flight, const std::optional<Failure>& failure);
  bool speaks_sse() const { return mode == Mode::sse || mode == Mode::looking || mode == Mode::asleep; }
  void fall_asleep();
  void wake(proto::Message request, base::Instant now);
  void sse_session_unknown(Flight refused, base::Instant now);
  void no_endpoint(std::string_view why);
  void endpoint_too_late();
  void sse_post_ended(Flight flight, const std::optional<Failure>& failure, base::Instant now);

  // Messages of 2026-07-28 (client_modern.cpp).
  void send_modern(Flight flight, const std::string& text, const proto::Envelope& envelope,
                   base::Instant now);
  void refuse_id(std::string_view raw_id);
  // Whether the cancelled call was one of these: then there is nothing to post.
  bool cancel_modern(std::string_view raw_id);
  void modern_head(Flight& flight);
  // `id`: 0 for one that has ended.
  void modern_text(RequestId id, Flight& flight, std::string text, base::Instant now);
  bool modern_response(RequestId id, Flight& flight, std::string& text, const proto::Envelope& envelope,
                       base::Instant now);
  void modern_ended(Flight flight, const std::optional<Failure>& failure, base::Instant now);
  void modern_unanswered(const Flight& flight, const std::optional<Failure>& failure);
  void modern_refused(Flight& flight, base::Instant now);
  void modern_lost(const Flight& flight, std::string what);
  void knows_no_modern(const Flight& flight, std::string_view why);
  void fail_with(std::int64_t call, proto::Code code, std::string_view what);

  // What tools want as fields (client_tools.cpp).
  void call_tool(Flight flight, base::Instant now);
  void post_tool_call(Flight flight, base::Instant now);
  // Whether the call is made again, with what the server's list says now.
  bool call_tool_again(RequestId id, Flight& flight, std::string_view raw_error, base::Instant now);
  // Notes what tools want. The raw result without those that must not be offered; empty: all may be.
  std::string learn_tools(std::string_view raw_result, std::string_view raw_cursor, std::string& next_cursor);
  void list_tools(const Flight& call, base::Instant now);
  void list_page(base::Instant now);
  void listed(std::string text, base::Instant now);
  void listing_ended(RequestId id, Flight flight, const std::optional<Failure>& failure, base::Instant now);
  void listing_over(base::Instant now);

  // Going on in another program (client_saving.cpp).
  enum class Fate : std::uint8_t { over, reopened, sent_again, cut_off, awaited };
  Fate fate_of(const Flight& flight) const;
  std::string awaited(const Flight& flight) const;
  std::string unsettled() const;
  Saved::Kept kept(base::Instant now) const;
  void resume(Saved::Kept kept, base::Instant now);

  std::vector<ClientOutput> outbox = {};
  std::map<RequestId, Flight> flights = {};

  RequestId sse_stream = 0;
  // How initialize was refused, while it is tried the older way.
  struct Refusal {
    int status = 0;
    std::string sentence;
    std::string error;  // The server's own, if it gave one.
  };
  std::optional<Refusal> refused_first = std::nullopt;
  std::optional<base::Instant> endpoint_due = std::nullopt;
  std::optional<base::Instant> silent_by = std::nullopt;  // The first initialize had no answer then.

  std::vector<Flight> awaiting_tools = {};  // Calls, until the list is there.
  std::optional<ToolListing> listing = std::nullopt;
};

}  // namespace transport
