#include "io/http_client.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "http_ways.h"
#include "io/clock.h"
#include "io/http_connection.h"
#include "io/listener.h"
#include "io/tcp_socket.h"
#include "support.h"

using test::run_until;

namespace {

// A server on a free port, on the loop of the client.
class Server {
 public:
  using Handler = std::function<void(io::HttpConnection&, const proto::HttpRequest&)>;

  Server(io::Loop& loop, Handler handler) : loop_(loop), handler_(std::move(handler)) {
    auto socket = io::listen_on("127.0.0.1", 0);
    REQUIRE(socket);
    port_ = io::port_of(*socket);
    auto listener = io::Listener::open(
        loop, std::move(*socket), [this](io::Descriptor accepted, io::Peer) { accept(std::move(accepted)); },
        [](const base::Error&) {});
    REQUIRE(listener);
    listener_ = std::move(*listener);
  }

  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  int accepted() const { return accepted_; }
  int gone() const { return gone_; }
  io::HttpConnection& last() { return *connections_.at(accepted_); }
  // The socket is closed at the end of the turn.
  void close(int number) {
    loop_.retire(std::move(connections_.at(number)));
    connections_.erase(number);
  }

 private:
  void accept(io::Descriptor accepted) {
    const int number = ++accepted_;
    auto opened = io::HttpConnection::open(loop_, io::HttpWire(std::move(accepted)), {},
                                           {.on_request =
                                                [this, number](proto::HttpRequest&& request) {
                                                  handler_(*connections_.at(number), request);
                                                  // It may have been closed by the handler.
                                                  if (connections_.contains(number))
                                                    connections_.at(number)->flush();
                                                },
                                            .on_gone =
                                                [this, number] {
                                                  ++gone_;
                                                  loop_.retire(std::move(connections_.at(number)));
                                                  connections_.erase(number);
                                                }});
    REQUIRE(opened);
    connections_[number] = std::move(*opened);
  }

  io::Loop& loop_;
  Handler handler_;
  std::uint16_t port_ = 0;
  std::unique_ptr<io::Listener> listener_;
  std::map<int, std::unique_ptr<io::HttpConnection>> connections_;
  int accepted_ = 0;
  int gone_ = 0;
};

// What came of one request.
struct Told {
  int heads = 0;
  int status = 0;
  proto::HttpFields fields;
  std::string body;
  int pieces = 0;
  int ends = 0;
  std::optional<io::HttpClient::Failure> failure;

  io::HttpClient::Events events() {
    return {.on_head =
                [this](int status_told, const proto::HttpFields& fields_told) {
                  ++heads;
                  status = status_told;
                  fields = fields_told;
                },
            .on_body =
                [this](std::string_view bytes) {
                  ++pieces;
                  body += bytes;
                },
            .on_end =
                [this](const std::optional<io::HttpClient::Failure>& failure_told) {
                  ++ends;
                  failure = failure_told;
                }};
  }
};

io::HttpClient::Request get(std::string url) {
  return {.method = "GET", .url = std::move(url)};
}

io::HttpClient::Request post(std::string url, std::string body) {
  return {.method = "POST", .url = std::move(url), .body = proto::Message(std::move(body))};
}

void answer(io::HttpConnection& connection, std::string body) {
  connection.answer({.status = 200, .body = std::move(body)});
}

}  // namespace

