// Roots are access rights: only sessions with equal ones share a server that cares for them.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "modern_stage.h"

namespace {

using test::Lines;
using test::ModernStage;
using test::Stage;

std::string request(const std::string& id, const std::string& method, const std::string& params = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params + '}';
}

std::string result(const std::string& id, const std::string& what) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + what + '}';
}

std::string roots(const std::string& uri) {
  return R"({"roots":[{"uri":")" + uri + R"("}]})";
}

const std::string has_roots = R"({"roots":{"listChanged":true}})";

bool asked(const Lines& lines) {
  return !lines.empty() && lines.back().find(R"("method":"roots/list")") != std::string::npos;
}

struct RootsStage : ModernStage {
  core::ServerSpec caring() const {
    core::ServerSpec one = spec();
    one.cares_for_roots = true;
    return one;
  }
  // A ready session of a client with those roots; what everybody heard is forgotten.
  core::SessionId at(const std::string& uri) {
    const core::SessionId session = open(caring());
    greet_asked(session);
    REQUIRE(asked(to_session[session]));
    const std::string id = id_of(hears(session).back());
    says(session, result(id, roots(uri)));
    bring_up();
    forget();
    return session;
  }
  void greet_asked(core::SessionId session) {
    says(session,
         R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-11-25",)"
         R"("capabilities":)" +
             has_roots + R"(,"clientInfo":{"name":"t","version":"1"}}})");
    bring_up();
    says(session, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  }
  void forget() {
    to_session.clear();
    to_instance.clear();
  }
  // Which server the session's next call reaches.
  core::InstanceId reaches(core::SessionId session) {
    forget();
    says(session, ::request("\"c\"", "tools/call"));
    bring_up();
    for (const core::InstanceId id : started) {
      for (const std::string& line : hears(id)) {
        if (line.find("tools/call") != std::string::npos) {
          serves(id, result(id_of(line), "{}"));
          return id;
        }
      }
    }
    return {};
  }
};

TEST_CASE_FIXTURE(RootsStage, "sessions with equal roots share, others have a server of their own") {
  const auto a = at("file:///a");
  const auto b = at("file:///b");
  const auto again = at("file:///a/");
  const auto none = ready(caring(), "{}");
  const auto of_a = reaches(a);
  CHECK(reaches(again) == of_a);
  const auto of_b = reaches(b);
  CHECK(of_b != of_a);
  const auto of_none = reaches(none);
  CHECK(of_none != of_a);
  CHECK(of_none != of_b);
}

TEST_CASE_FIXTURE(RootsStage, "a server is told the roots of its sessions") {
  const auto a = at("file:///a");
  const auto server_of_a = server();
  at("file:///b");
  serves(server_of_a, ::request("1", "roots/list"));
  CHECK(hears(server_of_a) == Lines{result("1", roots("file:///a"))});
  serves(server(), ::request("1", "roots/list"));
  CHECK(hears(server()) == Lines{result("1", roots("file:///b"))});
  (void)a;
}

TEST_CASE_FIXTURE(RootsStage, "a session without roots is told to the server as it would be directly") {
  ready(caring(), "{}");
  const auto quiet = open(caring());
  says(quiet,
       ::request(
           R"("i")", "initialize",
           R"({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}})"));
  serves(server(), ::request("1", "roots/list"));
  CHECK(hears(server()).back().find("-32601") != std::string::npos);
  CHECK(broker.sharing().groups.at(0).declared == Lines{});
}

TEST_CASE_FIXTURE(RootsStage, "sessions are parted when a server shows that it cares") {
  const auto a = ready(spec(), has_roots);
  const auto b = ready(spec(), has_roots);
  const auto c = ready(spec(), "{}");
  const auto shared = server();
  CHECK(reaches(a) == shared);
  CHECK(reaches(b) == shared);
  CHECK(reaches(c) == shared);
  forget();
  serves(shared, ::request("1", "roots/list"));
  CHECK(count<broker::NoteRoots>() == 1);
  says(a, result(id_of(hears(a).back()), roots("file:///a")));
  says(b, result(id_of(hears(b).back()), roots("file:///b")));
  CHECK(hears(shared) == Lines{result("1", roots("file:///a"))});
  bring_up();
  bring_up();
  CHECK(reaches(a) == shared);
  CHECK(reaches(b) != shared);
  CHECK(reaches(c) != shared);
  CHECK(reaches(c) != reaches(b));
}

TEST_CASE_FIXTURE(RootsStage, "nothing reaches a server before the roots are known") {
  const auto a = at("file:///a");
  const auto of_a = server();
  const auto b = open(caring());
  greet_asked(b);
  const std::string question = id_of(hears(b).back());
  says(b, ::request("1", "tools/call"));
  says(b, ::request("2", "resources/subscribe", R"({"uri":"file:///x"})"));
  says(b, R"({"jsonrpc":"2.0","method":"notifications/acme"})");
  CHECK(hears(of_a).empty());
  says(b, result(question, roots("file:///a")));
  const Lines wire = hears(of_a);
  REQUIRE(wire.size() == 3);
  CHECK(wire[0].find("tools/call") != std::string::npos);
  CHECK(wire[1].find("resources/subscribe") != std::string::npos);
  CHECK(wire[2].find("notifications/acme") != std::string::npos);
  (void)a;
}

TEST_CASE_FIXTURE(RootsStage, "a client by URL is asked on the stream of the call that waits for it") {
  const auto a = at("file:///a");
  const auto of_a = server();
  const core::SessionId b = broker.admit();
  happens(broker::SessionOpened{b, caring(), {}, 7, true, {}});
  greet_asked(b);
  hears(b);  // It has no stream open: this is lost.
  actions.clear();
  says(b, ::request("1", "tools/call"));
  const Lines asks = hears(b);
  REQUIRE(asked(asks));
  says(b, result(id_of(asks.back()), roots("file:///a")));
  CHECK(hears(of_a).size() == 1);
  (void)a;
}

TEST_CASE_FIXTURE(RootsStage, "a client that gives no answer has a server of its own, which is told so") {
  at("file:///a");
  const auto of_a = server();
  const auto b = open(caring());
  greet_asked(b);
  hears(b);
  passes(std::chrono::seconds(6));
  const auto of_b = reaches(b);
  CHECK(of_b != of_a);
  serves(of_b, ::request("1", "roots/list"));
  CHECK(hears(of_b).back().find("-32603") != std::string::npos);
}

TEST_CASE_FIXTURE(RootsStage,
                  "a session whose roots change is told to its server, or leaves those that share it") {
  const auto a = at("file:///a");
  const auto shared = server();
  serves(shared, ::request("1", "roots/list"));
  forget();
  says(a, R"({"jsonrpc":"2.0","method":"notifications/roots/list_changed"})");
  says(a, result(id_of(hears(a).back()), roots("file:///new")));
  CHECK(hears(shared).back().find("roots/list_changed") != std::string::npos);
  says(a, ::request("9", "tools/call"));
  CHECK(hears(shared).empty());  // Not before it has been told.
  serves(shared, ::request("2", "roots/list"));
  const Lines wire = hears(shared);
  REQUIRE(wire.size() == 2);
  CHECK(wire[0] == result("2", roots("file:///new")));
  CHECK(wire[1].find("tools/call") != std::string::npos);
  serves(shared, result(id_of(wire[1]), "{}"));

  const auto b = at("file:///new");
  says(b, R"({"jsonrpc":"2.0","method":"notifications/roots/list_changed"})");
  says(b, result(id_of(hears(b).back()), roots("file:///other")));
  bring_up();
  CHECK(reaches(a) == shared);
  CHECK(reaches(b) != shared);
}

TEST_CASE_FIXTURE(RootsStage, "a session that leaves for another server is subscribed there") {
  at("file:///a");
  const auto b = at("file:///a");
  const auto shared = server();
  says(b, ::request("1", "resources/subscribe", R"({"uri":"file:///x"})"));
  serves(shared, result(id_of(hears(shared).back()), "{}"));
  CHECK(hears(b) == Lines{result("1", "{}")});
  says(b, R"({"jsonrpc":"2.0","method":"notifications/roots/list_changed"})");
  says(b, result(id_of(hears(b).back()), roots("file:///b")));
  CHECK(hears(shared).back().find("resources/unsubscribe") != std::string::npos);
  bring_up();
  const Lines wire = hears(server());
  CHECK(std::ranges::any_of(
      wire, [](const std::string& line) { return line.find("resources/subscribe") != std::string::npos; }));
}

TEST_CASE_FIXTURE(RootsStage, "a server that goes by roots it was told before is joined by nobody else") {
  const auto a = at("file:///a");
  const auto deaf = server();
  serves(deaf, ::request("1", "roots/list"));
  says(a, R"({"jsonrpc":"2.0","method":"notifications/roots/list_changed"})");
  says(a, result(id_of(hears(a).back()), roots("file:///new")));
  passes(std::chrono::seconds(6));  // It does not ask for the new ones.
  CHECK(reaches(a) == deaf);
  const auto b = at("file:///new");
  CHECK(reaches(b) != deaf);
  CHECK(reaches(a) == deaf);
}

TEST_CASE_FIXTURE(RootsStage, "a session that goes on after a crash subscribes when its roots are known") {
  test::Page page;
  {
    RootsStage earlier;
    const auto session = earlier.open(earlier.caring(), &page);
    earlier.greet_asked(session);
    earlier.says(session, result(id_of(earlier.hears(session).back()), roots("file:///a")));
    earlier.says(session, ::request("1", "resources/subscribe", R"({"uri":"file:///x"})"));
    earlier.serves(earlier.server(), result(id_of(earlier.hears(earlier.server()).back()), "{}"));
  }
  const auto others = at("file:///b");
  const auto of_others = server();
  const auto restored = open(caring(), &page);
  bring_up();
  const Lines told = hears(restored);
  const auto question = std::ranges::find_if(told, [](const std::string& line) { return asked({line}); });
  REQUIRE(question != told.end());
  CHECK(hears(of_others).empty());
  says(restored, result(id_of(*question), roots("file:///a")));
  bring_up();
  CHECK(server() != of_others);
  CHECK(hears(of_others).empty());
  CHECK(std::ranges::any_of(hears(server()), [](const std::string& line) {
    return line.find("resources/subscribe") != std::string::npos;
  }));
  (void)others;
}

TEST_CASE_FIXTURE(RootsStage, "sessions that were there before are asked when another brings the knowledge") {
  const auto a = ready(spec(), has_roots);
  const auto shared = server();
  const auto b = open(caring());  // Another process of the same program has asked for roots meanwhile.
  greet_asked(b);
  REQUIRE(asked(to_session[a]));
  says(a, ::request("1", "tools/call"));
  CHECK(hears(shared).empty());
  const Lines asks = hears(a);
  says(a, result(id_of(asks.back()), roots("file:///a")));
  CHECK(hears(shared).back().find("tools/call") != std::string::npos);
}

TEST_CASE_FIXTURE(RootsStage,
                  "a client that calls before it has said that it is ready is asked all the same") {
  const auto a = open(caring());
  says(a, ::request(R"("i")", "initialize",
                    R"({"protocolVersion":"2025-11-25","capabilities":{"roots":{}},)"
                    R"("clientInfo":{"name":"t","version":"1"}})"));
  bring_up();
  forget();
  says(a, ::request("1", "tools/call"));
  const Lines asks = hears(a);
  REQUIRE(asked(asks));
  says(a, result(id_of(asks.back()), roots("file:///a")));
  CHECK(hears(server()).back().find("tools/call") != std::string::npos);
}

TEST_CASE_FIXTURE(RootsStage, "a client that is never ready keeps nobody else waiting") {
  const auto silent = open(caring());
  says(silent, ::request(R"("i")", "initialize",
                         R"({"protocolVersion":"2025-11-25","capabilities":{"roots":{}},)"
                         R"("clientInfo":{"name":"t","version":"1"}})"));
  bring_up();
  const auto b = open(caring());
  greet_asked(b);
  says(b, result(id_of(hears(b).back()), roots("file:///b")));
  says(b, ::request("1", "tools/call"));
  passes(std::chrono::seconds(6));
  bring_up();
  const Lines wire = hears(server());
  CHECK(std::ranges::any_of(
      wire, [](const std::string& line) { return line.find("tools/call") != std::string::npos; }));
}

TEST_CASE_FIXTURE(RootsStage,
                  "a session that comes when the others' roots are known starts no process of its own") {
  for (const std::string& given : {std::string(R"({"roots":[]})"), roots("file:///a")}) {
    CAPTURE(given);
    const std::size_t before = started.size();
    std::vector<core::SessionId> sessions;
    for (int i = 0; i < 3; ++i) {
      const auto session = open(caring());
      sessions.push_back(session);
      greet_asked(session);
      REQUIRE(asked(to_session[session]));
      says(session, result(id_of(hears(session).back()), given));
      bring_up();
      (void)reaches(session);
    }
    CHECK(started.size() == before + 1);
  }
}

TEST_CASE_FIXTURE(RootsStage, "a session that is about to end starts no process for want of an answer") {
  const auto a = ready(spec(), has_roots);
  const auto b = ready(spec(), has_roots);
  const auto shared = server();
  serves(shared, ::request("7", "roots/list"));
  REQUIRE(asked(to_session[b]));
  happens(broker::SessionInputEnded{b});
  passes(std::chrono::milliseconds(1));
  const Lines asks = hears(a);
  REQUIRE(asked(asks));
  says(a, result(id_of(asks.back()), roots("file:///a")));
  passes(std::chrono::seconds(6));
  CHECK(started.size() == 1);
  CHECK(reaches(a) == shared);
  happens(broker::SessionClosed{b});
  CHECK(started.size() == 1);
}

TEST_CASE_FIXTURE(RootsStage, "a session that has ended its input gets its answers without roots") {
  const auto a = ready(spec(), has_roots);
  const auto b = ready(spec(), has_roots);
  serves(server(), ::request("7", "roots/list"));
  const Lines asks = hears(a);
  says(a, result(id_of(asks.back()), roots("file:///a")));
  says(b, ::request("1", "tools/call"));
  happens(broker::SessionInputEnded{b});
  passes(std::chrono::milliseconds(1));
  bring_up();
  REQUIRE(started.size() == 2);
  const Lines wire = hears(started.back());
  CHECK(std::ranges::any_of(
      wire, [](const std::string& line) { return line.find("tools/call") != std::string::npos; }));
}

TEST_CASE_FIXTURE(RootsStage, "a process that others have left is not given to a session with other roots") {
  const auto none = ready(caring(), "{}");
  const auto old = server();
  CHECK(reaches(none) == old);
  happens(broker::SessionClosed{none});
  const auto a = open(caring());
  greet_asked(a);
  says(a, result(id_of(hears(a).back()), roots("file:///a")));
  bring_up();
  const auto of_a = reaches(a);
  CHECK(of_a != old);
  CHECK(of_a != core::InstanceId{});
}

TEST_CASE_FIXTURE(RootsStage, "a modern client is asked by an answer to its first call") {
  const auto a = at("file:///a");
  const auto of_a = reaches(a);
  const auto m = open(caring());
  says(m, ModernStage::call("1"));
  bring_up();
  const std::string answer = hears(m).back();
  CHECK(answer.find(R"("inputRequests":{"roots":{"method":"roots/list"}})") != std::string::npos);
  for (const auto id : started) {
    for (const std::string& line : hears(id)) CHECK(line.find("tools/call") == std::string::npos);
  }
  const std::string key = R"("requestState":)";
  const std::size_t begin = answer.find(key) + key.size();
  const std::string ticket = answer.substr(begin, answer.find('"', begin + 1) + 1 - begin);
  says(m,
       ModernStage::call("2", key + ticket + R"(,"inputResponses":{"roots":)" + roots("file:///a") + "},"));
  const Lines wire = hears(of_a);
  REQUIRE(wire.size() == 1);
  CHECK(wire[0].find("tools/call") != std::string::npos);
  CHECK(wire[0].find("inputResponses") == std::string::npos);
  CHECK(wire[0].find("requestState") == std::string::npos);
}

TEST_CASE_FIXTURE(RootsStage, "a ticket is good at a server that turns out to be a modern one") {
  core::ServerSpec probed = caring();
  probed.probe = true;
  const auto m = open(probed);
  says(m, ModernStage::call("1"));
  const std::string ticket = ticket_of(hears(m).back());

  says(open(probed), ModernStage::request("2", "tools/list"));
  happens(broker::InstanceStarted{server(), 1});
  pending.clear();
  serves_result(hears(server()).back(),
                R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}})");
  hears(server());
  says(m, ModernStage::call("3", R"("requestState":")" + ticket + R"(","inputResponses":{"roots":)" +
                                     roots("file:///a") + "},"));
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 1);
  CHECK(wire[0].find("tools/call") != std::string::npos);
  CHECK(wire[0].find("requestState") == std::string::npos);
}

TEST_CASE_FIXTURE(RootsStage,
                  "a call that runs while sessions are parted is answered, or fails with the reason") {
  const auto a = ready(spec(), has_roots);
  const auto b = ready(spec(), has_roots);
  const auto shared = server();
  says(a, ::request("1", "tools/call"));
  says(b, ::request("1", "tools/call"));
  const Lines wire = hears(shared);
  REQUIRE(wire.size() == 2);
  serves(shared, ::request("7", "roots/list"));
  says(a, result(id_of(hears(a).back()), roots("file:///a")));
  says(b, result(id_of(hears(b).back()), roots("file:///b")));
  CHECK(hears(shared).empty());  // While b's call may still be at work.
  passes(std::chrono::seconds(6));
  const Lines told = hears(b);
  CHECK(std::ranges::any_of(told, [](const std::string& line) {
    return line.find(R"("id":1)") != std::string::npos && line.find("other roots") != std::string::npos;
  }));
  const Lines after = hears(shared);
  CHECK(std::ranges::find(after, result("7", roots("file:///a"))) != after.end());
  serves(shared, result(id_of(wire[0]), "{}"));
  CHECK(hears(a).back() == result("1", "{}"));
}

TEST_CASE_FIXTURE(
    RootsStage,
    "a client without roots is not asked for them when a legacy server takes a modern one's place") {
  core::ServerSpec either = caring();
  either.probe = true;
  const auto session = open(either);
  says(session,
       ::request(
           R"("i")", "initialize",
           R"({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}})"));
  happens(broker::InstanceStarted{server(), 100});
  serves(server(),
         result(id_of(hears(server()).back()),
                R"({"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{}})"));
  says(session, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  happens(broker::InstanceExited{server(), "exited with status 0", "", true});
  forget();
  says(session, ::request("1", "tools/call"));
  happens(broker::InstanceStarted{server(), 101});
  serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(hears(server()).back()) +
                       R"(,"error":{"code":-32601,"message":"no"}})");
  says(session, ::request("2", "tools/call"));
  CHECK(hears(session).empty());
  serves(server(), result(id_of(hears(server()).back()),
                          R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}},)"
                          R"("serverInfo":{"name":"s","version":"1"}})"));
  CHECK(std::ranges::count_if(hears(server()),
                              [](const std::string& line) { return line.contains("tools/call"); }) == 2);
}

// Clients of one project, in whatever order they come and answer, and a server that asks when it likes.
struct Crowd : RootsStage {
  struct One {
    core::SessionId id;
    enum class Step : std::uint8_t { away, open, hello, greeted, ready } step = Step::away;
    std::vector<std::string> asks;  // Raw ids that it has not answered yet.
    int calls = 0;
  };
  std::vector<One> all{6};
  std::vector<std::string> served;  // Raw ids of calls that the server has not answered yet.
  int questions = 0;

