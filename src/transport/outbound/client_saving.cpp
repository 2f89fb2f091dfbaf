// A conversation that goes on in another program, whose connections end with this one.
//
// What is under way when that happens, and what becomes of it:
//
//   request                          so far                              in the other program
//   ------------------------------   ---------------------------------   ----------------------------------
//   POST of a call                   no head; JSON; no event id          awaited here first
//     (also initialize)              a stream with an event id           GET behind that id, at once
//                                    the same, from a server that has    awaited: it may know no GET
//                                    opened none for what concerns none
//     (cancelled)                    whatever                            awaited: seconds (lingers)
//     (answered)                     the end of its stream               nothing
//   POST of a notification, answer   not ended                           awaited: acknowledged_within
//   GET, the rest of such a stream   whatever                            the same GET, at once
//   GET, what concerns no call       whatever                            GET behind its last id, at once
//   GET of HTTP+SSE                  it is the session                   awaited, as long as it is open
//   POST to its endpoint             not ended                           awaited, like that
//   POST of 2026-07-28: a listen     no message yet                      sent again, at once
//                                    acknowledged: news may be missed    the call ends as by a broken stream
//     another call                   no answer yet                       awaited: nothing is resumed there
//     a notification                 not ended                           awaited: acknowledged_within
//   POST of tools/list, ours         while calls wait for it             awaited: listed_within
//                                    else                                nothing
//   DELETE                           not ended                           awaited: a second (app/servers)
//   redirected                       its useless rest                    nothing
//
// Opening a stream again that nobody has broken is no attempt, and no failure: attempts stay what they were.

#include <utility>

#include "base/ensure.h"
#include "save/codec.h"
#include "transport/outbound/client_state.h"

namespace transport {

using Role = Flight::Role;

StreamableClient::State::Fate StreamableClient::State::fate_of(const Flight& flight) const {
  const auto call = flight.stream.call;
  const bool answered = call && !outstanding(call);
  switch (flight.role) {
    case Role::left:
      return Fate::over;
    case Role::standing:
      return Fate::reopened;
    case Role::listing:
      return listing ? Fate::awaited : Fate::over;
    case Role::post:
    case Role::resume: {
      if (answered) return Fate::over;
      const bool wanted = call && !calls.at(*call).over_at;
      const bool can_be = flight.role == Role::resume || has_had_standing();
      return wanted && flight.stream.last_id && can_be ? Fate::reopened : Fate::awaited;
    }
    case Role::modern:
      if (answered) return Fate::over;
      if (!call || flight.modern->method != proto::Method::subscriptions_listen) return Fate::awaited;
      return flight.modern->brought ? Fate::cut_off : Fate::sent_again;
    case Role::sse:
    case Role::sse_post:
    case Role::farewell:
      break;
  }
  return Fate::awaited;
}

std::string StreamableClient::State::awaited(const Flight& flight) const {
  const std::string server = "the server " + options.server;
  if (flight.role == Role::farewell) return server + " has not heard yet that its session is over";
  if (flight.role == Role::listing) return server + " has not told its tools yet";
  if (flight.initialize) return server + " has not answered initialize yet";
  if (flight.stream.call) return server + " has not answered a call yet";
  return server + " has not acknowledged a message yet";
}

std::string StreamableClient::State::unsettled() const {
  if (mode == Mode::sse) {
    return "the server " + options.server + " speaks HTTP+SSE, whose session would end with the connection";
  }
  if (mode == Mode::looking)
    return "the server " + options.server + " has named no endpoint for HTTP+SSE yet";
  for (const auto& [id, flight] : flights) {
    if (fate_of(flight) == Fate::awaited) return awaited(flight);
  }
  if (!outbox.empty()) return "the server " + options.server + " is being sent something";
  return {};
}

StreamableClient::Saved::Kept StreamableClient::State::kept(base::Instant now) const {
  ensure(unsettled().empty());
  Saved::Kept kept{.conversation = *this};
  for (const auto& [id, flight] : flights) {
    switch (fate_of(flight)) {
      case Fate::over:
      case Fate::awaited:
        break;
      case Fate::reopened:
        kept.reopened.push_back(flight.stream);
        if (flight.role == Role::standing && lasted(flight, now)) kept.reopened.back().attempts = 0;
        break;
      case Fate::sent_again:
        kept.sent_again.push_back(flight.message);
        break;
      case Fate::cut_off:
        kept.cut_off.push_back(*flight.stream.call);
        break;
    }
  }
  return kept;
}

void StreamableClient::State::resume(Saved::Kept kept, base::Instant now) {
  static_cast<Conversation&>(*this) = std::move(kept.conversation);
  for (ClientStream& stream : kept.reopened) reopen(std::move(stream), now);
  for (proto::Message& message : kept.sent_again) send(std::move(message), now);
  for (const std::int64_t call : kept.cut_off) fail(call, listen_ended, Retry::safe);
}

StreamableClient::Saved::Saved() = default;
StreamableClient::Saved::~Saved() = default;
StreamableClient::Saved::Saved(Saved&&) noexcept = default;
StreamableClient::Saved& StreamableClient::Saved::operator=(Saved&&) noexcept = default;

std::string StreamableClient::unsettled() const {
  return state_->unsettled();
}

StreamableClient::Saved StreamableClient::saved(base::Instant now) const {
  Saved saved;
  saved.kept_ = std::make_unique<Saved::Kept>(state_->kept(now));
  return saved;
}

StreamableClient::StreamableClient(Saved saved, base::Instant now) : state_(std::make_unique<State>()) {
  state_->resume(std::move(*saved.kept_), now);
}

}  // namespace transport

namespace save {

// What waits to be sent has no answer that could be read.
template <>
struct Codec<std::optional<proto::SseReader>> {
  static void write(Writer& writer, const std::optional<proto::SseReader>& reader) {
    ensure(!reader);
    writer.list(0);
  }
  static void read(Reader& reader, std::optional<proto::SseReader>&) {
    if (reader.list() != 0) reader.fail("an answer was written that is only begun");
  }
};

void Codec<transport::StreamableClient::Saved>::write(Writer& writer,
                                                      const transport::StreamableClient::Saved& saved) {
  save::write(writer, *saved.kept_);
}

void Codec<transport::StreamableClient::Saved>::read(Reader& reader,
                                                     transport::StreamableClient::Saved& saved) {
  saved.kept_ = std::make_unique<transport::StreamableClient::Saved::Kept>();
  save::read(reader, *saved.kept_);
}

}  // namespace save
