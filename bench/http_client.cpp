#include "bench/http_client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "bench/http_head.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int patience_ms = 30'000;  // With an answer. Far beyond what is normal.
constexpr std::string_view id_prefix = R"({"jsonrpc":"2.0","id":)";
constexpr std::string_view initialize =
    R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
    R"("capabilities":{},"clientInfo":{"name":"http_end_to_end","version":"1"}}})";
constexpr std::string_view initialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
// All ids have as many digits, so that the length of a request never changes.
constexpr std::uint64_t first_call_id = 100'000'000;

base::Error trouble(std::string what) {
  return {.what = std::move(what) + ": " + std::strerror(errno), .code = errno};
}

base::Result<Descriptor> connect_to(const HttpPlace& place) {
  const bool local = place.port == 0;
  Descriptor made(socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int failed = 0;
  if (local) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (place.socket.size() >= sizeof address.sun_path) return base::failure("the socket's path is too long");
    std::memcpy(address.sun_path, place.socket.data(), place.socket.size());
    failed = connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(place.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    failed = connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int yes = 1;
    setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }
  if (failed != 0) return std::unexpected(trouble("cannot connect"));
  return made;
}

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

struct Answer {
  HttpHead head;
  std::string_view body;
};

// A connection, and what has arrived of the next answer.
class Line {
 public:
  explicit Line(Descriptor socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }

  base::Result<bool> write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t put = send(fd(), text.data(), text.size(), MSG_NOSIGNAL);
      if (put < 0) return std::unexpected(trouble("cannot write to the target"));
      text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  }

  // One read. The answer, once it is complete, lasts until done().
  base::Result<std::optional<Answer>> read() {
    if (in_.size() - filled_ < in_.size() / 2) in_.resize(2 * in_.size());
    const ssize_t count = recv(fd(), in_.data() + filled_, in_.size() - filled_, 0);
    if (count < 0) return std::unexpected(trouble("cannot read from the target"));
    if (count == 0) return base::failure("the target closed a connection");
    filled_ += static_cast<std::size_t>(count);
    const std::string_view have(in_.data(), filled_);
    const auto head = HttpHead::read(have);
    if (!head) return std::nullopt;
    const auto length = head->content_length();
    if (!length) return base::failure("an answer came as a stream: " + std::string(head->first_line()));
    if (have.size() < head->size() + *length) return std::nullopt;
    return Answer{*head, have.substr(head->size(), *length)};
  }

  base::Result<Answer> await() {
    for (;;) {
      pollfd ready{.fd = fd(), .events = POLLIN, .revents = 0};
      if (poll(&ready, 1, patience_ms) <= 0) return base::failure("no answer from the target");
      if (const auto answer = TRY(read())) return *answer;
    }
  }

  void done() { filled_ = 0; }  // Nothing follows an answer that nobody has asked for.

 private:
  Descriptor socket_;
  std::string in_ = std::string(std::size_t{1} << 14, '\0');
  std::size_t filled_ = 0;
};

}  // namespace

class HttpClient::Session {
 public:
  Session(const HttpPlace& place, Descriptor socket) : line_(std::move(socket)) {
    fields_ = " " + place.target + " HTTP/1.1\r\nhost: 127.0.0.1";
    if (place.port != 0) fields_ += ":" + std::to_string(place.port);
    fields_ += "\r\naccept: application/json, text/event-stream\r\n";
    if (!place.token.empty()) fields_ += "authorization: Bearer " + place.token + "\r\n";
  }

  base::Result<bool> begin() {
    TRY(line_.write(message("POST", initialize)));
    const Answer greeting = TRY(line_.await());
    if (!greeting.head.first_line().starts_with("HTTP/1.1 200")) {
      return base::failure("refused: " + std::string(greeting.head.first_line()) + ' ' +
                           std::string(greeting.body));
    }
    fields_ += "mcp-protocol-version: 2025-11-25\r\nmcp-session-id: " +
               std::string(greeting.head.field("mcp-session-id")) + "\r\n";
    line_.done();
    TRY(line_.write(message("POST", initialized)));
    return expect("HTTP/1.1 202");
  }

  base::Result<bool> end() {
    TRY(line_.write(message("DELETE", "")));
    return expect("HTTP/1.1 200");
  }

  void prepare(const Load& load) {
    const std::string id = std::to_string(next_id_);
    std::string_view rest = load.request;
    if (rest.ends_with('\n')) rest.remove_suffix(1);
    request_ = message("POST", std::string(id_prefix) + id + std::string(rest));
    id_at_ = request_.find(id_prefix) + id_prefix.size();
    due_ = std::string(id_prefix) + id + load.answer;
  }

