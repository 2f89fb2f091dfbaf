// Servers that speak HTTP: one instance, and a channel in it for each session.
#include <doctest/doctest.h>

#include "broker_fixture.h"

namespace {

using test::Lines;
using test::Stage;

struct WebStage : Stage {
  using Stage::Stage;

  // A server that Hearth starts and gives a port.
  core::ServerSpec web() const {
    core::ServerSpec spec = this->spec();
    spec.name = "web";
    spec.args = {"--port", "${port}"};
    spec.link = core::Link::streamable;
    spec.address = {.url = {}, .port = 0, .path = "/mcp", .headers = {}, .headers_helper = {}};
    return spec;
  }

  core::SessionId begin(core::ServerSpec wanted, std::string capabilities = "{}") {
    const core::SessionId id = open(std::move(wanted));
    says(id, R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-06-18",)"
             R"("capabilities":)" +
                 capabilities + R"(,"clientInfo":{"name":"test","version":"1"}}})");
    return id;
  }

  // What was asked for next, and has not been looked at yet.
  const broker::StartInstance& asked() {
    for (; seen < actions.size(); ++seen) {
      if (const auto* start = std::get_if<broker::StartInstance>(&actions[seen])) {
        ++seen;
        return *start;
      }
    }
    FAIL("nothing was asked for");
    std::abort();
  }

  void comes_up(core::InstanceId server) {
    happens(broker::InstanceStarted{server, 100});
    happens(broker::InstanceAnswers{server});
  }
  // A channel opens and its server answers initialize.
  void greets(core::InstanceId channel, const std::string& capabilities = usual) {
    happens(broker::InstanceStarted{channel, 0});
    answers_initialize(channel, capabilities);
  }
  static inline const std::string usual = R"({"tools":{},"resources":{"subscribe":true},"logging":{}})";
  void answers_initialize(core::InstanceId channel, const std::string& capabilities = usual) {
    const Lines heard = hears(channel);
    REQUIRE(!heard.empty());
    REQUIRE(heard.back().contains(R"("method":"initialize")"));
    serves(channel, R"({"jsonrpc":"2.0","id":)" + id_of(heard.back()) +
                        R"(,"result":{"protocolVersion":"2025-06-18","capabilities":)" + capabilities +
                        R"(,"serverInfo":{"name":"w","version":"1"}}})");
  }

  // A session that is ready, on a channel of its own.
  std::pair<core::SessionId, core::InstanceId> ready_on_web(core::ServerSpec wanted,
                                                            const std::string& capabilities = usual) {
    const core::SessionId session = begin(std::move(wanted));
    const broker::StartInstance* next = &asked();
    if (!next->channel_of) {
      comes_up(next->instance);
      next = &asked();
    }
    const core::InstanceId channel = next->instance;
    greets(channel, capabilities);
    says(session, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    hears(session);
    hears(channel);
    return {session, channel};
  }
  std::pair<core::SessionId, core::InstanceId> ready_on_web() { return ready_on_web(web()); }

  std::size_t seen = 0;
};

std::string call(std::string_view id, std::string_view method = "tools/call") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) +
         R"(","params":{"name":"x"}})";
}

}  // namespace

TEST_CASE_FIXTURE(WebStage, "two sessions of an HTTP server share its process and have a channel each") {
  const auto [a, channel_a] = ready_on_web();
  const auto [b, channel_b] = ready_on_web();
  CHECK(channel_a != channel_b);
  CHECK(count<broker::StartInstance>() == 3);  // The process once, the channels twice.

  says(a, call("1"));
  says(b, call("1"));
  const Lines to_a = hears(channel_a);
  const Lines to_b = hears(channel_b);
  REQUIRE(to_a.size() == 1);
  REQUIRE(to_b.size() == 1);
  serves(channel_b, R"({"jsonrpc":"2.0","id":)" + id_of(to_b[0]) + R"(,"result":{"of":"b"}})");
  serves(channel_a, R"({"jsonrpc":"2.0","id":)" + id_of(to_a[0]) + R"(,"result":{"of":"a"}})");
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{"of":"a"}})"});
  CHECK(hears(b) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{"of":"b"}})"});
}

TEST_CASE_FIXTURE(WebStage, "a channel is not opened before its server answers") {
  begin(web());
  const core::InstanceId server = asked().instance;
  happens(broker::InstanceStarted{server, 100});
  CHECK(count<broker::StartInstance>() == 1);
  happens(broker::InstanceAnswers{server});
  const broker::StartInstance& channel = asked();
  CHECK(channel.channel_of == server);
  CHECK(channel.address.path == "/mcp");
}

