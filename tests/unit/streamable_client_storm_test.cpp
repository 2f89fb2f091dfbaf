// Conversations with servers over HTTP, under everything that such servers do.
//
// An invented server, given by a seed: it answers as JSON, with a byte order mark or without, or on streams;
// redirects, also to strangers; forgets sessions, and says so in different ways; refuses, breaks connections,
// and cuts its streams. In place of the broker is what it does: greet anew, and send again what came back.
// Checked: nothing goes to a stranger, each call is answered once, and when all goes well again, all are.
#include <doctest/doctest.h>

#include <set>

#include "http_server_fixture.h"

using namespace http_server;

namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  std::size_t below(std::size_t bound) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::size_t>(state_ % bound);
  }

 private:
  std::uint64_t state_;
};

std::string id_in(const std::string& text) {
  const auto read = proto::scan(text);
  return read && read->id.present() ? std::string(read->id.in(text)) : "";
}

struct Storm {
  explicit Storm(std::uint64_t seed)
      : random(seed), sse(seed % 3 == 0), client(options(sse ? transport::Kind::sse : kind_of(seed)), now) {
    greet();
  }

  static transport::Kind kind_of(std::uint64_t seed) {
    return seed % 3 == 1 ? transport::Kind::automatic : transport::Kind::streamable;
  }

  // --- the broker

  void greet() {
    ready = false;
    greeting_id = ++last_id;
    say(R"({"jsonrpc":"2.0","id":)" + std::to_string(greeting_id) + R"(,"method":"initialize","params":{}})");
  }
  void say(const std::string& text) {
    client.send(proto::Message(text), now);
    look();
  }
  void calls() {
    const int id = ++last_id;
    open.insert(std::to_string(id));
    if (ready) {
      say(call(id));
    } else {
      waiting.push_back(call(id));
    }
  }
  void hears(const std::string& text) {
    const std::string id = id_in(text);
    if (id.empty() || text.contains(R"("method")")) return;
    if (id == std::to_string(greeting_id)) {
      if (!text.contains("result")) return void(refused_greeting = true);
      ready = true;
      say(initialized());
      for (const std::string& one : std::exchange(waiting, {})) say(one);
      return;
    }
    REQUIRE_MESSAGE(open.erase(id) == 1, text);
  }
  void forgot(const transport::Forgot& what) {
    for (const proto::Message& message : what.refused) {
      const std::string text = message.text();
      if (text.contains("tools/call")) waiting.push_back(text);
    }
    if (what.session_lost) {
      again = true;
    } else if (ready) {
      for (const std::string& one : std::exchange(waiting, {})) say(one);
    }
  }
  // The conversation is over: its calls are lost, and the next begins.
  void fell() {
    open.clear();
    waiting.clear();
    requests.clear();
    client =
        transport::StreamableClient(options(sse ? transport::Kind::sse : transport::Kind::automatic), now);
    sessions.clear();
    stream = 0;
    greet();
  }

  void look() {
    while (!client.outbox().empty()) {
      for (transport::ClientOutput& output : std::exchange(client.outbox(), {})) {
        if (auto* request = std::get_if<transport::Request>(&output)) {
          REQUIRE_MESSAGE(request->url.starts_with("http://h:8/"), request->url);
          requests[request->id] = std::move(*request);
        } else if (const auto* abandon = std::get_if<transport::Abandon>(&output)) {
          requests.erase(abandon->id);
          if (stream == abandon->id) stream = 0;
        } else if (const auto* receive = std::get_if<transport::Receive>(&output)) {
          hears(std::string(receive->message.text));
        } else if (const auto* lost = std::get_if<transport::Forgot>(&output)) {
          forgot(*lost);
        } else if (std::holds_alternative<transport::Down>(output)) {
          down = true;
        }
      }
    }
    if (std::exchange(down, false)) return fell();
    if (std::exchange(refused_greeting, false) || std::exchange(again, false)) greet();
  }

  // --- the server