  base::Result<bool> call() {
    ++next_id_;
    const std::string id = std::to_string(next_id_);
    std::memcpy(request_.data() + id_at_, id.data(), id.size());
    std::memcpy(due_.data() + id_prefix.size(), id.data(), id.size());
    begun_ = Clock::now();
    return line_.write(request_);
  }

  // How long it took, once the answer is there.
  base::Result<std::optional<Clock::duration>> receive() {
    const auto answer = TRY(line_.read());
    if (!answer) return std::nullopt;
    const Clock::duration took = Clock::now() - begun_;
    if (answer->body != due_ || !answer->head.first_line().starts_with("HTTP/1.1 200")) {
      return base::failure("not the answer that was due: " + std::string(answer->head.first_line()) + ' ' +
                           std::string(answer->body.substr(0, 300)));
    }
    line_.done();
    return took;
  }

  int fd() const { return line_.fd(); }

 private:
  std::string message(std::string_view method, std::string_view body) const {
    std::string text = std::string(method) + fields_;
    if (!body.empty()) {
      text += "content-type: application/json\r\ncontent-length: " + std::to_string(body.size()) + "\r\n";
    }
    return text.append("\r\n").append(body);
  }

  base::Result<bool> expect(std::string_view status) {
    const Answer answer = TRY(line_.await());
    if (!answer.head.first_line().starts_with(status)) {
      return base::failure("refused: " + std::string(answer.head.first_line()));
    }
    line_.done();
    return true;
  }

  Line line_;
  std::string fields_;  // What is behind the method, in every request of the session.
  std::string request_, due_;
  std::size_t id_at_ = 0;
  std::uint64_t next_id_ = first_call_id;
  Clock::time_point begun_;
};

HttpClient::HttpClient(HttpPlace place) : place_(std::move(place)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
HttpClient::~HttpClient() = default;

base::Result<std::size_t> HttpClient::open_up_to(std::size_t count) {
  while (sessions_.size() < count) {
    auto session = std::make_unique<Session>(place_, TRY(connect_to(place_)));
    TRY(session->begin());
    epoll_event readable{.events = EPOLLIN, .data = {.u64 = sessions_.size()}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, session->fd(), &readable);
    sessions_.push_back(std::move(session));
  }
  return sessions_.size();
}

base::Result<Batch> HttpClient::run(const Load& load, std::chrono::milliseconds length) {
  const Clock::time_point begin = Clock::now();
  const Clock::time_point end = begin + length;
  std::vector<Clock::duration> latencies;
  latencies.reserve(std::size_t{1} << 16);
  for (const auto& session : sessions_) session->prepare(load);
  for (const auto& session : sessions_) TRY(session->call());
  std::size_t in_flight = sessions_.size();
  std::array<epoll_event, 64> events;
  while (in_flight > 0) {
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience_ms);
    if (count < 0 && errno != EINTR) return std::unexpected(trouble("cannot wait"));
    if (count == 0) return base::failure("no answer from the target");
    for (const epoll_event& event : std::span(events.data(), static_cast<std::size_t>(std::max(count, 0)))) {
      Session& session = *sessions_[event.data.u64];
      const auto took = TRY(session.receive());
      if (!took) continue;
      latencies.push_back(*took);
      if (Clock::now() < end) {
        TRY(session.call());
      } else {
        --in_flight;
      }
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();

  std::sort(latencies.begin(), latencies.end());
  const std::size_t calls = latencies.size();
  return Batch{.calls = calls,
               .calls_per_second = static_cast<double>(calls) / seconds,
               .p50_us = microseconds(latencies[calls * 50 / 100]),
               .p99_us = microseconds(latencies[calls * 99 / 100])};
}

base::Result<std::size_t> HttpClient::close() {
  const std::size_t count = sessions_.size();
  for (const auto& session : sessions_) TRY(session->end());
  sessions_.clear();
  return count;
}

base::Result<std::string> http_get(const HttpPlace& place) {
  Line line(TRY(connect_to(place)));
  TRY(line.write("GET " + place.target + " HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"));
  const Answer answer = TRY(line.await());
  if (!answer.head.first_line().starts_with("HTTP/1.1 200")) {
    return base::failure("refused: " + std::string(answer.head.first_line()));
  }
  return std::string(answer.body);
}

}  // namespace bench
