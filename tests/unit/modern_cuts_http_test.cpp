// Answers of 2026-07-28 in pieces of any size, side by side, some cut off: every message arrives once and in
// order, every call has one answer, and nothing is resumed.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>

#include "modern_http_fixture.h"

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

const std::string line_ends[] = {"\n", "\r\n", "\r"};

struct Server {
  Client client;
  Dice dice;
  // Of requests under way: what is still to be said, and whether the connection breaks then.
  struct Due {
    std::string text;
    bool breaks = false;
  };
  std::map<RequestId, Due> due = {};
  std::map<int, Lines> seen = {};      // By call: what came for it.
  std::map<int, Lines> expected = {};  // But the answer of ours to one that was cut off.
  std::map<int, bool> cut = {};

  explicit Server(std::uint64_t seed) : dice(seed) {}

  void note(const Lines& lines) {
    for (const std::string& line : lines) {
      if (line.starts_with("receive ")) {
        const std::size_t brace = line.find('{');
        seen[std::stoi(line.substr(8))].push_back(line.substr(brace));
      } else if (line.find(": POST tools/list") != std::string::npos) {
        const std::string raw_id = line.substr(line.find('"'), line.rfind('"') - line.find('"') + 1);
        const bool last = dice.below(3) == 0;
        answer(std::stoul(line),
               {tools(raw_id, tool("far", "Region"), last ? "" : R"(,"nextCursor":)" + raw_id)}, false);
      } else if (line.find(": POST tools/call") != std::string::npos) {
        serve(std::stoul(line), std::stoi(line.substr(line.find("call ") + 5)));
      } else if (!line.starts_with("abandon ")) {
        FAIL_CHECK("unexpected: " << line);
      }
    }
  }

  void serve(RequestId id, int call) {
    CHECK(modern_fields(client, id) == "mcp-method=tools/call;mcp-name=far;mcp-param-region=eu;");
    Lines messages;
    for (std::size_t n = dice.below(4); n > 0; --n)
      messages.push_back(progress(static_cast<int>(n) + 10 * call));
    messages.push_back(done(call));
    expected[call] = messages;
    cut[call] = dice.below(4) == 0;
    answer(id, messages, cut[call]);
  }

  // One message may come as JSON; what is cut off ends before the answer's last byte.
  void answer(RequestId id, const Lines& messages, bool breaks) {
    Due one{.text = {}, .breaks = breaks};
    const bool as_json = messages.size() == 1 && dice.below(2) == 0;
    if (as_json) {
      one.text = messages.front();
    } else {
      const std::string& end = line_ends[dice.below(3)];
      for (const std::string& message : messages) {
        if (dice.below(3) == 0) one.text += ": still here" + end + end;
        one.text += "id: 1" + end + "data: " + message + end + end;
      }
    }
    if (breaks) one.text.resize(dice.below(one.text.size() - 4));
    note(client.head(id, 200, as_json ? json : events));
    due[id] = std::move(one);
  }

  void run() {
    while (!due.empty()) {
      auto one = due.begin();
      std::advance(one, static_cast<std::ptrdiff_t>(dice.below(due.size())));
      const RequestId id = one->first;
      const std::size_t length = std::min(one->second.text.size(), 1 + dice.below(30));
      const std::string piece = one->second.text.substr(0, length);
      one->second.text.erase(0, length);
      const bool over = one->second.text.empty();
      const bool breaks = one->second.breaks;
      if (over) due.erase(one);
      note(client.body(id, piece));
      if (over) note(breaks && dice.below(2) == 0 ? client.broke(id) : client.ended(id));
      if (dice.below(10) == 0) note(client.after(seconds(1)));
    }
  }
};

}  // namespace

TEST_CASE("modern answers in pieces arrive once, in order, each for its call") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    Server server(seed);
    for (int id = 10; id < 16; ++id)
      server.note(server.client.send(call_of(id, "far", R"({"region":"eu"})")));
    server.run();
    CHECK(server.expected.size() == 6);
    for (const auto& [call, messages] : server.expected) {
      CAPTURE(call);
      Lines got = server.seen[call];
      REQUIRE_FALSE(got.empty());
      if (server.cut[call]) {
        CHECK(got.back().find("-32603") != std::string::npos);
        got.pop_back();
        REQUIRE(got.size() < messages.size());
        CHECK(std::equal(got.begin(), got.end(), messages.begin()));
      } else {
        CHECK(got == messages);
      }
    }
  }
}