TEST_CASE_FIXTURE(WebStage, "a channel declares just what its session can do") {
  begin(web(), R"({"sampling":{}})");
  comes_up(asked().instance);
  const core::InstanceId channel = asked().instance;
  happens(broker::InstanceStarted{channel, 0});
  const std::string initialize = hears(channel).back();
  CHECK(initialize.contains(R"("capabilities":{"sampling":{}})"));
}

TEST_CASE_FIXTURE(WebStage, "a session's channel closes with it, the server after its idle time") {
  auto spec = web();
  spec.timing.idle_timeout = std::chrono::seconds(30);
  const auto [a, channel] = ready_on_web(spec);
  happens(broker::SessionClosed{a});
  passes(std::chrono::seconds(0));
  CHECK(count<broker::StopInstance>() == 1);
  happens(broker::InstanceExited{channel, "was closed", ""});
  CHECK(count<broker::ForgetInstance>() == 1);
  passes(std::chrono::seconds(29));
  CHECK(count<broker::StopInstance>() == 1);
  passes(std::chrono::seconds(1));
  CHECK(count<broker::StopInstance>() == 2);
}

TEST_CASE_FIXTURE(WebStage, "a session that comes within the idle time finds the server up") {
  const auto [a, channel] = ready_on_web();
  happens(broker::SessionClosed{a});
  passes(std::chrono::seconds(1));
  happens(broker::InstanceExited{channel, "was closed", ""});
  begin(web());
  CHECK(asked().channel_of.has_value());
  passes(std::chrono::hours(1));
  CHECK(count<broker::StopInstance>() == 2);  // The first channel; the second, which is never answered.
}

TEST_CASE_FIXTURE(WebStage, "a crash answers the calls of every channel, and all come back") {
  const auto [a, channel_a] = ready_on_web();
  const auto [b, channel_b] = ready_on_web();
  says(a, call("7"));
  const core::InstanceId server = *std::get<broker::StartInstance>(actions.front()).channel_of.or_else([&] {
    return std::optional(started.front());
  });
  happens(broker::InstanceExited{server, "was killed by SIGSEGV", ""});
  for (const core::InstanceId channel : {channel_a, channel_b})
    happens(broker::InstanceExited{channel, "was closed", ""});
  const Lines told = hears(a);
  REQUIRE(told.size() == 1);
  CHECK(told[0].contains(R"("id":7,"error")"));
  CHECK(told[0].contains("was killed by SIGSEGV while this call was running"));

  passes(std::chrono::seconds(1));
  const broker::StartInstance& again = asked();
  CHECK(again.instance == server);
  comes_up(server);
  greets(asked().instance);
  greets(asked().instance);
  says(b, call("8"));
  CHECK(hears(channel_b).back().contains("tools/call"));
  CHECK(hears(a).size() == 2);  // Lists may have changed: tools and resources.
}

TEST_CASE_FIXTURE(WebStage, "a server that does not come up fails the sessions that wait for it") {
  const core::SessionId a = begin(web());
  happens(broker::InstanceStartFailed{asked().instance, "port 3100 is taken by nginx (pid 12)"});
  const Lines told = hears(a);
  REQUIRE(told.size() == 1);
  CHECK(told[0].contains("port 3100 is taken by nginx (pid 12)"));
  CHECK(told[0].contains(R"("id":"init")"));
}

TEST_CASE_FIXTURE(WebStage, "a server that never answers on its port is given up") {
  const core::SessionId a = begin(web());
  const core::InstanceId server = asked().instance;
  happens(broker::InstanceStarted{server, 100});
  passes(std::chrono::minutes(2));
  CHECK(count<broker::StopInstance>() == 1);
  happens(broker::InstanceExited{server, "was killed by SIGTERM", ""});
  const Lines told = hears(a);
  REQUIRE(told.size() == 1);
  CHECK(told[0].contains("did not answer on its port within 60 s"));
}