TEST_CASE_TEMPLATE("http client: a request and its answer", Way, test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  std::optional<proto::HttpRequest> seen;
  Server server(loop, [&](io::HttpConnection& connection, const proto::HttpRequest& request) {
    seen = request;
    proto::HttpAnswer made{.status = 404, .body = "no such thing"};
    made.fields.add("Mcp-Session-Id", "abc");
    connection.answer(std::move(made));
  });
  io::HttpClient client(loop, Way::local);
  Told told;
  io::HttpClient::Request request = post(server.url("/mcp?x=1"), R"({"a":1})");
  request.body.splice({5, 1}, "234");
  request.fields.add("content-type", "application/json");
  request.fields.add("x-empty", "");
  client.start(std::move(request), told.events());
  CHECK(told.ends == 0);
  REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
  CHECK_FALSE(told.failure);
  CHECK(told.heads == 1);
  CHECK(told.status == 404);
  CHECK(told.fields.get("mcp-session-id") == "abc");
  CHECK(told.body == "no such thing");
  REQUIRE(seen);
  CHECK(seen->method == "POST");
  CHECK(seen->path == "/mcp");
  CHECK(seen->query == "x=1");
  CHECK(seen->body == R"({"a":234})");
  CHECK(seen->fields.get("content-type") == "application/json");
  CHECK(seen->fields.count("content-type") == 1);
  CHECK(seen->fields.has("x-empty"));
  CHECK_FALSE(seen->fields.has("expect"));
  CHECK(seen->fields.get("user-agent").starts_with("hearth/"));
  CHECK(seen->fields.get("accept") == "*/*");
  const bool unpacks = Way::local == io::HttpClient::Local::over_libcurl;
  CHECK(seen->fields.get("accept-encoding").contains("gzip") == unpacks);
}

TEST_CASE_TEMPLATE("http client: methods and empty bodies", Way, test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  std::vector<std::string> seen;
  Server server(loop, [&](io::HttpConnection& connection, const proto::HttpRequest& request) {
    seen.push_back(request.method + ' ' + std::string(request.fields.get("content-type")) + '[' +
                   request.body + ']');
    answer(connection, {});
  });
  io::HttpClient client(loop, Way::local);
  int ends = 0;
  for (const char* method : {"GET", "DELETE", "OPTIONS", "POST"}) {
    io::HttpClient::Request request = get(server.url("/"));
    request.method = method;
    client.start(std::move(request), {.on_end = [&](const auto& failure) { ends += failure ? 100 : 1; }});
    const int due = ends + 1;
    REQUIRE(run_until(loop, [&] { return ends >= due; }));
  }
  CHECK(ends == 4);
  CHECK(seen == std::vector<std::string>{"GET []", "DELETE []", "OPTIONS []", "POST []"});
  CHECK(server.accepted() == 1);
}

TEST_CASE_TEMPLATE("http client: a large body arrives whole, and so does a large answer", Way,
                   test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  std::string large;
  while (large.size() < 3'000'000) large += std::to_string(large.size()) + ' ';
  Server server(loop, [&](io::HttpConnection& connection, const proto::HttpRequest& request) {
    answer(connection, request.body);
  });
  io::HttpClient client(loop, Way::local);
  Told told;
  client.start(post(server.url("/"), large), told.events());
  // The loop's hook is what writes on in a real program; here the connection does when it can.
  REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
  CHECK_FALSE(told.failure);
  CHECK(told.body == large);
}

TEST_CASE_TEMPLATE("http client: a stream is told piece by piece", Way, test::ByOurselves,
                   test::OverLibcurl) {
  io::Loop loop;
  Server server(loop, [&](io::HttpConnection& connection, const proto::HttpRequest&) {
    proto::HttpFields fields;
    fields.add("content-type", "text/event-stream");
    connection.begin_stream(200, fields);
  });
  io::HttpClient client(loop, Way::local);
  Told told;
  client.start(get(server.url("/")), told.events());
  REQUIRE(run_until(loop, [&] { return told.heads == 1; }));
  CHECK(told.fields.get("content-type") == "text/event-stream");
  CHECK(told.body.empty());
  std::string expected;
  for (const char* piece : {"data: 1\n\n", "data: 2\n\n", "data: 3\n\n"}) {
    server.last().stream(proto::Message(std::string(piece)));
    server.last().flush();
    expected += piece;
    REQUIRE(run_until(loop, [&] { return told.body == expected; }));
    CHECK(told.ends == 0);
  }
  CHECK(told.pieces == 3);
  server.last().end_stream();
  server.last().flush();
  REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
  CHECK_FALSE(told.failure);
}

