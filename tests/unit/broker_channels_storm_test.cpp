// Servers that speak HTTP, under everything that can happen in any order.
//
// An invented world, given by a seed: sessions come, call and go; servers and channels come up, answer, say
// nothing to what they are asked first, or refuse it, forget, fail and end; people stop and restart. In every
// third world tools are tasks, which Hearth follows for clients of 2026-07-28 (they know none), also when
// their server forgets the conversation that they came from. Checked: each call is answered once and to its
// session, nothing is said to what is not there, and at the end nothing is left.
#include <doctest/doctest.h>

#include <array>
#include <set>

#include "broker_fixture.h"

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

struct Storm : test::Stage {
  struct Client {
    core::SessionId id;
    bool modern = false;
    bool ready = false;
    int next = 1;
    std::set<std::string> open;  // Ids that wait for an answer.
  };
  struct Peer {
    core::InstanceId id;
    std::optional<core::InstanceId> channel_of;
    bool started = false;
    bool answers = false;
    bool stopping = false;
    Lines unanswered;  // Requests.
  };

  explicit Storm(std::uint64_t seed) : random(seed), probes(seed % 2 == 0), tasks(seed % 3 == 0) {}

  core::ServerSpec web() const {
    core::ServerSpec wanted = spec();
    wanted.name = "web";
    wanted.link = core::Link::streamable;
    wanted.address.path = "/mcp";
    wanted.probe = probes;
    wanted.timing.idle_timeout = std::chrono::seconds(20);
    return wanted;
  }

  Peer* peer(core::InstanceId id) {
    const auto found = std::ranges::find(peers, id, &Peer::id);
    return found == peers.end() ? nullptr : &*found;
  }

  // What the broker has asked for and said since the last look.
  void look() {
    for (; seen < actions.size(); ++seen) {
      if (const auto* start = std::get_if<broker::StartInstance>(&actions[seen])) {
        REQUIRE(peer(start->instance) == nullptr);
        if (start->channel_of) {
          const Peer* server = peer(*start->channel_of);
          REQUIRE(server != nullptr);
          REQUIRE(server->answers);
        }
        peers.push_back({.id = start->instance, .channel_of = start->channel_of, .unanswered = {}});
      } else if (const auto* stop = std::get_if<broker::StopInstance>(&actions[seen])) {
        if (Peer* stopped = peer(stop->instance)) stopped->stopping = true;
      }
    }
    // Every server of the storm stays in the map; an exchange with each of them would be most of the work.
    for (auto& [id, lines] : to_instance) {
      if (lines.empty()) continue;
      for (const std::string& line : std::exchange(lines, {})) {
        Peer* listener = peer(id);
        REQUIRE(listener != nullptr);
        REQUIRE(listener->channel_of);
        REQUIRE(listener->started);
        if (line.contains(R"("id":)")) listener->unanswered.push_back(line);
      }
    }
    for (Client& client : clients) {
      for (const std::string& line : hears(client.id)) {
        if (line.contains(R"("method":)")) continue;
        const std::string id = id_of(line);
        REQUIRE_MESSAGE(client.open.erase(id) == 1, line);
        if (id == "0") client.ready = line.contains("result");
      }
    }
  }