TEST_CASE_FIXTURE(WebStage, "a forgotten session is opened anew, and what was turned away is sent again") {
  const auto [a, channel] = ready_on_web();
  says(a, R"({"jsonrpc":"2.0","id":"s","method":"resources/subscribe","params":{"uri":"file:///x"}})");
  serves(channel, R"({"jsonrpc":"2.0","id":)" + id_of(hears(channel).back()) + R"(,"result":{}})");
  hears(a);
  says(a, call("9"));
  const std::string turned_away = hears(channel).back();
  happens(broker::InstanceForgot{channel, {proto::Message(turned_away)}});
  CHECK(hears(a).empty());
  answers_initialize(channel);
  const Lines after = hears(channel);
  REQUIRE(after.size() == 3);
  CHECK(after[0].contains("notifications/initialized"));
  CHECK(after[1].contains("resources/subscribe"));
  CHECK(after[2] == turned_away);
  serves(channel, R"({"jsonrpc":"2.0","id":)" + id_of(after[2]) + R"(,"result":{}})");
  CHECK(hears(a).back() == R"({"jsonrpc":"2.0","id":9,"result":{}})");
}

TEST_CASE_FIXTURE(WebStage,
                  "a call of a forgotten session that is cancelled while a new one is opened ends there") {
  const auto [a, channel] = ready_on_web();
  says(a, call("9"));
  const std::string sent = hears(channel).back();
  happens(broker::InstanceForgot{channel, {}});
  says(a, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}})");
  answers_initialize(channel);
  const Lines after = hears(channel);
  REQUIRE(after.size() == 2);
  CHECK(after[0].contains("notifications/initialized"));
  CHECK(after[1].contains("notifications/cancelled"));
  CHECK(after[1].contains(R"("requestId":)" + id_of(sent)));
}

TEST_CASE_FIXTURE(WebStage,
                  "what a forgotten session was asked to tell is asked of the new one, and not before") {
  const auto [a, channel] = ready_on_web();
  says(a, R"({"jsonrpc":"2.0","id":"s","method":"resources/subscribe","params":{"uri":"file:///x"}})");
  const std::string subscribe = hears(channel).back();
  happens(broker::InstanceForgot{channel, {}});
  serves(channel, R"({"jsonrpc":"2.0","id":)" + id_of(subscribe) + R"(,"result":{}})");
  CHECK(to_instance[channel].size() == 1);  // The greeting.
  CHECK(hears(a).empty());
  answers_initialize(channel);
  const std::string again = hears(channel).back();
  CHECK(again.contains("resources/subscribe"));
  serves(channel, R"({"jsonrpc":"2.0","id":)" + id_of(again) + R"(,"result":{}})");
  CHECK(hears(a).back() == R"({"jsonrpc":"2.0","id":"s","result":{}})");
}

TEST_CASE_FIXTURE(WebStage, "a session lost while nothing was asked is opened anew all the same") {
  const auto [a, channel] = ready_on_web();
  happens(broker::InstanceForgot{channel, {}});
  says(a, call("9"));
  REQUIRE(to_instance[channel].size() == 1);  // The greeting; the call waits for its answer.
  answers_initialize(channel);
  CHECK(hears(channel).back().contains("tools/call"));
}

TEST_CASE_FIXTURE(WebStage, "what comes late of a forgotten session opens no further one") {
  const auto [a, channel] = ready_on_web();
  says(a, call("1"));
  const std::string one = hears(channel).back();
  says(a, call("2"));
  const std::string other = hears(channel).back();
  happens(broker::InstanceForgot{channel, {proto::Message(one)}});
  answers_initialize(channel);
  CHECK(hears(channel).back() == one);
  happens(broker::InstanceForgot{channel, {proto::Message(other)}, false});
  CHECK(hears(channel) == Lines{other});
}

TEST_CASE_FIXTURE(WebStage, "a call that is followed as a task ends when the server forgets its session") {
  const std::string claim = R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                            R"("io.modelcontextprotocol/clientCapabilities":{}})";
  const auto [a, channel] = ready_on_web(web(), R"({"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}})");
  const auto result = [&](const std::string& request, const std::string& raw) {
    serves(channel, R"({"jsonrpc":"2.0","id":)" + id_of(request) + R"(,"result":)" + raw + "}");
  };
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{)" + claim + "}}");
  result(hears(channel).back(), R"({"tools":[{"name":"x","execution":{"taskSupport":"required"}}]})");
  says(a, R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x",)" + claim + "}}");
  result(hears(channel).back(), R"({"task":{"taskId":"T","status":"working","createdAt":"c",)"
                                R"("lastUpdatedAt":"l","ttl":5}})");
  const std::string fetch = hears(channel).back();
  REQUIRE(fetch.contains("tasks/result"));
  hears(a);
  happens(broker::InstanceForgot{channel, {proto::Message(fetch)}});
  const Lines told = hears(a);
  REQUIRE(told.size() == 1);
  CHECK(told[0].contains(R"("id":2,"error")"));
  CHECK(told[0].contains("has forgotten its session"));
  answers_initialize(channel);
  for (const std::string& line : hears(channel)) CHECK(!line.contains("tasks/"));
}