TEST_CASE_TEMPLATE("http client: a stream that breaks is no complete answer", Way, test::ByOurselves,
                   test::OverLibcurl) {
  io::Loop loop;
  Server server(loop, [&](io::HttpConnection& connection, const proto::HttpRequest&) {
    connection.begin_stream(200, {});
  });
  io::HttpClient client(loop, Way::local);
  Told told;
  client.start(get(server.url("/")), told.events());
  REQUIRE(run_until(loop, [&] { return told.heads == 1; }));
  server.close(1);
  REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
  REQUIRE(told.failure);
  CHECK_FALSE(told.failure->never_connected);
  CHECK(told.failure->why.contains("broke before the answer was complete"));
}

TEST_CASE_TEMPLATE("http client: no server listens", Way, test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  const auto port = io::free_port();
  REQUIRE(port);
  io::HttpClient client(loop, Way::local);
  Told told;
  client.start(post("http://user:pw@127.0.0.1:" + std::to_string(*port) + "/a?secret=1", "{}"),
               told.events());
  CHECK(told.ends == 0);
  REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
  REQUIRE(told.failure);
  CHECK(told.failure->never_connected);
  CHECK(told.failure->why == "cannot connect to 127.0.0.1:" + std::to_string(*port) + ": Connection refused");
  CHECK(told.heads == 0);
}

TEST_CASE_TEMPLATE(
    "http client: what cannot be requested fails from the loop, and tells nothing it should not", Way,
    test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  io::HttpClient client(loop, Way::local);
  const auto why = [&](io::HttpClient::Request request) {
    Told told;
    client.start(std::move(request), told.events());
    CHECK(told.ends == 0);
    REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
    REQUIRE(told.failure);
    CHECK(told.failure->never_connected);
    CHECK_FALSE(told.failure->why.contains("secret"));
    return told.failure->why;
  };
  io::HttpClient::Request request = get("http://127.0.0.1:1/");
  request.fields.all.emplace_back("authorization", "secret\r\nx: y");
  CHECK(why(std::move(request)).contains("\"authorization\" spans lines"));
  request = get("http://127.0.0.1:1/");
  request.fields.all.emplace_back("authorization", std::string("secret\0", 7));
  CHECK(why(std::move(request)).contains("\"authorization\" spans lines"));
  request = get("http://127.0.0.1:1/");
  request.fields.all.emplace_back("x secret", "a");
  CHECK(why(std::move(request)).contains("name"));
  request = get("http://127.0.0.1:1/");
  request.method = "GET /secret";
  CHECK(why(std::move(request)).contains("method"));
  CHECK(why(get("file:///etc/secret")).contains("http://"));
  CHECK(why(get("http://127.0.0.1:1/secret\nx")).contains("http://"));
  CHECK(why(get("http://")).contains("http://"));
}

TEST_CASE_TEMPLATE("http client: an abandoned stream is closed towards the server, and nothing more is told",
                   Way, test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  Server server(loop, [&](io::HttpConnection& connection, const proto::HttpRequest&) {
    connection.begin_stream(200, {});
    connection.stream(proto::Message(std::string("first")));
  });
  io::HttpClient client(loop, Way::local);
  Told told;
  const auto handle = client.start(get(server.url("/")), told.events());
  REQUIRE(run_until(loop, [&] { return told.body == "first"; }));
  client.abandon(handle);
  client.abandon(handle);
  REQUIRE(run_until(loop, [&] { return server.gone() == 1; }));
  CHECK(told.ends == 0);
  CHECK(told.body == "first");
}

