#include "app/servers/web_server.h"

#include <utility>

#include "base/ensure.h"
#include "io/clock.h"
#include "io/tcp_socket.h"

namespace app {
namespace {

// Between two questions whether it answers yet. A server that takes a second is asked a few times.
constexpr base::Duration ask_again = std::chrono::milliseconds(50);
constexpr base::Duration answer_timeout = std::chrono::seconds(5);
// One that takes the connection and says nothing for so long is up, and has something against the question.
constexpr base::Duration up_timeout = std::chrono::seconds(2);

// What only an MCP server answers in the expected way. Nothing follows it, so no session is used.
constexpr std::string_view greeting =
    R"({"jsonrpc":"2.0","id":"hearth-port","method":"initialize","params":{"protocolVersion":"2025-06-18",)"
    R"("capabilities":{},"clientInfo":{"name":"hearth","version":"0"}}})";

bool speaks_mcp(core::Link link, int status, const proto::HttpFields& fields) {
  const std::string type = proto::media_type_of(fields.get("content-type"));
  if (link == core::Link::sse) return status == 200 && type == "text/event-stream";
  return status == 200 && (type == "text/event-stream" || type == "application/json");
}

// It is there, and has something against what it was asked.
bool only_silent(const io::HttpClient::Failure& failure) {
  return failure.timed_out && !failure.never_connected;
}

}  // namespace

std::string with_port(std::string_view text, std::uint16_t port) {
  constexpr std::string_view place = "${port}";
  std::string out;
  while (true) {
    const std::size_t at = text.find(place);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += std::to_string(port);
    text.remove_prefix(at + place.size());
  }
}

WebServer::WebServer(Hands hands, broker::StartInstance what, std::string log_file, Events events)
    : hands_(hands),
      what_(std::move(what)),
      log_file_(std::move(log_file)),
      events_(std::move(events)),
      timer_(hands.loop, [this] { std::exchange(next_, nullptr)(); }),
      next_([this] { begin(); }) {
  timer_.set(io::now());
}

WebServer::WebServer(Hands hands, Resumed, Saved saved, Events events)
    : hands_(hands),
      events_(std::move(events)),
      url_(std::move(saved.url)),
      port_(saved.port),
      address_(saved.address),
      timer_(hands.loop, [this] { std::exchange(next_, nullptr)(); }),
      answers_(true),
      ends_for_(std::move(saved.ends_for)) {
  what_.name = std::move(saved.name);
  what_.program = std::move(saved.program);
}

WebServer::~WebServer() {
  if (asking_) hands_.http.abandon(*asking_);
}

std::string WebServer::unsettled() const {
  const std::string server = "the server " + what_.name;
  if (const std::string_view what = child_ ? child_->unsettled() : ""; !what.empty())
    return server + ' ' + std::string(what);
  if (!answers_) return server + " is starting";
  if (asking_) return server + " is asked whether it is still there";
  if (next_) return server + " is let go of";
  return {};
}

// All else was for its start.
WebServer::Saved WebServer::saved() const {
  ensure(unsettled().empty());
  return {.name = what_.name,
          .program = what_.program,
          .url = url_,
          .port = port_,
          .address = address_,
          .child = child_ ? std::optional(child_->saved()) : std::nullopt,
          .ends_for = ends_for_};
}

std::unique_ptr<WebServer> WebServer::resume(Hands hands, Saved saved, Events events) {
  std::optional<io::Child::Saved> child = std::exchange(saved.child, std::nullopt);
  std::unique_ptr<WebServer> web(new WebServer(hands, Resumed(), std::move(saved), std::move(events)));
  if (child) web->take(std::move(*child));
  return web;
}

// One that cannot be gone on with has been killed: then it has ended.
void WebServer::take(io::Child::Saved saved) {
  auto child = hands_.children.resume(std::move(saved), child_events());
  if (child) {
    child_ = std::move(*child);
    return;
  }
  next_ = [this, why = child.error().what] { end({.how = why, .last_words = {}, .survivors = 0}); };
  timer_.set(io::now());
}

void WebServer::begin() {
  if (what_.program.empty()) {
    url_ = what_.address.url;
    events_.on_started(0);
    answers_ = true;
    events_.on_answers();
    return;
  }
  port_ = what_.address.port;
  if (port_ == 0) {
    const auto free = io::free_port();
    if (!free) return fail(free.error().what);
    port_ = *free;
  }
  find_place();
}

void WebServer::find_place() {
  settle_on(io::Loopback::v4);
  if (const auto stranger = io::stranger_on(address_, port_)) return taken_by_stranger(*stranger);
  if (io::listens_on(address_, port_)) return ask_who_listens();
  settle_on(io::Loopback::v6);
  const bool ours = io::listens_on(address_, port_) && !io::stranger_on(address_, port_);
  if (ours) return ask_who_listens();
  settle_on(io::Loopback::v4);
  launch();
}

void WebServer::settle_on(io::Loopback address) {
  address_ = address;
  url_ = std::string("http://") + (address == io::Loopback::v4 ? "127.0.0.1" : "[::1]") + ':' +
         std::to_string(port_) + with_port(what_.address.path, port_);
}

// False: both have been tried.
bool WebServer::try_other_address() {
  settle_on(address_ == io::Loopback::v4 ? io::Loopback::v6 : io::Loopback::v4);
  return address_ == io::Loopback::v6;
}

io::HttpClient::Listener WebServer::listener() const {
  return what_.program.empty() ? io::HttpClient::Listener::anybody
                               : io::HttpClient::Listener::this_user_or_root;
}

std::string WebServer::holder() const {
  return io::listener_on(port_).value_or("a process that has just ended");
}

void WebServer::taken_by_stranger(const std::string& who) {
  const bool chosen = what_.address.port == 0;
  const std::string why = "port " + std::to_string(port_) + " is taken by " + who +
                          ", so nothing is sent there; " +
                          (chosen ? "start the server again, and it gets another port"
                                  : "end that process, or give the server another \"port\" in config.json");
  if (!child_) return fail(why);
  ends_for_ = why;
  child_->stop();
}

void WebServer::ask(std::string method, io::HttpClient::Events events) {
  io::HttpClient::Request request{.method = std::move(method),
                                  .url = url_,
                                  .fields = {},
                                  .body = {},
                                  .connect_timeout = answer_timeout,
                                  .whole_timeout = answer_timeout};
  request.listener = listener();
  if (request.method == "OPTIONS") request.whole_timeout = up_timeout;
  request.fields.add("accept", "application/json, text/event-stream");
  if (request.method == "POST") {
    request.fields.add("content-type", "application/json");
    request.body = proto::Message(base::Bytes::literal(greeting));
  }
  asking_ = hands_.http.start(std::move(request), std::move(events));
}

// First to bind wins: a server that somebody else has started there is as good as ours.
void WebServer::ask_who_listens() {
  waits_for_ = "port " + std::to_string(port_) + " is taken by " + holder() + ", which does not answer";
  const auto taken = [this] {
    fail("port " + std::to_string(port_) + " is taken by " + holder() +
         ", which does not answer as an MCP server; end it, or give the server another \"port\" in "
         "config.json");
  };
  ask(what_.link == core::Link::sse ? "GET" : "POST",
      {.on_head =
           [this, taken](int status, const proto::HttpFields& fields) {
             hands_.http.abandon(*std::exchange(asking_, std::nullopt));
             if (!speaks_mcp(what_.link, status, fields)) return taken();
             waits_for_.clear();
             events_.on_started(0);
             answers_ = true;
             events_.on_answers();
           },
       .on_body = [](std::string_view) {},
       .on_end =
           [this, taken](const std::optional<io::HttpClient::Failure>&) {
             asking_.reset();
             taken();
           }});
}

void WebServer::launch() {
  io::LaunchSpec spec{.name = what_.name,
                      .program = what_.program,
                      .args = {},
                      .directory = what_.directory,
                      .environment = {},
                      .inheritance = what_.inheritance,
                      .log_file = log_file_,
                      .output = io::Output::log,
                      .limits = what_.limits};
  for (const std::string& arg : what_.args) spec.args.push_back(with_port(arg, port_));
  for (const auto& [name, value] : what_.environment) spec.environment.emplace(name, with_port(value, port_));
  child_ = hands_.children.spawn(std::move(spec), child_events());
}

io::Child::Events WebServer::child_events() {
  return {.on_started = [this](pid_t pid) { started(pid); },
          .on_start_failed =
              [this](const base::Error& why) {
                hands_.loop.retire(std::move(child_));
                fail(why.what);
              },
          .on_line = {},
          .on_spoke = [this] { events_.on_spoke(); },
          .on_input_drained = {},
          .on_left = [this](pid_t heir) { moved(heir); },
          .on_gone = [this](const io::Gone& gone) { end(gone); }};
}

void WebServer::started(pid_t pid) {
  events_.on_started(pid);
  if (child_->stopping()) return;
  next_ = [this] { ask_whether_it_answers(); };
  timer_.set(io::now() + ask_again);
}

void WebServer::ask_whether_it_answers() {
  // Looked at before it is connected to, too: a stranger is not to hear that anybody comes.
  if (const auto stranger = io::stranger_on(address_, port_)) return taken_by_stranger(*stranger);
  // OPTIONS opens no session anywhere, and whoever does not know it says so.
  ask("OPTIONS", {.on_head =
                      [this](int, const proto::HttpFields&) {
                        hands_.http.abandon(*std::exchange(asking_, std::nullopt));
                        answers_ = true;
                        events_.on_answers();
                      },
                  .on_body = [](std::string_view) {},
                  .on_end =
                      [this](const std::optional<io::HttpClient::Failure>& failure) {
                        asking_.reset();
                        if (failure) return does_not_answer(*failure);
                        answers_ = true;
                        events_.on_answers();
                      }});
}

// What a server leaves when it ends of its own accord looks the same, and does not answer.
void WebServer::moved(pid_t heir) {
  if (events_.on_moved) events_.on_moved(heir);
  if (!answers_ || asking_) return;
  ask("OPTIONS", {.on_head =
                      [this](int, const proto::HttpFields&) {
                        hands_.http.abandon(*std::exchange(asking_, std::nullopt));
                      },
                  .on_body = [](std::string_view) {},
                  .on_end =
                      [this](const std::optional<io::HttpClient::Failure>& failure) {
                        asking_.reset();
                        if (failure && !only_silent(*failure) && child_) child_->stop();
                      }});
}

// It may not be there yet, or on the other address only.
void WebServer::does_not_answer(const io::HttpClient::Failure& failure) {
  if (only_silent(failure)) {
    answers_ = true;
    events_.on_answers();
    return;
  }
  if (const auto stranger = io::stranger_on(io::Loopback::v4, port_)) return taken_by_stranger(*stranger);
  next_ = [this] { ask_whether_it_answers(); };
  timer_.set(try_other_address() ? io::now() : io::now() + ask_again);
}

void WebServer::look() {
  // A process of ours is watched, and what is elsewhere may come back.
  if (child_ || what_.program.empty() || !answers_ || asking_) return;
  ask("OPTIONS", {.on_head =
                      [this](int, const proto::HttpFields&) {
                        hands_.http.abandon(*std::exchange(asking_, std::nullopt));
                      },
                  .on_body = [](std::string_view) {},
                  .on_end =
                      [this](const std::optional<io::HttpClient::Failure>& failure) {
                        asking_.reset();
                        if (!failure || only_silent(*failure)) return;
                        end({.how = "is no longer there", .last_words = {}, .survivors = 0});
                      }});
}

void WebServer::stop() {
  if (asking_) hands_.http.abandon(*std::exchange(asking_, std::nullopt));
  timer_.clear();
  if (child_) {
    child_->stop();
    return;
  }
  next_ = [this] {
    end({.how = waits_for_.empty() ? "was let go" : waits_for_, .last_words = {}, .survivors = 0});
  };
  timer_.set(io::now());
}

std::optional<io::Question> WebServer::question(io::Question::About about) const {
  return child_ ? std::optional(child_->question(about)) : std::nullopt;
}

std::optional<base::Resource> WebServer::exceeded() const {
  return child_ ? child_->exceeded() : std::nullopt;
}

void WebServer::end_for(const std::string& why) {
  if (child_) child_->end_for(why);
}

void WebServer::fail(std::string why) {
  events_.on_start_failed(std::move(why));
}

void WebServer::end(const io::Gone& gone) {
  if (asking_) hands_.http.abandon(*std::exchange(asking_, std::nullopt));
  timer_.clear();
  // Its own callback may be on the stack.
  if (child_) hands_.loop.retire(std::move(child_));
  if (ends_for_.empty()) return events_.on_gone(gone);
  events_.on_gone({.how = ends_for_, .last_words = {}, .survivors = gone.survivors});
}

}  // namespace app