TEST_CASE_FIXTURE(WebStage,
                  "a server that forgot its session, and is a modern one since, is asked its era at once") {
  const auto [a, channel] = ready_on_web();
  happens(broker::InstanceForgot{channel, {}});
  const Lines greeting = hears(channel);
  REQUIRE(greeting.size() == 1);
  REQUIRE(greeting[0].contains(R"("method":"initialize")"));
  serves(channel, R"({"jsonrpc":"2.0","id":)" + id_of(greeting[0]) +
                      R"(,"error":{"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}}})");
  const Lines next = hears(channel);
  REQUIRE(next.size() == 1);
  CHECK(next[0].contains("server/discover"));
}

TEST_CASE_FIXTURE(WebStage,
                  "what a server lists for a session that it has forgotten is not taken for the next one's") {
  const std::string claim = R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                            R"("io.modelcontextprotocol/clientCapabilities":{"extensions":)"
                            R"({"io.modelcontextprotocol/tasks":{}}}})";
  const std::string capable = R"({"tools":{},"tasks":{"requests":{"tools":{"call":{}}}}})";
  const auto [a, channel] = ready_on_web(web(), capable);
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x",)" + claim + "}}");
  const Lines heard = hears(channel);
  const auto list =
      std::ranges::find_if(heard, [](const std::string& line) { return line.contains("tools/list"); });
  REQUIRE(list != heard.end());
  happens(broker::InstanceForgot{channel, {}});
  answers_initialize(channel, capable);
  hears(channel);
  serves(channel, R"({"jsonrpc":"2.0","id":)" + id_of(*list) +
                      R"(,"result":{"tools":[{"name":"x","execution":{"taskSupport":"required"}}]}})");
  says(a, R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x",)" + claim + "}}");
  CHECK(!hears(channel).back().contains(R"("task":{})"));
}

TEST_CASE_FIXTURE(WebStage, "a server that forgets every session is not asked for ever") {
  const auto [a, channel] = ready_on_web();
  says(a, call("9"));
  std::string message = hears(channel).back();
  for (int i = 0; i < 3; ++i) {
    happens(broker::InstanceForgot{channel, {proto::Message(message)}});
    answers_initialize(channel);
    message = hears(channel).back();
    REQUIRE(message.contains("tools/call"));
  }
  happens(broker::InstanceForgot{channel, {proto::Message(message)}});
  CHECK(count<broker::StopInstance>() == 1);
  happens(broker::InstanceExited{channel, "was closed", ""});
  const Lines told = hears(a);
  CHECK(std::ranges::any_of(told,
                            [](const std::string& line) { return line.contains("forgets every session"); }));
}

TEST_CASE_FIXTURE(WebStage, "stopping by name stops server and channels; a call starts both again") {
  const auto [a, channel] = ready_on_web();
  const core::InstanceId server = started.front();
  happens(broker::StopWanted{"web"});
  CHECK(count<broker::StopInstance>() == 2);
  happens(broker::InstanceExited{channel, "was closed", ""});
  happens(broker::InstanceExited{server, "exited with status 0", ""});
  passes(std::chrono::minutes(1));
  CHECK(count<broker::StartInstance>() == 2);
  says(a, call("3"));
  CHECK(asked().instance == server);
  comes_up(server);
  greets(asked().instance);
  CHECK(hears(channel).back().contains("tools/call"));
}

TEST_CASE_FIXTURE(WebStage, "restarting by name restarts the server, whichever ends first") {
  for (const bool channel_first : {false, true}) {
    CAPTURE(channel_first);
    WebStage stage;
    const auto [a, channel] = stage.ready_on_web();
    const core::InstanceId server = stage.started.front();
    stage.happens(broker::RestartWanted{"web"});
    if (channel_first) stage.happens(broker::InstanceExited{channel, "was closed", ""});
    stage.happens(broker::InstanceExited{server, "exited with status 0", ""});
    if (!channel_first) stage.happens(broker::InstanceExited{channel, "was closed", ""});
    CHECK(stage.asked().instance == server);
    stage.comes_up(server);
    stage.greets(stage.asked().instance);
    stage.says(a, call("4"));
    CHECK(stage.hears(channel).back().contains("tools/call"));
  }
}

