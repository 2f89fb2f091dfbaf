#include "app/web_server.h"

#include <utility>

#include "io/clock.h"
#include "io/tcp_socket.h"

namespace app {
namespace {

// Between two questions whether it answers yet. A server that takes a second is asked a few times.
constexpr base::Duration ask_again = std::chrono::milliseconds(50);
constexpr base::Duration answer_timeout = std::chrono::seconds(5);

// What only an MCP server answers in the expected way. Nothing follows it, so no session is used.
constexpr std::string_view greeting =
    R"({"jsonrpc":"2.0","id":"hearth-port","method":"initialize","params":{"protocolVersion":"2025-06-18",)"
    R"("capabilities":{},"clientInfo":{"name":"hearth","version":"0"}}})";

bool speaks_mcp(core::Link link, int status, const proto::HttpFields& fields) {
  const std::string type = proto::media_type_of(fields.get("content-type"));
  if (link == core::Link::sse) return status == 200 && type == "text/event-stream";
  return status == 200 && (type == "text/event-stream" || type == "application/json");
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

WebServer::~WebServer() {
  if (asking_) hands_.http.abandon(*asking_);
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
  url_ = "http://127.0.0.1:" + std::to_string(port_) + with_port(what_.address.path, port_);
  if (io::listener_on(port_)) {
    ask_who_listens();
  } else {
    launch();
  }
}

void WebServer::ask(std::string method, io::HttpClient::Events events) {
  io::HttpClient::Request request{.method = std::move(method),
                                  .url = url_,
                                  .fields = {},
                                  .body = {},
                                  .connect_timeout = answer_timeout,
                                  .whole_timeout = answer_timeout};
  request.fields.add("accept", "application/json, text/event-stream");
  if (request.method == "POST") {
    request.fields.add("content-type", "application/json");
    request.body = proto::Message(base::Bytes::literal(greeting));
  }
  asking_ = hands_.http.start(std::move(request), std::move(events));
}

// First to bind wins: a server that somebody else has started there is as good as ours.
void WebServer::ask_who_listens() {
  waits_for_ = "port " + std::to_string(port_) + " is taken by " +
               io::listener_on(port_).value_or("somebody who has just left") + ", which does not answer";
  const auto taken = [this] {
    fail("port " + std::to_string(port_) + " is taken by " +
         io::listener_on(port_).value_or("somebody who has just left") +
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
                      .output = io::Output::log};
  for (const std::string& arg : what_.args) spec.args.push_back(with_port(arg, port_));
  for (const auto& [name, value] : what_.environment) spec.environment[name] = with_port(value, port_);
  auto child = hands_.children.spawn(spec, {.on_line = {},
                                            .on_spoke = [this] { events_.on_spoke(); },
                                            .on_input_drained = {},
                                            .on_left = [this](pid_t heir) { moved(heir); },
                                            .on_gone = [this](const io::Gone& gone) { end(gone); }});
  if (!child) return fail(child.error().what);
  child_ = std::move(*child);
  events_.on_started(child_->pid());
  next_ = [this] { ask_whether_it_answers(); };
  timer_.set(io::now() + ask_again);
}

void WebServer::ask_whether_it_answers() {
  // OPTIONS opens no session anywhere, and whoever does not know it says so.
  ask("OPTIONS", {.on_head =
                      [this](int, const proto::HttpFields&) {
                        hands_.http.abandon(*std::exchange(asking_, std::nullopt));
                        answers_ = true;
                        events_.on_answers();
                      },
                  .on_body = [](std::string_view) {},
                  .on_end =
                      [this](const std::optional<io::HttpClient::Failure>&) {
                        asking_.reset();
                        next_ = [this] { ask_whether_it_answers(); };
                        timer_.set(io::now() + ask_again);
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
                        if (failure && child_) child_->stop();
                      }});
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
                        if (failure) end({.how = "is no longer there", .last_words = {}, .survivors = 0});
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

std::vector<io::Process> WebServer::processes() const {
  return child_ ? child_->processes() : std::vector<io::Process>{};
}

void WebServer::fail(std::string why) {
  events_.on_start_failed(std::move(why));
}

void WebServer::end(const io::Gone& gone) {
  if (asking_) hands_.http.abandon(*std::exchange(asking_, std::nullopt));
  timer_.clear();
  // Its own callback may be on the stack.
  if (child_) hands_.loop.retire(std::move(child_));
  events_.on_gone(gone);
}

}  // namespace app
