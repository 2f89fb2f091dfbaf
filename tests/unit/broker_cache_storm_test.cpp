// Lists and reads that many ask for, under everything that can happen in any order.
//
// An invented world, given by a seed: sessions of both eras come, ask the same few things, cancel and go; the
// server answers late, changes, tells of it, asks back, fails and is started again. Checked: each request is
// answered once, to the one who asked, in the form of his era, with nothing that was old when he asked; and
// at the end nothing is left.
#include <doctest/doctest.h>

#include <array>
#include <map>

#include "broker_fixture.h"
#include "proto/revision.h"

namespace {

using test::Lines;

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

const std::string claim = R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                          R"("io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}})";

std::string response(const std::string& id, const std::string& raw) {
  return R"({"jsonrpc":"2.0","id":)" + id + "," + raw + "}";
}

int number_after(const std::string& text, const std::string& key) {
  const std::size_t at = text.find("\"" + key + "\":");
  return at == std::string::npos ? -1 : std::stoi(text.substr(at + key.size() + 3));
}

struct Storm : test::Stage {
  // What the server holds; it only grows, in every process that there will be.
  struct Versions {
    int tools = 1;  // Changes are told, but not those by calls.
    int data = 1;   // Changes by calls only, and nobody is told.
  };
  struct Client {
    core::SessionId id;
    bool modern = false;
    int next = 1;
    std::map<std::string, Versions> open = {};  // What was known to be the case when it was asked.
    Versions known = {};
  };
  struct Request {
    std::string line;
    Versions at;  // When it came.
  };

  Storm(std::uint64_t seed, proto::Era era_of_server) : random(seed), era(era_of_server) {}

  core::ServerSpec wanted() const {
    core::ServerSpec one = spec();
    one.probe = era == proto::Era::modern;
    return one;
  }

  void look() {
    for (const std::string& line : started.empty() ? Lines() : hears(server())) {
      if (line.contains("notifications/cancelled")) {
        const std::string id = std::to_string(number_after(line, "requestId"));
        std::erase_if(unanswered, [&](const Request& request) { return id_of(request.line) == id; });
      } else if (line.contains(R"("method":)") && line.contains(R"("id":)")) {
        unanswered.push_back({line, versions});
        ++sent;
      }
    }
    for (Client& client : clients) {
      for (const std::string& line : hears(client.id)) heard(client, line);
    }
  }
  void heard(Client& client, const std::string& line) {
    if (line.contains("elicitation/create") && line.contains(R"("id":)") && !line.contains("resultType")) {
      asked.push_back({client.id, id_of(line)});
      return;
    }
    if (line.contains(R"("method":"notifications)")) return;
    const auto found = client.open.find(id_of(line));
    REQUIRE_MESSAGE(found != client.open.end(), line);
    const Versions when = found->second;
    client.open.erase(found);
    if (!line.contains(R"("result":{)") || line.contains("protocolVersion")) return;
    const int tools = number_after(line, "toolsVersion"), data = number_after(line, "dataVersion");
    if (tools >= 0) CHECK_MESSAGE(tools >= when.tools, line);
    if (data >= 0) CHECK_MESSAGE(data >= when.data, line);
    CHECK_MESSAGE(line.contains("resultType") == client.modern, line);
    if (line.contains("wrote")) client.known.data = std::max(client.known.data, number_after(line, "wrote"));
  }

  void comes() {
    Client client{.id = open(wanted()), .modern = random.below(2) == 0};
    client.known.tools = told;
    if (!client.modern) {
      client.open["0"] = {};
      says(client.id, R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":)"
                      R"("2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"t",)"
                      R"("version":"1"}}})");
      says(client.id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    }
    clients.push_back(std::move(client));
  }
  void asks(Client& client) {
    if (client.open.contains("0")) return;
    constexpr std::array methods{"tools/list", "tools/list", "resources/read", "resources/read",
                                 "tools/call"};
    const std::string method = methods[random.below(methods.size())];
    const std::string id = std::to_string(client.next++);
    const std::string params = method == "tools/list" ? "" : R"("uri":"u",)";
    client.known.tools = told;
    client.open[id] = client.known;
    says(client.id, R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":{)" +
                        params + (client.modern ? claim : R"("_meta":{})") + "}}");
  }
  void cancels(Client& client) {
    if (client.open.empty() || client.open.begin()->first == "0") return;
    const std::string id = client.open.begin()->first;
    client.open.erase(client.open.begin());
    says(client.id,
         R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id + "}}");
  }
  void goes(std::size_t which) {
    happens(broker::SessionClosed{clients[which].id});
    std::erase_if(asked, [&](const auto& ask) { return ask.first == clients[which].id; });
    clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(which));
  }