TEST_CASE_TEMPLATE("http client: a request may be abandoned from each of its own callbacks", Way,
                   test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  Server server(
      loop, [&](io::HttpConnection& connection, const proto::HttpRequest&) { answer(connection, "body"); });
  io::HttpClient client(loop, Way::local);
  for (const std::string when : {"head", "body", "end"}) {
    CAPTURE(when);
    std::string seen;
    io::HttpClient::Handle handle = 0;
    // Large, so that a callback that is destroyed while it runs is noticed.
    const auto note = [&, when, filling = std::string(100, 'x')](const std::string& what) {
      if (what == when) client.abandon(handle);
      seen += what + filling.substr(0, 1);
    };
    handle = client.start(get(server.url("/")),
                          {.on_head = [note](int, const proto::HttpFields&) { note("head"); },
                           .on_body = [note](std::string_view) { note("body"); },
                           .on_end = [note](const auto&) { note("end"); }});
    REQUIRE(run_until(loop, [&] { return seen.contains(when); }));
    // One more, to see that nothing follows.
    Told next;
    client.start(get(server.url("/")), next.events());
    REQUIRE(run_until(loop, [&] { return next.ends == 1; }));
    CHECK_FALSE(next.failure);
    CHECK(seen.ends_with(when + 'x'));
  }
}

TEST_CASE_TEMPLATE("http client: a callback may abandon another request and begin one", Way,
                   test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  Server server(loop, [&](io::HttpConnection& connection, const proto::HttpRequest& request) {
    if (request.path == "/stream") {
      connection.begin_stream(200, {});
    } else {
      answer(connection, "body");
    }
  });
  io::HttpClient client(loop, Way::local);
  Told stream;
  Told second;
  int ends = 0;
  const auto handle = client.start(get(server.url("/stream")), stream.events());
  REQUIRE(run_until(loop, [&] { return stream.heads == 1; }));
  client.start(get(server.url("/")), {.on_end = [&](const auto&) {
                 ++ends;
                 client.abandon(handle);
                 client.start(get(server.url("/")), second.events());
                 CHECK(second.ends == 0);
               }});
  REQUIRE(run_until(loop, [&] { return second.ends == 1; }));
  REQUIRE(run_until(loop, [&] { return server.gone() == 1; }));
  CHECK(ends == 1);
  CHECK(second.body == "body");
  CHECK(stream.ends == 0);
  CHECK(server.accepted() == 2);  // The stream's, and one for both of the others.
}

TEST_CASE_TEMPLATE("http client: a client that goes abandons what is under way", Way, test::ByOurselves,
                   test::OverLibcurl) {
  io::Loop loop;
  Server server(loop, [](io::HttpConnection&, const proto::HttpRequest&) {});
  auto client = std::make_unique<io::HttpClient>(loop, Way::local);
  Told told;
  client->start(get(server.url("/")), told.events());
  client->start(get("nonsense"), told.events());
  REQUIRE(run_until(loop, [&] { return server.accepted() == 1 && told.ends == 1; }));
  client.reset();
  REQUIRE(run_until(loop, [&] { return server.gone() == 1; }));
  CHECK(told.ends == 1);
}

TEST_CASE_TEMPLATE("http client: a request that may have been carried out is not sent twice", Way,
                   test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  int requests = 0;
  Server server(loop, [&](io::HttpConnection& connection, const proto::HttpRequest&) {
    if (++requests == 1) return answer(connection, {});
    loop.retire(std::make_unique<io::Descriptor>(connection.release()));
    server.close(server.accepted());
  });
  io::HttpClient client(loop, Way::local);
  Told first;
  client.start(post(server.url("/"), "{}"), first.events());
  REQUIRE(run_until(loop, [&] { return first.ends == 1; }));
  REQUIRE_FALSE(first.failure);
  Told second;
  client.start(post(server.url("/"), "{}"), second.events());
  REQUIRE(run_until(loop, [&] { return second.ends == 1; }));
  CHECK(requests == 2);
  REQUIRE(second.failure);
  CHECK_FALSE(second.failure->never_connected);
  CHECK(second.failure->why.contains("closed the connection before it answered"));
}

