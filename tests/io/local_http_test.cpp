// Requests to servers on this machine that do not go over libcurl: what is said on the wire, and what becomes
// of connections. What both ways have in common is tried in http_client_test and http_peer_test.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "http_ways.h"
#include "io/clock.h"
#include "io/http_client.h"
#include "io/local_url.h"
#include "io/tcp_socket.h"
#include "support.h"

using test::run_until;

namespace {

// A server that answers what it reads as a script says.
// to.
class Scripted {
 public:
  struct Answer {
    std::string text;
    bool close = false;
    bool reset = false;
  };
  // `request`: all that came since the last answer. Absent: wait for more.
  using Script = std::function<std::optional<Answer>(int connection, const std::string& request)>;

  Scripted(io::Loop& loop, Script script, const std::string& address = "127.0.0.1", std::uint16_t port = 0)
      : loop_(loop), script_(std::move(script)) {
    auto socket = io::listen_on(address, port);
    REQUIRE(socket);
    socket_ = std::move(*socket);
    watch_ = loop.watch(socket_.get(), io::Interest::read, [this] { accept(); }).value();
  }

  std::uint16_t port() const { return io::port_of(socket_); }
  std::string url(const std::string& host = "127.0.0.1") const {
    return "http://" + host + ':' + std::to_string(port()) + "/mcp";
  }
  int accepted() const { return static_cast<int>(connections_.size()); }
  int gone() const { return gone_; }
  void say(int connection, const std::string& text) {
    const io::Descriptor& socket = connections_.at(static_cast<std::size_t>(connection) - 1)->socket;
    REQUIRE(send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  const std::vector<std::string>& reads() const { return reads_; }

 private:
  struct Connection {
    io::Descriptor socket;
    io::Watch watch;
    std::string request;
  };

  void accept() {
    const int accepted = ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    REQUIRE(accepted >= 0);
    const int number = static_cast<int>(connections_.size()) + 1;
    auto& one = *connections_.emplace_back(std::make_unique<Connection>());
    one.socket.reset(accepted);
    one.watch =
        loop_.watch(accepted, io::Interest::read, [this, &one, number] { serve(one, number); }).value();
  }
  void serve(Connection& one, int number) {
    std::string bytes(std::size_t{1} << 16, '\0');
    const ssize_t got = recv(one.socket.get(), bytes.data(), bytes.size(), 0);
    if (got <= 0) return end(one, false);
    bytes.resize(static_cast<std::size_t>(got));
    reads_.push_back(bytes);
    one.request += bytes;
    const auto answer = script_(number, one.request);
    if (!answer) return;
    one.request.clear();
    if (!answer->text.empty())
      REQUIRE(send(one.socket.get(), answer->text.data(), answer->text.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(answer->text.size()));
    if (answer->close || answer->reset) end(one, answer->reset);
  }
  void end(Connection& one, bool reset) {
    ++gone_;
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    if (reset) setsockopt(one.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    one.watch = {};
    one.socket.reset();
  }

  io::Loop& loop_;
  Script script_;
  io::Descriptor socket_;
  io::Watch watch_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::string> reads_;
  int gone_ = 0;
};

struct Heard {
  int status = 0;
  std::string body;
  std::optional<io::HttpClient::Failure> failure;
  bool ended = false;

  std::string why() const { return failure ? failure->why : "nothing failed"; }
};

Heard ask(io::Loop& loop, io::HttpClient& client, io::HttpClient::Request request) {
  Heard told;
  client.start(std::move(request), {.on_head = [&](int status, const auto&) { told.status = status; },
                                    .on_body = [&](std::string_view bytes) { told.body += bytes; },
                                    .on_end =
                                        [&](const std::optional<io::HttpClient::Failure>& failure) {
                                          told.failure = failure;
                                          told.ended = true;
                                        }});
  CHECK_FALSE(told.ended);
  REQUIRE(run_until(loop, [&] { return told.ended; }));
  return told;
}

io::HttpClient::Request get_locally(const std::string& url) {
  return {.method = "GET", .url = url};
}
io::HttpClient::Request post_locally(const std::string& url, std::string body = "{}") {
  return {.method = "POST", .url = url, .body = proto::Message(std::move(body))};
}

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

}  // namespace

TEST_CASE("local http: a request leaves in one write, and says what it has to") {
  io::Loop loop;
  Scripted server(loop, [](int, const std::string&) { return Scripted::Answer{ok}; });
  io::HttpClient client(loop);
  io::HttpClient::Request request = post_locally(server.url() + "?a=%20b", R"({"a":1})");
  request.body.splice({5, 1}, "234");
  request.fields.add("content-type", "application/json");
  request.fields.add("content-length", "77");
  request.fields.add("transfer-encoding", "chunked");
  request.fields.add("expect", "100-continue");
  request.fields.add("user-agent", "mine");
  request.fields.add("x-empty", "");
  CHECK(ask(loop, client, std::move(request)).body == "ok");
  REQUIRE(server.reads().size() == 1);
  CHECK(server.reads()[0] == "POST /mcp?a=%20b HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                                 "\r\nAccept: */*\r\nAccept-Encoding: identity\r\ncontent-type: "
                                 "application/json\r\nuser-agent: mine\r\n"
                                 "x-empty: \r\nContent-Length: 9\r\n\r\n{\"a\":234}");
  CHECK(ask(loop, client, get_locally(server.url())).body == "ok");
  REQUIRE(server.reads().size() == 2);
  CHECK(server.accepted() == 1);
  CHECK_FALSE(server.reads()[1].contains("Content-Length"));
}

TEST_CASE("local http: a connection that breaks under a request is replaced if that does nothing twice") {
  for (const bool reset : {false, true}) {
    for (const std::string method : {"GET", "DELETE", "POST"}) {
      CAPTURE(reset);
      CAPTURE(method);
      io::Loop loop;
      int requests = 0;
      Scripted server(loop, [&](int connection, const std::string&) {
        const bool second_of_first = ++requests > 1 && connection == 1;
        return second_of_first ? Scripted::Answer{"", !reset, reset} : Scripted::Answer{ok};
      });
      io::HttpClient client(loop);
      CHECK(ask(loop, client, get_locally(server.url())).body == "ok");
      io::HttpClient::Request request = post_locally(server.url());
      if (method != "POST") request = {.method = method, .url = server.url()};
      const Heard told = ask(loop, client, std::move(request));
      if (method == "POST") {
        REQUIRE(told.failure);
        CHECK_FALSE(told.failure->never_connected);
        const bool broke = told.why().contains("broke before the answer was complete");
        CHECK((broke || told.why().contains("closed the connection before it answered")));
        CHECK(requests == 2);
      } else {
        CHECK(told.why() == "nothing failed");
        CHECK(told.body == "ok");
        CHECK(requests == 3);
        CHECK(server.accepted() == 2);
      }
    }
  }
}

TEST_CASE(
    "local http: a new connection that breaks is not replaced, and neither is one that had begun to answer") {
  io::Loop loop;
  int requests = 0;
  std::string said;
  Scripted server(loop, [&](int, const std::string&) {
    ++requests;
    return Scripted::Answer{said, requests % 2 == 1 || said.empty()};
  });
  io::HttpClient client(loop);
  CHECK(ask(loop, client, get_locally(server.url()))
            .why()
            .contains("closed the connection before it answered"));
  CHECK(requests == 1);
  said = ok;
  CHECK(ask(loop, client, get_locally(server.url())).body == "ok");
  said = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nno";
  CHECK(ask(loop, client, get_locally(server.url())).why().contains("broke before the answer was complete"));
  CHECK(requests == 3);
}

TEST_CASE("local http: a connection is not used again after what makes it doubtful") {
  for (const char* said : {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
                           "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
                           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "2\r\nok\r\n0\r\n\r\n"}) {
    CAPTURE(said);
    io::Loop loop;
    Scripted server(loop, [&](int, const std::string&) { return Scripted::Answer{said}; });
    io::HttpClient client(loop);
    CHECK(ask(loop, client, get_locally(server.url())).body == "ok");
    CHECK(ask(loop, client, get_locally(server.url())).body == "ok");
    CHECK(server.accepted() == 2);
  }
}

TEST_CASE("local http: what is said while nobody asked costs the connection") {
  io::Loop loop;
  Scripted server(loop, [&](int, const std::string&) { return Scripted::Answer{ok}; });
  io::HttpClient client(loop);
  CHECK(ask(loop, client, get_locally(server.url())).body == "ok");
  server.say(1, ok);
  REQUIRE(run_until(loop, [&] { return server.gone() == 1; }));
  CHECK(ask(loop, client, get_locally(server.url())).body == "ok");
  server.say(2, ok);  // Not seen by the loop yet.
  CHECK(ask(loop, client, get_locally(server.url())).body == "ok");
  CHECK(server.accepted() == 3);
}

TEST_CASE(
    "local http: a server that answers before it has read all is heard, and its connection not used again") {
  io::Loop loop;
  const std::string refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig";
  bool refused = false;
  Scripted server(loop, [&](int connection, const std::string&) -> std::optional<Scripted::Answer> {
    if (connection > 1) return Scripted::Answer{ok};
    return std::exchange(refused, true) ? std::nullopt : std::optional(Scripted::Answer{refusal});
  });
  io::HttpClient client(loop);
  const Heard told = ask(loop, client, post_locally(server.url(), std::string(std::size_t{32} << 20, 'x')));
  CHECK(told.why() == "nothing failed");
  CHECK(told.status == 413);
  CHECK(told.body == "big");
  CHECK(ask(loop, client, get_locally(server.url())).body == "ok");
  CHECK(server.accepted() == 2);
}

TEST_CASE("local http: localhost is either of two addresses") {
  io::Loop loop;
  const auto serve = [&](const char* text) {
    return [text](int, const std::string&) {
      return Scripted::Answer{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + std::string(text)};
    };
  };
  Scripted v4(loop, serve("v4"));
  io::HttpClient client(loop);
  CHECK(ask(loop, client, get_locally(v4.url("localhost"))).body == "v4");
  CHECK(v4.reads().at(0).contains("\r\nHost: localhost:" + std::to_string(v4.port())));
  const auto no_port = io::free_port();
  REQUIRE(no_port);
  const Heard refused = ask(loop, client, get_locally("http://localhost:" + std::to_string(*no_port) + "/"));
  REQUIRE(refused.failure);
  CHECK(refused.failure->never_connected);
  CHECK(refused.why() == "cannot connect to localhost:" + std::to_string(*no_port) + ": Connection refused");
  if (!io::listen_on("::1", 0)) return;  // There is no IPv6 here.
  Scripted v6(loop, serve("v6"), "::1");
  CHECK(ask(loop, client, get_locally(v6.url("localhost"))).body == "v6");
  CHECK(ask(loop, client, get_locally(v6.url("[::1]"))).body == "v6");
}

TEST_CASE("local http: a request that may take so long fails in time, whatever has come of its answer") {
  for (const char* said : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\nsome"}) {
    CAPTURE(said);
    io::Loop loop;
    Scripted server(loop, [&](int, const std::string&) { return Scripted::Answer{said}; });
    io::HttpClient client(loop);
    io::HttpClient::Request request = get_locally(server.url());
    request.whole_timeout = std::chrono::milliseconds(20);
    const Heard told = ask(loop, client, std::move(request));
    REQUIRE(told.failure);
    CHECK(told.failure->timed_out);
    CHECK_FALSE(told.failure->never_connected);
    CHECK(told.why().contains("did not answer completely in time"));
  }
}

TEST_CASE("local http: a server that takes no connections is given up in time") {
  io::Loop loop;
  // A backlog that is full, so that what comes then waits.
  const auto port = io::free_port();
  REQUIRE(port);
  auto listener = io::listen_on("127.0.0.1", *port);
  REQUIRE(listener);
  REQUIRE(listen(listener->get(), 0) == 0);
  std::vector<io::Descriptor> waiting;
  for (int i = 0; i < 4; ++i) {
    auto begun = io::begin_connection("127.0.0.1", *port);
    REQUIRE(begun);
    waiting.push_back(std::move(*begun));
  }
  io::HttpClient client(loop);
  io::HttpClient::Request request = get_locally("http://127.0.0.1:" + std::to_string(*port) + "/");
  request.connect_timeout = std::chrono::milliseconds(20);
  const Heard told = ask(loop, client, std::move(request));
  REQUIRE(told.failure);
  CHECK(told.failure->timed_out);
  CHECK(told.failure->never_connected);
  CHECK(told.why() == "cannot connect to 127.0.0.1:" + std::to_string(*port) + " in time");
}

TEST_CASE("local http: which URLs go this way") {
  const auto parts = [](const char* url) -> std::string {
    const auto local = io::local_url(url);
    return local ? local->host + ' ' + local->name + ' ' + std::to_string(local->port) + ' ' + local->target
                 : "libcurl";
  };
  CHECK(parts("http://127.0.0.1:3000/mcp?x=1") == "127.0.0.1:3000 127.0.0.1 3000 /mcp?x=1");
  CHECK(parts("http://127.1.2.3") == "127.1.2.3 127.1.2.3 80 /");
  CHECK(parts("http://localhost:80/a") == "localhost:80 localhost 80 /a");
  CHECK(parts("http://[::1]:9/") == "[::1]:9 [::1] 9 /");
  CHECK(parts("http://[::1]/") == "[::1] [::1] 80 /");
  for (const char* other : {"https://127.0.0.1/",
                            "HTTP://127.0.0.1/",
                            "http://example.org/",
                            "http://127.0.0.1.example.org/",
                            "http://127.1/",
                            "http://localhost.example.org/",
                            "http://user@127.0.0.1/",
                            "http://u:p@127.0.0.1:1/",
                            "http://127.0.0.1:/",
                            "http://127.0.0.1:0/",
                            "http://127.0.0.1:x/",
                            "http://127.0.0.1:65536/",
                            "http://127.0.0.1:80a/",
                            "http://[::1/",
                            "http://[::1]80/",
                            "http://[::2]/",
                            "http://127.0.0.1/a#b",
                            "http://127.0.0.1/../a",
                            "http://127.0.0.1/a/./b",
                            "http://127.0.0.1\\a",
                            "http://127.0.0.1?x=1",
                            "http://127.0.0.1/\xc3\xa4",
                            "http://",
                            "http:///",
                            ""}) {
    CAPTURE(other);
    CHECK(parts(other) == "libcurl");
  }
}
