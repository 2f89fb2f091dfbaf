#include "io/http_connection.h"

#include <array>
#include <string_view>

#include "io/clock.h"
#include "io/descriptor_limit.h"
#include "io/http_output.h"

namespace io {
namespace {

// What a client may send ahead of the answer it waits for. The rest stays in the socket.
constexpr std::size_t ahead_max = std::size_t{64} << 10;
// How long a client that was refused may take to read why, while it is still sending.
constexpr base::Duration linger = std::chrono::seconds(2);

// 1xx, 204 and 304 have neither a body nor a length.
bool has_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

}  // namespace

struct HttpConnection::State : Standing {
  State(Loop& loop, HttpWire on, Limits of, Events to)
      : wire(std::move(on)),
        limits(of),
        events(std::move(to)),
        reader(of.request),
        deadline_timer(loop, [this] { deadline_passed(); }),
        wake(loop, [this] { woken(); }) {}

  HttpWire wire;
  Limits limits;
  Events events;
  proto::HttpRequestReader reader;
  HttpOutput output;
  std::vector<Descriptor> descriptors;
  Timer deadline_timer;
  Timer wake;  // For what must come from the loop: the next request of a pipeline, and the end.
  Watch watch;

  void ready();
  void read_some();
  void tls_failed();
  void client_ended();
  void take_request();
  bool admits_head();
  void refuse(int status, std::string_view why);
  void queue_answer(int status, const proto::HttpFields& with, proto::Message body);
  void write_out();
  void answered();
  void discard();
  void deadline_passed();
  void woken();
  void update_interest();
  void go_on();
  void give_time(std::optional<base::Instant> until);
  void end();
};

void HttpConnection::State::give_time(std::optional<base::Instant> until) {
  due = until;
  if (due) {
    deadline_timer.set(*due);
  } else {
    deadline_timer.clear();
  }
}

void HttpConnection::State::ready() {
  switch (phase) {
    case Phase::reading:
      if (std::exchange(blocked, false)) {
        write_out();
      } else if (waiting) {
        end();  // Only a client that hangs up is heard then.
      } else {
        read_some();
      }
      return;
    case Phase::answering:
    case Phase::streaming:
      if (watch.hung_up()) {
        end();
      } else if (blocked) {
        blocked = false;
        write_out();
        if (phase == Phase::streaming && !blocked && events.on_drained) events.on_drained();
      } else {
        read_some();
      }
      return;
    case Phase::finishing:
      blocked = false;
      write_out();
      return;
    case Phase::closing:
      discard();
      return;
    case Phase::gone:
      return;
  }
}

void HttpConnection::State::read_some() {
  const auto take = [this](std::string_view text) { reader.feed(text); };
  switch (wire.receive(take, descriptors)) {
    case HttpWire::Came::nothing:
      return;
    case HttpWire::Came::broken:
      end();
      return;
    case HttpWire::Came::no_room:
      if (phase != Phase::reading) return end();
      refuse(no_room_status, no_room_for_session());
      return;
    case HttpWire::Came::end:
      client_ended();
      return;
    case HttpWire::Came::bad_tls:
      tls_failed();
      return;
    case HttpWire::Came::not_tls:
      refuse(400, "This port speaks TLS; write https:// instead of http://.");
      return;
    case HttpWire::Came::bytes:
      break;
  }
  if (descriptors.size() > limits.descriptors_max) {
    end();
    return;
  }
  // What TLS itself has to say to that.
  if (wire.pending() > 0 && !blocked) write_out();
  if (phase == Phase::reading) {
    take_request();
  } else {
    update_interest();
  }
}

// Why it failed is said to whoever may still read it.
void HttpConnection::State::tls_failed() {
  if (phase != Phase::reading) {
    end();
    return;
  }
  keep_alive = false;
  phase = Phase::finishing;
  write_out();
}

// A client that has closed its side while it waits for an answer is taken for one that has gone: over TCP
// the two cannot be told apart.
void HttpConnection::State::client_ended() {
  if (phase != Phase::reading) {
    end();
    return;
  }
  ended = true;
  take_request();
}

// False: it was refused by its head. If the rest of it is here already, the connection can go on.
bool HttpConnection::State::admits_head() {
  if (judged || !events.on_head) return true;
  proto::HttpRequest* head = reader.head();
  if (head == nullptr) return true;
  auto refused = events.on_head(*head);
  if (!refused) {
    judged = true;
    return true;
  }
  head_only = head->method == "HEAD";
  keep_alive = reader.next() && reader.keep_alive();
  chunked = !reader.http_1_0();
  begun = false;
  queue_answer(refused->status, refused->fields, proto::Message(std::move(refused->body)));
  if (!blocked) write_out();
  return false;
}

void HttpConnection::State::take_request() {
  if (!admits_head()) return;
  if (auto request = reader.next()) {
    phase = Phase::answering;
    begun = judged = false;
    keep_alive = reader.keep_alive();
    chunked = !reader.http_1_0();
    head_only = request->method == "HEAD";
    give_time({});
    if (blocked) give_time(now() + limits.stall);
    update_interest();
    events.on_request(std::move(*request));
    return;
  }
  if (const auto refusal = reader.refusal()) {
    refuse(refusal->status, refusal->why);
    return;
  }
  if (ended) {
    end();
    return;
  }
  if (!begun && reader.begun()) {
    begun = true;
    give_time(now() + limits.patience);
  }
  if (reader.wants_continue()) {
    output.queue_text("HTTP/1.1 100 Continue\r\n\r\n");
    if (!blocked) write_out();
  }
  if (phase == Phase::reading && judged && events.on_body && !events.on_body(reader.buffered())) {
    waiting = true;
    update_interest();
  }
}

void HttpConnection::State::refuse(int status, std::string_view why) {
  keep_alive = head_only = false;
  proto::HttpAnswer answer = proto::problem(status, why);
  queue_answer(status, answer.fields, proto::Message(std::move(answer.body)));
  write_out();
}

void HttpConnection::State::queue_answer(int status, const proto::HttpFields& with, proto::Message body) {
  std::string framing;
  if (has_body(status)) framing = "content-length: " + std::to_string(body.size()) + "\r\n";
  framing += !keep_alive ? "connection: close\r\n" : chunked ? "" : "connection: keep-alive\r\n";
  output.queue_head(status, with, framing);
  if (has_body(status) && !head_only) output.queue_body(std::move(body));
  phase = Phase::finishing;
}

// While a request is read its own deadline goes on: what is written then is little, and buys no time.
void HttpConnection::State::write_out() {
  switch (output.write_to(wire)) {
    case HttpWire::Outcome::all_written:
      if (phase != Phase::reading) give_time({});
      if (phase == Phase::finishing) {
        answered();
      } else {
        update_interest();
      }
      return;
    case HttpWire::Outcome::blocked:
      blocked = true;
      if (phase != Phase::reading) give_time(now() + limits.stall);
      update_interest();
      return;
    case HttpWire::Outcome::failed:
      end();
      return;
  }
}

void HttpConnection::State::answered() {
  descriptors.clear();
  if (!keep_alive) {
    // Closing at once could destroy what the client has not read yet, if there is something of its own that
    // we have not read.
    blocked = wire.finish() == HttpWire::Outcome::blocked;
    if (!blocked) phase = Phase::closing;
    give_time(now() + (blocked ? limits.stall : linger));
    update_interest();
    return;
  }
  phase = Phase::reading;
  update_interest();
  if (reader.begun() || ended) {
    wake.set(now());
  } else {
    give_time(now() + limits.idle);
  }
}

void HttpConnection::State::discard() {
  if (!wire.discard()) end();
}

void HttpConnection::State::deadline_passed() {
  due.reset();
  if (phase == Phase::reading && waiting) {
    waiting = false;
    refuse(503, "Too many large requests were coming in; send it again.");
  } else if (phase == Phase::reading && begun) {
    refuse(408, "The request did not come to its end in time.");
  } else {
    end();
  }
}

void HttpConnection::State::woken() {
  if (std::exchange(owes_gone, false)) {
    events.on_gone();
  } else if (phase == Phase::reading) {
    take_request();
  }
}

void HttpConnection::State::update_interest() {
  const auto interest = [&] {
    switch (phase) {
      case Phase::reading:
        if (blocked) return Interest::write;
        if (waiting) return Interest::hang_up;
        return ended ? Interest::none : Interest::read;
      case Phase::answering:
      case Phase::streaming:
        if (ended) return blocked ? Interest::write : Interest::none;
        if (blocked) return Interest::write_or_hang_up;
        return reader.buffered() < ahead_max ? Interest::read : Interest::hang_up;
      case Phase::finishing:
        return blocked ? Interest::write : Interest::none;
      case Phase::closing:
        return Interest::read;
      case Phase::gone:
        break;
    }
    return Interest::none;
  };
  watch.set(interest());
}

void HttpConnection::State::end() {
  // Nothing was cut off, and through TLS the client wants to know.
  if (phase == Phase::reading && !blocked) static_cast<void>(wire.finish());
  phase = Phase::gone;
  owes_gone = true;
  output.clear();
  give_time({});
  update_interest();
  wake.set(now());
}

// In the next program: what the timers had to do is to be done.
void HttpConnection::State::go_on() {
  if (output.queued_bytes() > 0 && !std::exchange(blocked, true) && !due) due = now() + limits.stall;
  update_interest();
  give_time(due);
  const bool next_is_there = phase == Phase::reading && !begun && (reader.begun() || ended);
  if (owes_gone || next_is_there) wake.set(now());
}

// --- HttpConnection

HttpConnection::HttpConnection(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpConnection::~HttpConnection() = default;

base::Result<std::unique_ptr<HttpConnection>> HttpConnection::open(Loop& loop, HttpWire wire, Limits limits,
                                                                   Events events) {
  auto state = std::make_unique<State>(loop, std::move(wire), limits, std::move(events));
  State* self = state.get();
  state->watch = TRY(loop.watch(self->wire.socket(), Interest::read, [self] { self->ready(); }));
  state->give_time(now() + limits.patience);
  return std::unique_ptr<HttpConnection>(new HttpConnection(std::move(state)));
}

void HttpConnection::go_on() {
  if (!std::exchange(state_->waiting, false)) return;
  if (state_->phase == Phase::reading) state_->update_interest();
}

void HttpConnection::answer(proto::HttpAnswer answer) {
  if (state_->phase != Phase::answering) return;
  state_->queue_answer(answer.status, answer.fields, proto::Message(std::move(answer.body)));
}

void HttpConnection::answer(const proto::HttpFields& fields, proto::Message body) {
  if (state_->phase == Phase::answering) state_->queue_answer(200, fields, std::move(body));
}

void HttpConnection::begin_stream(int status, const proto::HttpFields& fields) {
  if (state_->phase != Phase::answering) return;
  state_->phase = Phase::streaming;
  if (!state_->chunked) state_->keep_alive = false;
  std::string framing = state_->chunked ? "transfer-encoding: chunked\r\n" : "";
  if (!state_->keep_alive) framing += "connection: close\r\n";
  state_->output.queue_head(status, fields, framing);
}

void HttpConnection::stream(proto::Message text) {
  if (state_->phase != Phase::streaming || state_->head_only || text.size() == 0) return;
  if (state_->chunked) {
    state_->output.queue_chunk(std::move(text));
  } else {
    state_->output.queue_body(std::move(text));
  }
}

void HttpConnection::end_stream() {
  if (state_->phase != Phase::streaming) return;
  if (state_->chunked && !state_->head_only) state_->output.queue_text("0\r\n\r\n");
  state_->phase = Phase::finishing;
  if (state_->blocked) state_->update_interest();
}

void HttpConnection::flush() {
  const bool talking = state_->phase == Phase::streaming || state_->phase == Phase::finishing;
  if (talking && !state_->blocked) state_->write_out();
}

std::size_t HttpConnection::queued_bytes() const {
  return state_->output.queued_bytes() + state_->wire.pending();
}

std::vector<Descriptor>& HttpConnection::descriptors() {
  return state_->descriptors;
}

Descriptor HttpConnection::release() {
  state_->phase = Phase::gone;
  state_->watch = {};
  state_->give_time({});
  state_->wake.clear();
  return state_->wire.release();
}

std::optional<std::size_t> HttpConnection::body_held() const {
  const bool coming = state_->phase == Phase::reading && state_->judged;
  return coming ? std::optional(state_->reader.buffered()) : std::nullopt;
}

HttpConnection::Saved HttpConnection::saved() const {
  Saved saved{.socket = state_->wire.passed(),
              .descriptors = {},
              .reader = state_->reader.saved(),
              .output = state_->output.queued(),
              .standing = *state_};
  for (const Descriptor& one : state_->descriptors) saved.descriptors.push_back(pass(one));
  return saved;
}

base::Result<std::unique_ptr<HttpConnection>> HttpConnection::resume(Loop& loop, Saved saved, Limits limits,
                                                                     Events events) {
  Descriptor socket = TRY(take(saved.socket));
  auto state = std::make_unique<State>(loop, HttpWire(std::move(socket)), limits, std::move(events));
  State* self = state.get();
  for (const Passed one : saved.descriptors) self->descriptors.push_back(TRY(take(one)));
  static_cast<Standing&>(*self) = saved.standing;
  self->reader.resume(std::move(saved.reader));
  self->output.queue_text(std::move(saved.output));
  self->watch = TRY(loop.watch(self->wire.socket(), Interest::none, [self] { self->ready(); }));
  self->go_on();
  return std::unique_ptr<HttpConnection>(new HttpConnection(std::move(state)));
}

}  // namespace io