TEST_CASE_FIXTURE(WebStage, "different addresses or headers are different servers") {
  auto one = web();
  one.program.clear();
  one.address.url = "https://example.org/mcp";
  auto other = one;
  other.address.headers["Authorization"] = "Bearer 2";
  begin(one);
  begin(other);
  begin(one);
  std::size_t servers = 0;
  for (const broker::Action& action : actions) {
    const auto* start = std::get_if<broker::StartInstance>(&action);
    if (start != nullptr && !start->channel_of) ++servers;
  }
  CHECK(servers == 2);
}

TEST_CASE_FIXTURE(WebStage, "a server may be started for nobody, and is kept for its idle time") {
  happens(broker::StartWanted{web()});
  const core::InstanceId server = asked().instance;
  comes_up(server);
  begin(web());
  CHECK(asked().channel_of == server);
  happens(broker::StartWanted{spec()});
  const core::InstanceId plain = asked().instance;
  happens(broker::InstanceStarted{plain, 5});
  CHECK(hears(plain).back().contains("initialize"));
  passes(std::chrono::minutes(6));
  CHECK(count<broker::StopInstance>() >= 1);
}

TEST_CASE_FIXTURE(WebStage, "a session with many streams is told which of its calls a message concerns") {
  const core::SessionId id = broker.admit();
  broker.on(broker::SessionOpened{id, spec(), {}, 7, true}, now);
  greet(id, "{}", "2025-11-25");
  const core::InstanceId plain = server();
  const auto log = R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}})";
  const auto concerned = [&] {
    std::vector<std::string> all;
    for (broker::Action& action : broker.outbox()) {
      if (const auto* to = std::get_if<broker::SendToSession>(&action)) all.push_back(to->concerns);
    }
    broker.outbox().clear();
    return all;
  };
  const auto serve = [&](std::string text, std::int64_t on = 0) {
    broker.on(
        broker::InstanceLine{plain, {.bytes = base::Bytes::copy(text), .length = text.size(), .id = {}}, on},
        now);
    return concerned();
  };
  CHECK(serve(log) == Lines{""});
  says(id, call(R"("one")"));
  CHECK(serve(log) == Lines{R"("one")"});
  says(id, call("2"));
  CHECK(serve(log) == Lines{""});
  const std::string second = id_of(hears(plain).back());
  CHECK(serve(log, std::stoll(second)) == Lines{"2"});
}

TEST_CASE_FIXTURE(WebStage, "a modern server needs one channel, for whoever comes") {
  core::ServerSpec spec = web();
  spec.probe = true;
  const core::SessionId a = begin(spec);
  comes_up(asked().instance);
  const core::InstanceId channel = asked().instance;
  happens(broker::InstanceStarted{channel, 0});
  serves(channel, R"({"jsonrpc":"2.0","id":)" + id_of(hears(channel).at(0)) +
                      R"(,"result":{"supportedVersions":["2026-07-28"],"capabilities":{}}})");
  CHECK(hears(a).back().contains("protocolVersion"));
  const core::SessionId b = begin(spec);
  CHECK(hears(b).back().contains("protocolVersion"));
  CHECK(count<broker::StartInstance>() == 2);
  says(a, call("1"));
  says(b, call("1"));
  CHECK(hears(channel).size() == 2);
  happens(broker::SessionClosed{a});
  CHECK(count<broker::StopInstance>() == 0);
  happens(broker::SessionClosed{b});
  passes(std::chrono::seconds(0));
  CHECK(count<broker::StopInstance>() == 1);
}

TEST_CASE_FIXTURE(WebStage, "each conversation is told what its own client can do, and people all of it") {
  begin(web(), R"({"elicitation":{}})");
  comes_up(asked().instance);
  const core::InstanceId one = asked().instance;
  happens(broker::InstanceStarted{one, 0});
  CHECK(hears(one).back().contains(R"("capabilities":{"elicitation":{"form":{}}})"));
  begin(web(), R"({"sampling":{},"roots":{}})");
  const core::InstanceId other = asked().instance;
  happens(broker::InstanceStarted{other, 0});
  CHECK(hears(other).back().contains(R"("capabilities":{"roots":{"listChanged":true},"sampling":{}})"));
  CHECK(broker.sharing().groups.at(0).declared == Lines{"elicitation by form", "roots", "sampling"});
  CHECK(broker.sharing().groups.at(0).undeclared.empty());
}