  std::string result_of(const Request& request) {
    // It may be greeted both ways. The first answer counts.
    if (!greeted) speaks = request.line.contains("server/discover") ? proto::Era::modern : proto::Era::legacy;
    greeted = true;
    const bool modern = speaks == proto::Era::modern;
    const std::string type = modern ? R"("resultType":"complete",)" : "";
    if (request.line.contains(R"("initialize")"))
      return R"("result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},)"
             R"("resources":{}},"serverInfo":{"name":"s","version":"1"}})";
    if (request.line.contains("server/discover"))
      return R"("result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{)"
             R"("tools":{"listChanged":true},"resources":{}},"ttlMs":0,"cacheScope":"public"})";
    if (random.below(12) == 0) return R"("error":{"code":-32603,"message":"x"})";
    if (request.line.contains("tools/call")) {
      ++versions.tools;
      return R"("result":{)" + type + R"("content":[],"wrote":)" + std::to_string(++versions.data) + "}";
    }
    if (request.line.contains("tools/list"))
      return R"("result":{)" + type + R"("tools":[],"ttlMs":100000,"cacheScope":"public","toolsVersion":)" +
             std::to_string(request.at.tools) + "}";
    if (modern && random.below(6) == 0 && !request.line.contains("inputResponses"))
      return R"("result":{"resultType":"input_required","inputRequests":{"e":{"method":"elicitation/create",)"
             R"("params":{"message":"?"}}}})";
    return R"("result":{)" + type + R"("contents":[],"dataVersion":)" + std::to_string(request.at.data) + "}";
  }
  void answers() {
    if (unanswered.empty()) return;
    const std::size_t which = random.below(unanswered.size());
    const Request request = unanswered[which];
    if (request.line.contains("subscriptions/listen")) return;
    unanswered.erase(unanswered.begin() + static_cast<std::ptrdiff_t>(which));
    serves(server(), response(id_of(request.line), result_of(request)));
    // A request after a call gets what the call has changed.
    if (request.line.contains("tools/call")) told = versions.tools;
  }
  void changes() {
    if (started.empty() || !pending.empty()) return;
    ++versions.tools;
    serves(server(), R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
    told = versions.tools;
  }
  void asks_back() {
    if (speaks == proto::Era::modern || !pending.empty() || started.empty()) return;
    serves(server(), R"({"jsonrpc":"2.0","id":"q)" + std::to_string(++questions) +
                         R"(","method":"elicitation/create","params":{"message":"?","requestedSchema":{}}})");
  }
  void answer_question() {
    if (asked.empty()) return;
    const auto [session, id] = asked.back();
    asked.pop_back();
    says(session, response(id, R"("result":{"action":"accept"})"));
  }
  void comes_up() {
    if (pending.empty()) return;
    unanswered.clear();
    const core::InstanceId id = pending.front();
    pending.clear();
    greeted = false;
    // What another process has may be newer than what this one had told.
    told = ++versions.tools;
    happens(broker::InstanceStarted{id, 100});
  }
  void ends() {
    if (started.empty() || !pending.empty()) return;
    unanswered.clear();
    asked.clear();
    happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
  }

  void act() {
    comes_up();
    const std::size_t what = random.below(40);
    if (clients.empty() || (what == 0 && clients.size() < 6)) comes();
    Client& client = clients[random.below(clients.size())];
    if (what < 18) {
      asks(client);
    } else if (what < 21) {
      cancels(client);
    } else if (what < 32) {
      answers();
    } else if (what < 34) {
      changes();
    } else if (what == 34) {
      asks_back();
    } else if (what < 37) {
      answer_question();
    } else if (what == 37) {
      passes(std::chrono::seconds(1));
    } else if (what == 38 && random.below(8) == 0) {
      ends();
    } else if (what == 39 && random.below(4) == 0) {
      goes(random.below(clients.size()));
    }
    look();
  }
  void settles() {
    for (int i = 0; i < 2000; ++i) {
      comes_up();
      look();
      answer_question();
      answers();
      if (i % 20 == 0) passes(std::chrono::seconds(2));
    }
    look();
    for (const Client& client : clients) CHECK(client.open.empty());
    for (const auto& report : broker.instances()) {
      CHECK(report.calls == 0);
      merged += report.merged;
      from_cache += report.from_cache;
    }
  }

  Random random;
  proto::Era era;
  proto::Era speaks = proto::Era::legacy;
  bool greeted = false;
  Versions versions;
  int told = 1, questions = 0;  // told: no list that is asked for now may be older.
  std::vector<Client> clients;
  std::vector<Request> unanswered;
  std::vector<std::pair<core::SessionId, std::string>> asked;
  std::uint64_t sent = 0, merged = 0, from_cache = 0;
};

}  // namespace

TEST_CASE("every call gets an answer, and none gets an old one, whatever happens") {
  std::uint64_t merged = 0, from_cache = 0;
  for (const proto::Era era : {proto::Era::legacy, proto::Era::modern}) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
      CAPTURE(seed);
      CAPTURE(static_cast<int>(era));
      Storm storm(seed, era);
      for (int i = 0; i < 300; ++i) storm.act();
      storm.settles();
      merged += storm.merged;
      from_cache += storm.from_cache;
    }
    CHECK(merged > 500);
    CHECK(from_cache > 250);
  }
}