  void head(RequestId id, int status, const Fields& given = {}) {
    proto::HttpFields fields;
    for (const auto& [name, value] : given) fields.add(name, value);
    client.head(id, status, fields, now);
  }
  void ends(RequestId id) {
    requests.erase(id);
    client.ended(id, std::nullopt, now);
  }
  void breaks(RequestId id) {
    requests.erase(id);
    if (stream == id) stream = 0;
    client.ended(id, transport::StreamableClient::Failure{.why = "connection reset"}, now);
  }
  void answers(RequestId id, int status, const Fields& fields = {}, const std::string& body = {}) {
    head(id, status, fields);
    client.body(id, body, now);
    ends(id);
  }
  void serves(RequestId id, std::size_t luck) {
    const transport::Request request = requests.at(id);
    const std::string text = request.body.text();
    if (luck == 0) return breaks(id);
    if (luck == 1) return answers(id, 307, {{"location", random.below(2) == 0 ? "/b/mcp/" : "http://h:8/c"}});
    if (luck == 2) return answers(id, 308, {{"location", "http://evil/mcp"}});
    if (luck == 3) return answers(id, 503);
    if (luck == 4) sessions.clear();
    if (request.method == "DELETE") return answers(id, 200);
    if (sse) return serves_sse(id, request, text);
    const bool initializes = text.contains(R"("initialize")");
    const std::string session(request.fields.get("mcp-session-id"));
    if (!initializes && !sessions.contains(session)) return refuses(id);
    if (request.method == "GET") return answers(id, 405);
    if (id_in(text).empty()) return answers(id, 202);
    Fields fields = random.below(2) == 0 ? json : events;
    if (initializes) {
      sessions.insert("S" + std::to_string(++last_session));
      fields.emplace_back("mcp-session-id", "S" + std::to_string(last_session));
    }
    std::string answer =
        R"({"jsonrpc":"2.0","id":)" + id_in(text) + R"(,"result":{"protocolVersion":"2025-06-18"}})";
    if (random.below(3) == 0) answer.insert(0, "\xEF\xBB\xBF");
    answers(id, 200, fields, fields.front() == json.front() ? answer : event(answer));
  }
  void refuses(RequestId id) {
    constexpr int statuses[] = {404, 400, 410};
    answers(id, statuses[random.below(3)], {}, "Bad Request: No valid session ID provided");
  }
  void serves_sse(RequestId id, const transport::Request& request, const std::string& text) {
    if (request.method == "GET") {
      stream = id;
      head(id, 200, events);
      client.body(id, "event: endpoint\ndata: /messages?s=" + std::to_string(++last_session) + "\n\n", now);
      return;
    }
    if (!request.url.ends_with("s=" + std::to_string(last_session)) || stream == 0) return refuses(id);
    answers(id, 202);
    if (!id_in(text).empty() && stream != 0)
      client.body(stream, event(R"({"jsonrpc":"2.0","id":)" + id_in(text) + R"(,"result":{}})"), now);
  }
  // The oldest request, or any.
  void serves(bool well) {
    std::vector<RequestId> due;
    for (const auto& [id, request] : requests) {
      if (id != stream) due.push_back(id);
    }
    if (due.empty()) return;
    serves(well ? due.front() : due[random.below(due.size())], well ? 99 : random.below(40));
    look();
  }
  void passes(base::Duration time) {
    now += time;
    client.tick(now);
    look();
  }
  // All connections end, and the conversation goes on in another program.
  void is_replaced() {
    if (!client.unsettled().empty()) return;
    client = transport::StreamableClient(passed_on(client.saved(now)), now);
    requests.clear();
    ++replacements;
    look();
  }
  void step() {
    if (replaces) is_replaced();
    switch (random.below(8)) {
      case 0:
      case 1:
        if (open.size() < 8) calls();
        break;
      case 2:
        passes(milliseconds(random.below(2000)));
        break;
      case 3:
        if (stream != 0 && random.below(4) == 0) {
          breaks(stream);
          look();
        }
        break;
      default:
        serves(false);
        break;
    }
  }

  Random random;
  bool sse;
  base::Instant now{seconds(100)};
  transport::StreamableClient client;
  std::map<RequestId, transport::Request> requests;
  std::set<std::string> sessions;
  RequestId stream = 0;
  int last_session = 0;
  int last_id = 0;
  int greeting_id = 0;
  bool ready = false, again = false, down = false, refused_greeting = false;
  std::set<std::string> open;
  std::vector<std::string> waiting;
  bool replaces = false;
  std::size_t replacements = 0;
};

struct Outcome {
  std::size_t answered_in_the_end = 0;
  std::size_t replacements = 0;
};

Outcome storms(bool replaces) {
  Outcome outcome;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Storm storm(seed);
    storm.replaces = replaces;
    for (int i = 0; i < 300; ++i) storm.step();
    for (int i = 0; i < 3; ++i) storm.calls();
    outcome.answered_in_the_end += storm.open.size();
    outcome.replacements += storm.replacements;
    for (int i = 0; i < 400 && !storm.open.empty(); ++i) {
      storm.serves(true);
      storm.passes(seconds(1));
    }
    CHECK(storm.open.empty());
  }
  return outcome;
}

}  // namespace

TEST_CASE("streamable client: whatever a server does, each call is answered once, and nothing goes astray") {
  CHECK(storms(false).answered_in_the_end > 300);
}

TEST_CASE("streamable client: the same while the program is replaced again and again") {
  const Outcome outcome = storms(true);
  CHECK(outcome.answered_in_the_end > 300);
  CHECK(outcome.replacements > 3000);
}
