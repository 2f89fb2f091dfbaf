#include "app/servers/remote_link.h"

#include <utility>
#include <variant>

#include "base/cases.h"
#include "io/clock.h"

namespace app {
namespace {

constexpr base::Duration farewell = std::chrono::seconds(1);

}  // namespace

RemoteLink::RemoteLink(io::Loop& loop, io::HttpClient& http, transport::ClientOptions options,
                       Connecting connecting, Events events)
    : RemoteLink(loop, http, transport::StreamableClient(std::move(options), io::now()),
                 std::move(connecting), std::move(events)) {}

RemoteLink::RemoteLink(io::Loop& loop, io::HttpClient& http, transport::StreamableClient client,
                       Connecting connecting, Events events)
    : http_(http),
      connecting_(std::move(connecting)),
      client_(std::move(client)),
      events_(std::move(events)),
      timer_(loop,
             [this] {
               client_.tick(io::now());
               carry_out();
             }),
      patience_(loop, [this] { std::exchange(closed_, nullptr)(); }) {
  settle();
}

RemoteLink::~RemoteLink() {
  for (const auto& [id, handle] : under_way_) http_.abandon(handle);
}

std::string RemoteLink::unsettled() const {
  std::string what = client_.unsettled();
  return what.empty() && closed_ ? "a session with a server ends" : what;
}

RemoteLink::Saved RemoteLink::saved() const {
  const io::HttpClient::Identity& identity = connecting_.identity;
  return {.client = client_.saved(io::now()),
          .authorities = identity.authorities,
          .certificate = identity.certificate,
          .key = identity.key,
          .listener = connecting_.listener};
}

std::unique_ptr<RemoteLink> RemoteLink::resume(io::Loop& loop, io::HttpClient& http, Saved saved,
                                               Events events) {
  Connecting connecting{.identity = {.authorities = std::move(saved.authorities),
                                     .certificate = std::move(saved.certificate),
                                     .key = std::move(saved.key)},
                        .listener = saved.listener};
  std::unique_ptr<RemoteLink> link(
      new RemoteLink(loop, http, transport::StreamableClient(std::move(saved.client), io::now()),
                     std::move(connecting), std::move(events)));
  link->act_at_once();
  link->settle();
  return link;
}

void RemoteLink::send(proto::Message message) {
  client_.send(std::move(message), io::now());
  act_at_once();
  settle();
}

void RemoteLink::close(std::function<void()> closed) {
  closed_ = std::move(closed);
  client_.close(io::now());
  act_at_once();
  patience_.set(io::now() + farewell);
  settle();
}

// A request calls nobody back while it begins or is abandoned, so neither has to wait for another turn of the
// loop. What stands behind something that has to wait keeps its place.
void RemoteLink::act_at_once() {
  if (carrying_out_) return;
  std::vector<transport::ClientOutput>& outbox = client_.outbox();
  auto next = outbox.begin();
  for (; next != outbox.end(); ++next) {
    if (auto* const request = std::get_if<transport::Request>(&*next)) {
      begin(std::move(*request));
    } else if (const auto* const abandoned = std::get_if<transport::Abandon>(&*next)) {
      abandon(abandoned->id);
    } else {
      break;
    }
  }
  outbox.erase(outbox.begin(), next);
}

// Callers are not called back: what else is to be done is done when the loop comes round.
void RemoteLink::settle() {
  const auto due = client_.deadline();
  if (!client_.outbox().empty() || (closed_ && under_way_.empty())) {
    timer_.set(io::now());
  } else if (due) {
    timer_.set(*due);
  } else {
    timer_.clear();
  }
}

void RemoteLink::carry_out() {
  carrying_out_ = true;
  while (!client_.outbox().empty()) {
    auto outputs = std::exchange(client_.outbox(), {});
    for (transport::ClientOutput& output : outputs) {
      std::visit(base::Cases{
                     [&](transport::Request& request) { begin(std::move(request)); },
                     [&](transport::Abandon& abandoned) { abandon(abandoned.id); },
                     [&](transport::Receive& receive) {
                       if (!closed_) events_.on_message(std::move(receive.message), receive.call);
                     },
                     [&](transport::Forgot& forgot) {
                       if (!closed_) events_.on_forgot(std::move(forgot));
                     },
                     [&](transport::Down& down) {
                       if (!closed_) events_.on_down(std::move(down.why));
                     },
                     [&](transport::Note& note) { events_.on_note(std::move(note.text)); },
                 },
                 output);
    }
  }
  carrying_out_ = false;
  if (closed_ && under_way_.empty()) {
    patience_.clear();
    std::exchange(closed_, nullptr)();
    return;
  }
  settle();
}

void RemoteLink::abandon(transport::RequestId id) {
  const auto found = under_way_.find(id);
  if (found == under_way_.end()) return;
  http_.abandon(found->second);
  under_way_.erase(found);
}

void RemoteLink::begin(transport::Request request) {
  const transport::RequestId id = request.id;
  io::HttpClient::Request wanted{.method = std::move(request.method),
                                 .url = std::move(request.url),
                                 .fields = std::move(request.fields),
                                 .body = std::move(request.body),
                                 .whole_timeout = std::nullopt,
                                 .identity = connecting_.identity,
                                 .listener = connecting_.listener};
  under_way_[id] = http_.start(
      std::move(wanted),
      {.on_head =
           [this, id](int status, const proto::HttpFields& fields) {
             client_.head(id, status, fields, io::now());
             carry_out();
           },
       .on_body =
           [this, id](std::string_view bytes) {
             client_.body(id, bytes, io::now());
             carry_out();
           },
       .on_end =
           [this, id](const std::optional<io::HttpClient::Failure>& failure) {
             under_way_.erase(id);
             using Failure = transport::StreamableClient::Failure;
             client_.ended(
                 id, failure ? std::optional(Failure{failure->why, failure->never_connected}) : std::nullopt,
                 io::now());
             carry_out();
           }});
}

}  // namespace app