  bool knows_that_it_cares() const {
    return std::ranges::any_of(actions, [](const broker::Action& action) {
      return std::holds_alternative<broker::NoteRoots>(action);
    });
  }
  void listen() {
    for (One& one : all) {
      if (one.step == One::Step::away) continue;
      for (const std::string& line : hears(one.id)) {
        if (line.find("\"roots/list\"") != std::string::npos) one.asks.push_back(id_of(line));
        if (line.find("\"protocolVersion\"") != std::string::npos) one.step = One::Step::greeted;
      }
    }
    for (const core::InstanceId id : started) {
      for (const std::string& line : hears(id)) {
        if (line.find("tools/call") != std::string::npos) served.push_back(id_of(line));
        if (line.find("roots/list_changed") != std::string::npos) ask();
      }
    }
  }
  void ask() { serves(server(), ::request("\"r" + std::to_string(++questions) + '"', "roots/list")); }
  void moves(One& one) {
    using Step = One::Step;
    if (!one.asks.empty() && one.step != Step::away && (one.asks.size() > 1 || one.calls % 2 == 0)) {
      says(one.id, result(one.asks.front(), R"({"roots":[]})"));
      one.asks.erase(one.asks.begin());
    } else if (one.step == Step::away) {
      one.id = open(knows_that_it_cares() ? caring() : spec());
      one.step = Step::open;
    } else if (one.step == Step::open) {
      says(one.id, ::request(R"("i")", "initialize",
                             R"({"protocolVersion":"2025-11-25","capabilities":{"roots":{}},)"
                             R"("clientInfo":{"name":"t","version":"1"}})"));
      one.step = Step::hello;
    } else if (one.step == Step::greeted) {
      says(one.id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
      one.step = Step::ready;
    } else if (one.step == Step::ready) {
      says(one.id, ::request(std::to_string(++one.calls), "tools/call"));
    }
  }
};

TEST_CASE("clients with the same roots share one process, in whatever order all happens") {
  for (unsigned seed = 0; seed < 600; ++seed) {
    CAPTURE(seed);
    Crowd crowd;
    std::mt19937 random(seed);
    int waits = 0;
    for (int step = 0; step < 120; ++step) {
      const unsigned what = random() % 16;
      if (what < 10) {
        crowd.moves(crowd.all[random() % crowd.all.size()]);
      } else if (what < 11) {
        crowd.bring_up();
      } else if (what < 12 && crowd.questions < 3 &&
                 std::ranges::any_of(
                     crowd.all, [](const Crowd::One& one) { return one.step == Crowd::One::Step::ready; })) {
        crowd.ask();
      } else if (what < 15 && !crowd.served.empty()) {
        crowd.serves(crowd.server(), result(crowd.served.back(), "{}"));
        crowd.served.pop_back();
      } else {
        const bool slow = !crowd.pending.empty() && ++waits < 4;  // The start of the server, that is.
        crowd.passes(std::chrono::milliseconds(random() % (slow ? 3000 : 30)));
      }
      crowd.listen();
      REQUIRE(crowd.started.size() <= 1);
    }
  }
}

}  // namespace