TEST_CASE_TEMPLATE("http client: a kept connection that the server has closed since is not used", Way,
                   test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  Server server(loop,
                [](io::HttpConnection& connection, const proto::HttpRequest&) { answer(connection, {}); });
  io::HttpClient client(loop, Way::local);
  for (int number = 1; number <= 3; ++number) {
    Told told;
    client.start(post(server.url("/"), "{}"), told.events());
    REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
    CHECK_FALSE(told.failure);
    CHECK(server.accepted() == number);
    server.close(number);
    bool turned = false;
    io::Timer next_turn(loop, [&] { turned = true; });
    next_turn.set(io::now());
    REQUIRE(run_until(loop, [&] { return turned; }));
  }
}

TEST_CASE_TEMPLATE("http client: as many connections are kept as were needed at a time", Way,
                   test::ByOurselves, test::OverLibcurl) {
  constexpr std::size_t many = 8;
  io::Loop loop;
  std::vector<io::HttpConnection*> waiting;
  std::size_t at_a_time = many;
  Server server(loop, [&](io::HttpConnection& connection, const proto::HttpRequest&) {
    waiting.push_back(&connection);
    if (waiting.size() < at_a_time) return;
    for (io::HttpConnection* const one : std::exchange(waiting, {})) {
      answer(*one, {});
      one->flush();
    }
  });
  io::HttpClient client(loop, Way::local);
  for (const std::size_t count : {many, std::size_t{1}, std::size_t{1}, many}) {
    at_a_time = count;
    std::vector<Told> told(count);
    for (Told& one : told) client.start(post(server.url("/"), "{}"), one.events());
    REQUIRE(run_until(loop, [&] {
      return std::ranges::all_of(told, [](const Told& one) { return one.ends == 1 && !one.failure; });
    }));
  }
  CHECK(server.accepted() == static_cast<int>(many));
}

TEST_CASE_TEMPLATE("http client: a kept connection that the server closes does not keep the loop awake", Way,
                   test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  Server server(loop,
                [](io::HttpConnection& connection, const proto::HttpRequest&) { answer(connection, {}); });
  io::HttpClient client(loop, Way::local);
  Told told;
  client.start(post(server.url("/"), "{}"), told.events());
  REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
  server.close(1);
  int turns = 0;
  loop.at_end_of_turn([&] { ++turns; });
  bool passed = false;
  io::Timer a_while(loop, [&] { passed = true; });
  a_while.set(io::now() + std::chrono::milliseconds(30));
  REQUIRE(run_until(loop, [&] { return passed; }));
  CHECK(turns < 20);
}

TEST_CASE_TEMPLATE("http client: what takes too long fails", Way, test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  Server server(loop, [](io::HttpConnection&, const proto::HttpRequest&) {});
  io::HttpClient client(loop, Way::local);
  Told told;
  io::HttpClient::Request request = get(server.url("/"));
  request.whole_timeout = std::chrono::milliseconds(20);
  client.start(std::move(request), told.events());
  REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
  REQUIRE(told.failure);
  CHECK_FALSE(told.failure->never_connected);
  CHECK(told.failure->why.contains("in time"));
  REQUIRE(run_until(loop, [&] { return server.gone() == 1; }));
}

namespace {

void answer_compressed(io::HttpConnection& connection) {
  constexpr std::string_view packed(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xd7\x51\xc8\xc0\xa4\x00\x55\xa3\x82\x77"
      "\x1a\x00\x00\x00",
      29);
  proto::HttpAnswer made{.body = std::string(packed)};
  made.fields.add("content-encoding", "gzip");
  connection.answer(std::move(made));
}

}  // namespace

TEST_CASE("http client: a compressed answer is unpacked") {
  io::Loop loop;
  Server server(loop, [](io::HttpConnection& connection, const auto&) { answer_compressed(connection); });
  io::HttpClient client(loop, io::HttpClient::Local::over_libcurl);
  Told told;
  client.start(get(server.url("/")), told.events());
  REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
  CHECK_FALSE(told.failure);
  CHECK(told.body == "hello, hello, hello, hello");
}

