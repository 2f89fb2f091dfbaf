// Streams that are cut at any byte, by a server that sends again what follows Last-Event-ID: every message
// arrives once and in order.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "http_server_fixture.h"

using namespace http_server;

namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::size_t below(std::size_t end) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>(state_ >> 33) % end;
  }

 private:
  std::uint64_t state_;
};

// One stream as the server keeps it: event k has the id "NAME.k"; the first one only primes.
struct Kept {
  std::string name;
  std::vector<std::string> messages;
  std::string asked_behind = {};
  int in_vain = 0;  // Requests behind the same id.

  std::string text_behind(std::string_view last_id) const {
    std::size_t from = 0;
    if (!last_id.empty()) from = std::stoul(std::string(last_id.substr(last_id.find('.') + 1))) + 1;
    std::string text;
    for (std::size_t i = from; i <= messages.size(); ++i) {
      const std::string id = name + '.' + std::to_string(i);
      text += i == 0 ? "id: " + id + "\r\ndata:\r\n\r\n" : event(messages[i - 1], id);
      if (i % 3 == 0) text += ": still here\n\n";
    }
    return text;
  }
};

struct Server {
  Begun client;
  Dice dice;
  Lines seen = {};
  std::map<std::string, Kept> streams = {};
  std::vector<RequestId> open = {};

  explicit Server(std::uint64_t seed) : dice(seed) {}

  void note(const Lines& lines) {
    for (const std::string& line : lines) {
      if (line.starts_with("receive ")) {
        seen.push_back(line);
      } else if (line.find(": GET") != std::string::npos) {
        open.push_back(std::stoul(line));
      } else {
        FAIL_CHECK("unexpected: " << line);
      }
    }
  }

  // A part of what is due on this request's stream, in chunks, then a clean or a broken end.
  void serve(RequestId id) {
    const std::string last(client.requests[id].fields.get("last-event-id"));
    const bool first = last.empty();
    Kept& stream = streams[first ? std::to_string(id) : last.substr(0, last.find('.'))];
    const std::string text = stream.text_behind(last);
    const std::size_t priming = first ? text.find("\r\n\r\n") + 4 : 0;
    std::size_t end = priming + dice.below(text.size() - priming + 1);
    // Never so often in vain that the client gives up.
    stream.in_vain = last == std::exchange(stream.asked_behind, last) ? stream.in_vain + 1 : 0;
    if (stream.in_vain > 3) end = text.size();
    if (id != 3) note(client.head(id, 200, events));
    for (std::size_t at = 0; at < end;) {
      const std::size_t length = std::min(end - at, 1 + dice.below(40));
      note(client.body(id, std::string_view(text).substr(at, length)));
      at += length;
    }
    note(dice.below(2) == 0 ? client.ended(id) : client.broke(id));
  }

  void run() {
    for (int round = 0; round < 400; ++round) {
      for (const RequestId id : std::exchange(open, {})) serve(id);
      if (client.wait() >= milliseconds(0)) note(client.after(client.wait()));
    }
  }
};

}  // namespace

TEST_CASE("streams cut anywhere lose no message and bring none twice") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    Server server(seed);
    std::map<std::string, Lines> expected;
    int number = 0;
    const auto fill = [&](RequestId id, const std::string& as, Lines last) {
      Kept kept{.name = std::to_string(id), .messages = {}};
      for (std::size_t n = server.dice.below(6); n > 0; --n) kept.messages.push_back(progress(++number));
      std::ranges::move(last, std::back_inserter(kept.messages));
      for (const std::string& message : kept.messages) expected[as].push_back("receive " + as + message);
      server.streams.emplace(kept.name, std::move(kept));
      server.open.push_back(id);
    };
    fill(3, "", {progress(++number)});
    for (int id = 10; id < 14; ++id) {
      server.client.send(call(id));
      fill(server.client.requests.rbegin()->first, std::to_string(id) + ' ', {result(id)});
    }
    server.run();
    for (const auto& [as, lines] : expected) {
      Lines got;
      const auto belongs = [&, &prefix = as](const std::string& line) {
        return line.starts_with("receive " + prefix + "{");
      };
      std::ranges::copy_if(server.seen, std::back_inserter(got), belongs);
      CHECK(got == lines);
    }
    std::size_t all = 0;
    for (const auto& [as, lines] : expected) all += lines.size();
    CHECK(server.seen.size() == all);
  }
}