  void comes() {
    if (tasks && random.below(2) == 0) {
      clients.push_back({.id = open(web()), .modern = true, .ready = true, .open = {}});
      return;
    }
    Client client{.id = open(web()), .open = {"0"}};
    says(client.id,
         R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
         R"("capabilities":{},"clientInfo":{"name":"t","version":"1"}}})");
    clients.push_back(std::move(client));
  }
  void calls_modern(Client& client) {
    const std::string id = std::to_string(client.next++);
    client.open.insert(id);
    const bool list = random.below(4) == 0;
    says(client.id, R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/)" + (list ? "list" : "call") +
                        R"(","params":{"name":"x","_meta":{)"
                        R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                        R"("io.modelcontextprotocol/clientInfo":{"name":"m","version":"1"},)"
                        R"("io.modelcontextprotocol/clientCapabilities":{}}}})");
  }
  void calls(Client& client) {
    if (!client.ready) return;
    if (client.modern) return calls_modern(client);
    if (client.next == 1) says(client.id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    const std::string id = std::to_string(client.next++);
    client.open.insert(id);
    constexpr std::array methods{"tools/call", "resources/subscribe", "resources/read", "tools/list"};
    const char* method = methods[random.below(methods.size())];
    says(client.id, R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method +
                        R"(","params":{"name":"x","uri":"file:///)" + std::to_string(random.below(3)) +
                        "\"}}");
  }
  void goes(std::size_t which) {
    happens(broker::SessionClosed{clients[which].id});
    clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(which));
  }
  void answers(Peer& from) {
    if (from.unanswered.empty()) return;
    const std::size_t which = random.below(from.unanswered.size());
    const std::string request = from.unanswered[which];
    from.unanswered.erase(from.unanswered.begin() + static_cast<std::ptrdiff_t>(which));
    const bool initialize = request.contains(R"("initialize")");
    if (request.contains("server/discover")) {
      return serves(from.id, R"({"jsonrpc":"2.0","id":)" + id_of(request) +
                                 R"(,"error":{"code":-32601,"message":"no"}})");
    }
    if (initialize && probes && !calm && random.below(6) == 0) {
      return serves(from.id, R"({"jsonrpc":"2.0","id":)" + id_of(request) +
                                 R"(,"error":{"code":-32602,"message":"no"}})");
    }
    serves(from.id, R"({"jsonrpc":"2.0","id":)" + id_of(request) + R"(,"result":)" +
                        (initialize ? greeting()
                         : tasks    ? result_with_tasks(request)
                                    : "{}") +
                        "}");
  }
  std::string greeting() const {
    if (tasks) {
      return R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":{"subscribe":true},)"
             R"("tasks":{"requests":{"tools":{"call":{}}}}},"serverInfo":{"name":"w","version":"1"}})";
    }
    return R"({"protocolVersion":"2025-06-18","capabilities":{"tools":{},)"
           R"("resources":{"subscribe":true}},"serverInfo":{"name":"w"}})";
  }
  std::string result_with_tasks(const std::string& request) {
    const auto task = [&](const std::string& id, const char* status) {
      return R"("taskId":")" + id + R"(","status":")" + status +
             R"(","createdAt":"2026-01-01T00:00:00Z","lastUpdatedAt":"2026-01-01T00:00:00Z","ttl":null,)"
             R"("pollInterval":)" +
             std::to_string(random.below(3) * 400);
    };
    if (request.contains(R"("tools/list")"))
      return R"({"tools":[{"name":"x","inputSchema":{"type":"object"},)"
             R"("execution":{"taskSupport":"required"}}]})";
    if (request.contains(R"("tools/call")") && request.contains(R"("task":)"))
      return R"({"task":{)" + task("t" + std::to_string(++tasks_ever), "working") + "}}";
    if (request.contains(R"("tasks/get")"))
      return "{" + task("t1", calm || random.below(3) == 0 ? "completed" : "working") + "}";
    return R"({"content":[]})";
  }
  void ends(core::InstanceId id, const char* how) {
    std::erase_if(peers, [&](const Peer& each) { return each.id == id; });
    happens(broker::InstanceExited{id, how, ""});
  }
  void forgets(Peer& channel) {
    if (!channel.started || channel.unanswered.empty()) return;
    std::vector<proto::Message> refused;
    for (const std::string& request : std::exchange(channel.unanswered, {})) refused.emplace_back(request);
    happens(broker::InstanceForgot{channel.id, std::move(refused)});
  }
  void lives(Peer& one) {
    if (one.stopping) return ends(one.id, "was closed");
    if (!one.started) {
      if (random.below(8) == 0) {
        const core::InstanceId id = one.id;
        std::erase_if(peers, [&](const Peer& each) { return each.id == id; });
        return happens(broker::InstanceStartFailed{id, "cannot be started"});
      }
      one.started = true;
      return happens(broker::InstanceStarted{one.id, one.channel_of ? 0 : 7});
    }
    const std::size_t luck = random.below(40);
    if (luck == 0) return ends(one.id, "was killed by SIGSEGV");
    if (!one.channel_of) {
      if (!std::exchange(one.answers, true)) happens(broker::InstanceAnswers{one.id});
      return;
    }
    if (luck == 1) return forgets(one);
    answers(one);
  }
  void step() {
    switch (random.below(12)) {
      case 0:
        if (clients.size() < 5) comes();
        break;
      case 1:
        if (!clients.empty() && random.below(4) == 0) goes(random.below(clients.size()));
        break;
      case 2:
      case 3:
      case 4:
        if (!clients.empty()) calls(clients[random.below(clients.size())]);
        break;
      case 5:
        if (random.below(12) == 0) happens(broker::StopWanted{"web"});
        break;
      case 6:
        if (random.below(12) == 0) happens(broker::RestartWanted{"web"});
        break;
      case 7:
        passes(std::chrono::milliseconds(random.below(3000)));
        break;
      default:
        if (!peers.empty()) lives(peers[random.below(peers.size())]);
        break;
    }
    look();
  }

  Random random;
  bool probes;
  bool tasks;
  int tasks_ever = 0;
  bool calm = false;  // From here on everything goes well.
  std::vector<Client> clients;
  std::vector<Peer> peers;
  std::size_t seen = 0;
};

}  // namespace

TEST_CASE("channels: whatever happens, each call is answered once, and at the end nothing is left") {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    Storm storm(seed);
    for (int i = 0; i < 400; ++i) storm.step();
    // From here on everything goes well, so everybody gets an answer.
    storm.calm = true;
    for (int i = 0; i < 400; ++i) {
      const std::vector<Storm::Peer> all = storm.peers;
      for (const Storm::Peer& each : all) {
        Storm::Peer* peer = storm.peer(each.id);
        if (peer == nullptr) continue;
        if (peer->stopping) {
          storm.ends(each.id, "was closed");
        } else if (!std::exchange(peer->started, true)) {
          storm.happens(broker::InstanceStarted{each.id, 7});
        } else if (peer->channel_of) {
          storm.answers(*peer);
        } else if (!std::exchange(peer->answers, true)) {
          storm.happens(broker::InstanceAnswers{each.id});
        }
        storm.look();
      }
      storm.passes(std::chrono::seconds(1));
      storm.look();
    }
    for (const Storm::Client& client : storm.clients) CHECK(client.open.empty());
    while (!storm.clients.empty()) storm.goes(0);
    for (int i = 0; i < 100; ++i) {
      storm.look();
      const std::vector<Storm::Peer> all = storm.peers;
      for (const Storm::Peer& each : all) {
        if (each.stopping) storm.ends(each.id, "was closed");
      }
      storm.passes(std::chrono::minutes(1));
    }
    CHECK(storm.broker.instances().empty());
    CHECK(storm.peers.empty());
  }
}