TEST_CASE("http client: a server that compresses without being asked to is asked over libcurl from then on") {
  io::Loop loop;
  std::vector<std::string> asked;
  Server server(loop, [&](io::HttpConnection& connection, const proto::HttpRequest& request) {
    asked.emplace_back(request.fields.get("accept-encoding"));
    answer_compressed(connection);
  });
  io::HttpClient client(loop);
  Told first;
  client.start(get(server.url("/")), first.events());
  REQUIRE(run_until(loop, [&] { return first.ends == 1; }));
  REQUIRE(first.failure);
  CHECK(first.failure->why.contains("compressed its answer without being asked to"));
  CHECK(first.heads == 0);
  Told second;
  client.start(get(server.url("/")), second.events());
  REQUIRE(run_until(loop, [&] { return second.ends == 1; }));
  CHECK_FALSE(second.failure);
  CHECK(second.body == "hello, hello, hello, hello");
  REQUIRE(asked.size() == 2);
  CHECK(asked[0] == "identity");
  CHECK(asked[1].contains("gzip"));
}

TEST_CASE_TEMPLATE("http client: only the answer itself is told, not what is said on the way to it", Way,
                   test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  Server server(loop, [&](io::HttpConnection& connection, const proto::HttpRequest&) {
    const io::Descriptor socket = connection.release();
    constexpr std::string_view text =
        "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n"
        "HTTP/1.1 200 OK\r\nX-One: 1\r\nX-One: 2\r\nTransfer-Encoding: chunked\r\nTrailer: x-late\r\n\r\n"
        "2\r\nhi\r\n0\r\nx-late: 1\r\n\r\n";
    REQUIRE(write(socket.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    server.close(1);
  });
  io::HttpClient client(loop, Way::local);
  Told told;
  client.start(get(server.url("/")), told.events());
  REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
  CHECK_FALSE(told.failure);
  CHECK(told.heads == 1);
  CHECK(told.status == 200);
  CHECK_FALSE(told.fields.has("link"));
  CHECK(told.fields.count("x-one") == 2);
  CHECK_FALSE(told.fields.has("x-late"));
  CHECK(told.body == "hi");
}

TEST_CASE_TEMPLATE("http client: redirects are answers like others", Way, test::ByOurselves,
                   test::OverLibcurl) {
  io::Loop loop;
  int requests = 0;
  Server server(loop, [&](io::HttpConnection& connection, const proto::HttpRequest&) {
    ++requests;
    proto::HttpAnswer made{.status = 307};
    made.fields.add("location", "/elsewhere");
    connection.answer(std::move(made));
  });
  io::HttpClient client(loop, Way::local);
  Told told;
  client.start(post(server.url("/"), "{}"), told.events());
  REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
  CHECK(told.status == 307);
  CHECK(requests == 1);
}

TEST_CASE_TEMPLATE("http client: a proxy is used, but not for what listens on this machine", Way,
                   test::ByOurselves, test::OverLibcurl) {
  io::Loop loop;
  Server server(loop,
                [&](io::HttpConnection& connection, const proto::HttpRequest&) { answer(connection, {}); });
  const test::Variable none("no_proxy", nullptr);
  const test::Variable no("NO_PROXY", nullptr);
  const test::Variable through("http_proxy", server.url("").c_str());
  io::HttpClient client(loop, Way::local);
  Told far;
  client.start(get("http://mcp.example.test/far"), far.events());
  REQUIRE(run_until(loop, [&] { return far.ends == 1; }));
  // Whatever it makes of the request: nobody else would have answered.
  CHECK(far.heads == 1);
  CHECK(server.accepted() == 1);
  Server near(loop,
              [&](io::HttpConnection& connection, const proto::HttpRequest&) { answer(connection, "near"); });
  Told told;
  client.start(get(near.url("/")), told.events());
  REQUIRE(run_until(loop, [&] { return told.ends == 1; }));
  CHECK(told.body == "near");
  CHECK(server.accepted() == 1);
}