TEST_CASE_FIXTURE(WebStage, "a web server's one bad call is refused, wherever its death is seen first") {
  const auto bad = [](std::string_view id) {
    return R"({"jsonrpc":"2.0","id":)" + std::string(id) +
           R"(,"method":"tools/call","params":{"name":"bad"}})";
  };
  auto [session, channel] = ready_on_web();
  const core::InstanceId server = started.front();
  for (int death = 0; death < 3; ++death) {
    says(session, bad("1"));
    const std::string wire = id_of(hears(channel).back());
    if (death == 1) {
      // The connection breaks, and the transport answers in the server's place.
      serves(channel, R"({"jsonrpc":"2.0","id":)" + wire +
                          R"(,"error":{"code":-32603,"message":"hearth: server web: the connection ended",)"
                          R"("data":{"server":"web","retryable":false}}})");
    } else if (death == 2) {
      happens(broker::InstanceExited{channel, "connection refused", ""});
    }
    happens(broker::InstanceExited{server, "was killed by SIGSEGV", ""});
    if (death != 2) happens(broker::InstanceExited{channel, "was closed", ""});
    passes(std::chrono::seconds(2));
    comes_up(server);
    greets(channel);
    hears(channel);
    hears(session);
  }
  says(session, bad("5"));
  CHECK(hears(session).at(0).contains("has ended it 3 times in a row (it was killed by SIGSEGV)"));
  CHECK(broker.instances().at(0).refused_calls.size() == 1);
}

TEST_CASE_FIXTURE(WebStage,
                  "a web server that ends with status 0 and nothing to do is started when somebody asks") {
  auto [session, channel] = ready_on_web();
  const core::InstanceId server = started.front();
  happens(broker::InstanceExited{server, "exited with status 0", "", true});
  happens(broker::InstanceExited{channel, "was closed", ""});
  const std::size_t before = started.size();
  passes(std::chrono::minutes(1));
  CHECK(started.size() == before);
  CHECK(broker.instances().at(0).state == "stopped");
  CHECK(broker.instances().at(0).failures == 0);
  says(session, call("1"));
  REQUIRE(started.size() == before + 1);
  comes_up(server);
  greets(channel);
  CHECK(hears(channel).back().contains("tools/call"));
  CHECK(hears(session).empty());
}

TEST_CASE_FIXTURE(WebStage,
                  "memory is short: an HTTP server goes with its channels, and comes back with a call") {
  const auto [a, channel_a] = ready_on_web();
  const auto [b, channel_b] = ready_on_web();
  const core::InstanceId server = started.front();
  const broker::MemoryShort event{
      .holdings = {{server, std::uint64_t{100} << 20}}, .used = 2000, .budget = 1000};
  passes(web().timing.idle_timeout / 2);
  says(a, call("1"));
  serves(channel_a, R"({"jsonrpc":"2.0","id":)" + id_of(hears(channel_a).back()) + R"(,"result":{}})");
  hears(a);
  passes(web().timing.idle_timeout / 2);
  happens(event);  // One of its sessions has used it lately.
  CHECK(count<broker::StopInstance>() == 0);
  passes(web().timing.idle_timeout / 2);
  happens(event);
  CHECK(count<broker::StopInstance>() == 3);
  for (const core::InstanceId one : {channel_a, channel_b, server})
    happens(broker::InstanceExited{one, "was killed by SIGTERM", ""});
  CHECK(this->broker.instances().at(0).state == "stopped");
  CHECK(this->broker.instances().at(0).trouble.contains("memory was short"));
  CHECK(hears(a).empty());
  CHECK(hears(b).empty());

  while (seen < actions.size()) ++seen;
  says(b, call("2"));
  comes_up(asked().instance);
  CHECK(asked().instance == channel_b);
  greets(channel_b);
  const Lines wire = hears(channel_b);
  REQUIRE(!wire.empty());
  serves(channel_b, R"({"jsonrpc":"2.0","id":)" + id_of(wire.back()) + R"(,"result":{}})");
  CHECK(hears(b).back() == R"({"jsonrpc":"2.0","id":2,"result":{}})");
}
