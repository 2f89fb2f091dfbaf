// What StreamableServer knows of its session. For the files that it consists of only: streamable_server.cpp
// has what the broker says and what goes out, streamable_requests.cpp what the client does.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/envelope.h"
#include "transport/inbound/earlier_lives.h"
#include "transport/inbound/event_log.h"
#include "transport/inbound/held_posts.h"
#include "transport/inbound/posted.h"
#include "transport/inbound/streamable_server.h"
#include "transport/inbound/streams.h"

namespace transport {

struct StreamableServer::State {
  using Number = Streams::Number;
  static constexpr Number standalone = 0;

  // One POST of requests that are not all answered.
  struct Post {
    ExchangeId exchange = 0;  // That waits for an answer as a whole.
    bool streaming = false;   // It is a stream, connected or not.
    bool initialize = false;
    bool batch = false;
    base::Instant opened;
    std::size_t unanswered = 0;
    std::vector<Event> answers = {};  // That go out together.

    bool lost() const { return exchange == 0 && !streaming; }
    static constexpr std::size_t fields = 7;
  };

  explicit State(StreamableOptions given)
      : options(std::move(given)),
        revision(options.revision),
        asked_to_initialize(revision.has_value()),
        streams(of_streams(options), outbox),
        earlier(streams, numbers, options.resume_for) {
    streams.begin(standalone);
    if (revision) speaks(*revision);
  }

  static StreamsOptions of_streams(const StreamableOptions& options) {
    return {.life = options.life,
            .poll_after = options.poll_after,
            .retry = options.retry,
            .comment_every = options.comment_every,
            .resume_for = options.resume_for,
            .log_bytes_max = options.log_bytes_max};
  }

  // Towards the client.
  void answer(ExchangeId exchange, proto::HttpAnswer with);
  void answer_whole(Post& post);
  void become_stream(Number number, Post& post, base::Instant now);
  void streams_due(base::Instant now);
  void complete(Number number, base::Instant now);
  proto::HttpFields head_of(const Post& post) const;

  // What the client does.
  void on(ExchangeId exchange, proto::HttpRequest request, base::Instant now);
  void posted(ExchangeId exchange, proto::HttpRequest request, base::Instant now);
  bool reuses_an_id(const Posted& posted) const;
  void open(ExchangeId exchange, const Posted& posted, base::Instant now);
  void cancelled(std::string_view raw_id, base::Instant now);
  void got(ExchangeId exchange, const proto::HttpRequest& request, base::Instant now);
  void deleted(ExchangeId exchange);

  // What the broker says.
  void answered(std::string_view raw_id, const proto::Message& message, const proto::Envelope& envelope,
                base::Instant now);
  void initialized_with(const proto::Message& message, const proto::Envelope& envelope);
  void asks(Event event, std::string_view concerns, base::Instant now);
  void tells(Event event, std::string_view concerns, base::Instant now);
  std::optional<Number> newest_open() const;
  Post* post_of(std::string_view raw_id);

  void begin_at(base::Instant now);
  void speaks(proto::Revision with);

  StreamableOptions options;
  std::vector<Output> outbox;
  std::optional<proto::Revision> revision;
  bool asked_to_initialize = false;
  bool failed = false;
  bool over = false;
  bool begun = false;
  bool holding = false;
  HeldPosts held;

  StreamNumbers numbers;
  Streams streams;
  EarlierLives earlier;
  std::map<Number, Post> posts;                      // The newest last.
  std::map<std::string, Number, std::less<>> calls;  // In flight, by raw id.
  std::map<ExchangeId, Number> waiting;              // POSTs whose answer is not a stream.
  std::optional<base::Instant> stream_due;           // When the oldest of them becomes a stream, or earlier.

  static constexpr std::size_t fields = 16;
};

// The revision that the parameters or the result of initialize name.
std::optional<proto::Revision> named_revision(std::string_view raw_object);

}  // namespace transport
