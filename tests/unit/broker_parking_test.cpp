// What a legacy server asks because of a modern client's call (core/park.h).
#include <doctest/doctest.h>

#include "core/limits.h"
#include "modern_stage.h"

using test::Lines;
using test::ModernStage;

TEST_CASE_FIXTURE(ModernStage,
                  "a question ends the call with a ticket; who comes back with it gets the answer") {
  const auto a = modern();
  says(a, call("1"));
  const std::string wire = hears(server()).at(0);
  asks("\"e\"", "elicitation/create",
       R"({"message":"Sure?","requestedSchema":{"type":"object"},"_meta":{"progressToken":3}})");
  asks("4", "sampling/createMessage", R"({"messages":[],"maxTokens":1})");
  CHECK(hears(a).empty());  // There may be more.
  const std::string round = asked_in_a_round(a);
  CHECK(round.contains(R"("inputRequests":{"q1":{"method":"elicitation/create","params":{"message":"Sure?",)"
                       R"("requestedSchema":{"type":"object"}}},"q2":{"method":"sampling/createMessage",)"));
  const std::string ticket = ticket_of(round);
  says(a, call("2", R"("requestState":")" + ticket +
                        R"(","inputResponses":{"q1":{"action":"accept","content":{"y":1}},)"
                        R"("q2":{"role":"assistant"},"z":1},)"));
  CHECK(hears(server()) ==
        Lines{R"({"jsonrpc":"2.0","id":"e","result":{"action":"accept","content":{"y":1}}})",
              R"({"jsonrpc":"2.0","id":4,"result":{"role":"assistant"}})"});
  serves_result(wire, R"({"content":[]})");
  const Lines heard = hears(a);
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].starts_with(R"({"jsonrpc":"2.0","id":2,"result":{"resultType":"complete")"));
}

TEST_CASE_FIXTURE(ModernStage, "a ticket presented twice is answered twice and runs nothing") {
  const auto a = modern();
  says(a, call("1"));
  const std::string wire = hears(server()).at(0);
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  const std::string back =
      R"("requestState":")" + ticket + R"(","inputResponses":{"q1":{"action":"decline"}},)";
  says(a, call("2", back));
  serves_result(wire, R"({"content":[]})");
  const std::string first = hears(a).at(0);
  hears(server());
  says(a, call("3", back));
  const std::string again = hears(a).at(0);
  CHECK(again.substr(again.find("result")) == first.substr(first.find("result")));
  CHECK(hears(server()).empty());
  passes(std::chrono::minutes(3));
  says(a, call("4", back));
  CHECK(hears(a).at(0).contains("-32602"));
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(ModernStage, "a ticket is good for its call only") {
  const auto a = modern();
  const auto b = open();
  says(a, call("1"));
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = R"("requestState":")" + ticket_of(asked_in_a_round(a)) + R"(",)";
  hears(server());
  const std::string others[] = {request("2", "tools/call", R"("name":"t","arguments":{"x":2},)" + ticket),
                                request("2", "prompts/get", R"("name":"t","arguments":{"x":1},)" + ticket),
                                call("2", R"("requestState":"hearth-0000",)")};
  for (const std::string& other : others) {
    says(a, other);
    CHECK(hears(a).at(0).contains("invalid or expired requestState"));
  }
  CHECK(hears(server()).empty());
  // Another connection of the same person may bring it back.
  says(b, call("9", ticket + R"("inputResponses":{"q1":{"action":"cancel"}},)"));
  CHECK(hears(server()).at(0).contains(R"({"action":"cancel"})"));
}

TEST_CASE_FIXTURE(ModernStage,
                  "a call that another connection has taken over goes on when the first one ends") {
  const auto a = modern();
  const auto b = open();
  says(a, call("1"));
  const std::string wire = hears(server()).at(0);
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = R"("requestState":")" + ticket_of(asked_in_a_round(a)) + R"(",)";
  says(b, call("9", ticket + R"("inputResponses":{"q1":{"action":"cancel"}},)"));
  happens(broker::SessionClosed{a});
  serves_result(wire, "{}");
  CHECK(hears(b).at(0).contains(R"("id":9,"result")"));
}

TEST_CASE_FIXTURE(ModernStage, "a ticket is good for its call in other words") {
  const auto a = modern();
  const std::string ways[] = {
      R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{TICKET"arguments":{"o":{"b":[1,2],"a":"é"},)"
      R"("x":1.0},"name":"t","_meta":{CLAIM}}})",
      R"({"method":"tools/call","params":{"arguments":{ "o": {"a":"\u00e9", "b":[ 1 , 2 ]}, "x": 1 },TICKET)"
      R"("_meta":{CLAIM},"n\u0061me":"t"},"id":2,"jsonrpc":"2.0"})"};
  for (std::string way : ways) {
    says(a, request("1", "tools/call", R"("name":"t","arguments":{"x":1,"o":{"a":"é","b":[1,2]}},)"));
    const std::string wire = hears(server()).at(0);
    asks(R"("e")", "elicitation/create", R"({"message":"?"})");
    const std::string ticket = ticket_of(asked_in_a_round(a));
    way.replace(way.find("CLAIM"), 5, claim);
    way.replace(way.find("TICKET"), 6,
                R"("requestState":")" + ticket + R"(","inputResponses":{"q1":{"action":"accept"}},)");
    says(a, way);
    CHECK(hears(server()) == Lines{R"({"jsonrpc":"2.0","id":"e","result":{"action":"accept"}})"});
    serves_result(wire, "{}");
    CHECK(hears(a).at(0).contains(R"("id":2,"result")"));
  }
}

TEST_CASE_FIXTURE(ModernStage, "a question with a URL keeps its id for clients that want one") {
  const auto a = modern();
  says(a, call("1"));
  asks("1", "elicitation/create",
       R"({"mode":"url","elicitationId":"e7","url":"https://x","message":"Go","task":{"ttl":1}})");
  CHECK(asked_in_a_round(a).contains(
      R"("params":{"mode":"url","elicitationId":"e7","url":"https://x","message":"Go"})"));
}

TEST_CASE_FIXTURE(ModernStage,
                  "what is not answered is asked again, and further questions make further rounds") {
  const auto a = modern();
  says(a, call("1"));
  const std::string wire = hears(server()).at(0);
  asks("1", "elicitation/create", R"({"message":"one"})");
  const std::string first = ticket_of(asked_in_a_round(a));
  asks("2", "elicitation/create", R"({"message":"two"})");  // While the client is away.
  CHECK(hears(a).empty());
  says(a, call("2", R"("requestState":")" + first + R"(",)"));
  const std::string round = asked_in_a_round(a);
  CHECK(round.contains("one"));
  CHECK(round.contains("two"));
  const std::string second = ticket_of(round);
  CHECK(second != first);
  says(a, call("3", R"("requestState":")" + second +
                        R"(","inputResponses":{"q1":{"action":"accept"},"q2":{"action":"accept"}},)"));
  CHECK(hears(server()).size() == 2);
  // The earlier ticket still tells what it told.
  says(a, call("4", R"("requestState":")" + first + R"(",)"));
  CHECK(ticket_of(hears(a).at(0)) == second);
  serves_result(wire, R"({"content":[]})");
  CHECK(hears(a).at(0).contains(R"("id":3)"));
}

TEST_CASE_FIXTURE(ModernStage, "a call that ends while its client is away is told when that comes back") {
  const auto a = modern();
  says(a, call("1"));
  const std::string wire = hears(server()).at(0);
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  serves_result(wire, R"({"content":[],"isError":true})");
  CHECK(hears(a).empty());
  hears(server());
  says(a, call("2", R"("requestState":")" + ticket + R"(","inputResponses":{"q1":{"action":"accept"}},)"));
  CHECK(hears(a).at(0).contains(R"("isError":true)"));
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(ModernStage,
                  "a client does not come back: the server is told, and the ticket is worth nothing") {
  const auto a = modern();
  says(a, call("1"));
  asks("1", "elicitation/create", R"({"message":"?"})");
  asks("2", "sampling/createMessage", R"({"messages":[],"maxTokens":1})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  hears(server());
  passes(std::chrono::minutes(10));
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 3);
  CHECK(wire[0] == R"({"jsonrpc":"2.0","id":1,"result":{"action":"cancel"}})");
  CHECK(wire[1].contains(R"("code":-1)"));
  CHECK(wire[2].contains("notifications/cancelled"));
  says(a, call("2", R"("requestState":")" + ticket + R"(",)"));
  CHECK(hears(a).at(0).contains("-32602"));
}

TEST_CASE_FIXTURE(ModernStage, "a client that leaves for good gives up what it had parked") {
  const auto a = modern();
  says(a, call("1"));
  asks("1", "elicitation/create", R"({"message":"?"})");
  asked_in_a_round(a);
  hears(server());
  happens(broker::SessionClosed{a});
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 2);
  CHECK(wire[1].contains("notifications/cancelled"));
}

TEST_CASE_FIXTURE(ModernStage, "the server ends while a client is away: that is what it hears") {
  const auto a = modern();
  says(a, call("1"));
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
  CHECK(hears(a).empty());
  says(a, call("2", R"("requestState":")" + ticket + R"(",)"));
  CHECK(hears(a).at(0).contains("SIGSEGV"));
}

TEST_CASE_FIXTURE(ModernStage, "what the client has not declared it is not asked") {
  const auto a = modern();
  says(a, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{)"
          R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
          R"("io.modelcontextprotocol/clientCapabilities":{}}}})");
  hears(server());
  asks("1", "elicitation/create", R"({"message":"?"})");
  CHECK(hears(server()) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{"action":"cancel"}})"});
  passes(std::chrono::seconds(1));
  CHECK(hears(a).empty());
  serves(server(), R"({"jsonrpc":"2.0","id":3,"error":{"code":-32603,"message":"nobody to ask"}})");
  CHECK(hears(a).at(0).contains(R"("code":-32021,)"));
}

TEST_CASE_FIXTURE(ModernStage, "roots are asked for in a round, and join those of others") {
  const auto a = modern();
  says(a, call("1"));
  hears(server());
  asks("1", "roots/list", "{}");
  const std::string round = asked_in_a_round(a);
  CHECK(round.contains(R"({"q1":{"method":"roots/list"}})"));
  says(a, call("2", R"("requestState":")" + ticket_of(round) +
                        R"(","inputResponses":{"q1":{"roots":[{"uri":"file:///w"}]}},)"));
  CHECK(hears(server()) == Lines{R"({"jsonrpc":"2.0","id":1,"result":{"roots":[{"uri":"file:///w"}]}})"});
}

TEST_CASE_FIXTURE(ModernStage, "calls of modern clients that can lead to questions take turns one by one") {
  const auto a = modern();
  says(a, call("1"));
  says(a, call("2"));
  const Lines both = hears(server());
  REQUIRE(both.size() == 2);
  asks("1", "elicitation/create", R"({"message":"?"})");  // Of which of the two?
  CHECK(hears(server()).size() == 1);
  serves_result(both[0], "{}");
  serves_result(both[1], "{}");
  hears(a);
  says(a, call("3"));
  says(a, call("4"));
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 1);
  asks("2", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  const std::string next = hears(server()).at(0);  // A parked call asks nothing, so another may run.
  CHECK(next.contains("tools/call"));
  says(a, call("5", R"("requestState":")" + ticket + R"(","inputResponses":{"q1":{"action":"accept"}},)"));
  CHECK(hears(server()).empty());  // Until that one is through.
  serves_result(next, "{}");
  CHECK(hears(a).at(0).contains(R"("id":4)"));
  CHECK(hears(server()).at(0).contains(R"({"action":"accept"})"));
  serves_result(wire[0], "{}");
  CHECK(hears(a).at(0).contains(R"("id":5)"));
}

TEST_CASE_FIXTURE(ModernStage, "a call that comes back decides anew which log lines and questions it takes") {
  const auto a = modern();
  const std::string level = R"(,"io.modelcontextprotocol/logLevel":"error")";
  const auto logs = [&] {
    serves(server(),
           R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"x"}})");
  };
  const auto back = [](const std::string& ticket) {
    return R"("requestState":")" + ticket + R"(","inputResponses":{"q1":{"action":"accept"}},)";
  };
  says(a, call("1"));
  hears(server());
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  std::string again = call("2", back(ticket), level);
  const std::string_view sampling = R"(,"sampling":{})";
  again.erase(again.find(sampling), sampling.size());
  says(a, again);
  CHECK(hears(server()).back().contains("logging/setLevel"));
  logs();
  CHECK(hears(a).size() == 1);
  asks("2", "sampling/createMessage", "{}");
  CHECK(hears(server()).at(0).contains("error"));
}

TEST_CASE_FIXTURE(ModernStage, "a call that is refused when its turn has come gives it to the next") {
  core::ServerSpec serial = spec();
  serial.interactive = core::Interactive::serialise;
  const auto a = open(serial);
  const auto b = open(serial);
  says(a, call("1", R"("requestState":"of a server that was",)"));
  says(b, call("2"));
  bring_up();
  CHECK(hears(a).at(0).contains(R"("id":1,"error")"));
  CHECK(hears(server()).back().contains("tools/call"));
}

TEST_CASE_FIXTURE(ModernStage, "a call that comes back twice before its turn waits once") {
  const auto a = modern_in_turns();
  says(a, call("1"));
  const std::string first = hears(server()).at(0);
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string back = R"("requestState":")" + ticket_of(asked_in_a_round(a)) +
                           R"(","inputResponses":{"q1":{"action":"accept"}},)";
  says(a, call("2"));
  const std::string other = hears(server()).at(0);
  says(a, call("3", back));
  says(a, call("4", back));
  CHECK(hears(a).at(0).contains(R"("id":3,"error")"));
  serves_result(other, "{}");
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 1);
  CHECK(wire[0].contains(R"({"action":"accept"})"));
  serves_result(first, "{}");
  CHECK(hears(a).back().contains(R"("id":4,"result")"));
  says(a, call("5"));
  CHECK(hears(server()).size() == 1);
}

TEST_CASE_FIXTURE(ModernStage, "a call that comes back and is cancelled before its turn is over") {
  const auto a = modern_in_turns();
  says(a, call("1"));
  asks("1", "elicitation/create", R"({"message":"?"})");
  const std::string ticket = ticket_of(asked_in_a_round(a));
  says(a, call("2"));
  hears(server());
  says(a, call("3", R"("requestState":")" + ticket + R"(","inputResponses":{"q1":{"action":"accept"}},)"));
  says(a, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}})");
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 2);
  CHECK(wire[0].contains(R"("action":"cancel")"));
  CHECK(wire[1].contains("notifications/cancelled"));
}

TEST_CASE_FIXTURE(ModernStage,
                  "a URL that must be visited first becomes a question, and the call is made anew") {
  const auto a = modern();
  says(a, call("1"));
  const std::string error =
      R"("error":{"code":-32042,"message":"go",)"
      R"("data":{"elicitations":[{"mode":"url","elicitationId":"e","url":"https://x","message":"Go"}]}}})";
  serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(hears(server()).at(0)) + "," + error);
  const std::string round = hears(a).at(0);
  // Clients that check such questions by the schema of 2025-11-25 want the id that 2026-07-28 does without.
  CHECK(round.contains(R"({"q1":{"method":"elicitation/create","params":{"mode":"url","elicitationId":"e",)"
                       R"("url":"https://x","message":"Go"}}})"));
  const std::string ticket = ticket_of(round);
  says(a, call("2", R"("requestState":")" + ticket + R"(","inputResponses":{"q1":{"action":"accept"}},)"));
  const std::string anew = hears(server()).at(0);
  CHECK(anew.contains(R"("params":{"name":"t","arguments":{"x":1}})"));
  serves_result(anew, "{}");
  CHECK(hears(a).at(0).contains(R"("id":2)"));
}

TEST_CASE_FIXTURE(ModernStage,
                  "progress that was held back is not told after the call was answered with questions") {
  const auto a = modern();
  says(a, call("1", {}, R"(,"progressToken":"p")"));
  const std::string wire = hears(server()).at(0);
  happens(broker::SessionBlocked{a});
  serves(server(), R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
                       id_of(wire) + R"(,"progress":1}})");
  asks("7", "elicitation/create", R"({"message":"?"})");
  passes(std::chrono::seconds(1));
  CHECK(hears(a).at(0).contains("input_required"));
  happens(broker::SessionUnblocked{a});
  CHECK(hears(a).empty());
}

TEST_CASE_FIXTURE(ModernStage, "a server that has ended is not told that nobody answers its question") {
  const auto a = modern();
  says(a, call("1"));
  hears(server());
  asks("7", "elicitation/create", R"({"message":"?"})");
  happens(broker::InstanceExited{server(), "it ended", {}});
  CHECK(hears(a).at(0).contains("error"));
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(ModernStage, "a server that is being stopped is not answered") {
  const auto a = modern();
  says(a, call("1"));
  happens(broker::StopWanted{spec().name});
  hears(a);
  hears(server());
  asks("7", "elicitation/create", R"({"message":"?"})");
  CHECK(hears(server()).empty());
  CHECK(hears(a).empty());
}

TEST_CASE_FIXTURE(ModernStage, "a question that input_required has no form for is refused") {
  const auto a = modern();
  std::string asked = call("1");
  const std::string_view sampling = R"("sampling":{})";
  asked.replace(asked.find(sampling), sampling.size(), R"("experimental":{"acme/ask":{}})");
  says(a, asked);
  hears(server());
  asks("7", "acme/ask", "{}");
  CHECK(hears(server()).at(0).contains(R"("id":7,"error":{"code":-32601)"));
  CHECK(hears(a).empty());
}

TEST_CASE_FIXTURE(ModernStage, "a question of a call that ends before it could be put is declined") {
  const auto a = modern();
  says(a, call("1"));
  const std::string wire = hears(server()).at(0);
  asks("7", "elicitation/create", R"({"message":"?"})");
  serves_result(wire, "{}");
  CHECK(hears(a).at(0).contains(R"("resultType":"complete")"));
  CHECK(hears(server()) == Lines{R"({"jsonrpc":"2.0","id":7,"result":{"action":"cancel"}})"});
}

TEST_CASE_FIXTURE(ModernStage, "calls that have ended do not count among those that wait for their clients") {
  const auto a = modern();
  std::string oldest;
  std::string newest;
  for (std::size_t i = 0; i <= core::limits::most(core::Kept::outcome); ++i) {
    says(a, call("1"));
    const std::string wire = hears(server()).at(0);
    asks(R"("q")", "elicitation/create", R"({"message":"?"})");
    newest = R"("requestState":")" + ticket_of(asked_in_a_round(a)) + R"(","inputResponses":{"q1":{)" +
             R"("action":"accept"}},)";
    if (oldest.empty()) oldest = newest;
    says(a, call("2", newest));
    CHECK(hears(server()).at(0).contains(R"("action":"accept")"));
    serves_result(wire, "{}");
    CHECK(hears(a).at(0).contains(R"("id":2,"result")"));
  }
  // They are remembered, but not without end.
  says(a, call("3", newest));
  CHECK(hears(a).at(0).contains(R"("id":3,"result")"));
  says(a, call("4", oldest));
  CHECK(hears(a).at(0).contains("invalid or expired requestState"));
  CHECK(hears(server()).empty());
}

TEST_CASE_FIXTURE(ModernStage, "clients on stdio have a count each of the calls that wait for them") {
  const auto a = modern();
  const auto b = open();
  for (std::size_t i = 0; i < core::limits::most(core::Kept::parked); ++i) {
    says(a, call(std::to_string(i)));
    asks(std::to_string(i), "elicitation/create", R"({"message":"?"})");
    asked_in_a_round(a);
  }
  hears(server());
  says(a, call("1000"));
  const std::string wire = hears(server()).at(0);
  asks("1000", "elicitation/create", R"({"message":"?"})");
  CHECK(hears(server()) == Lines{R"({"jsonrpc":"2.0","id":1000,"result":{"action":"cancel"}})"});
  serves_result(wire, "{}");
  hears(a);
  says(b, call("1"));
  asks("1001", "elicitation/create", R"({"message":"?"})");
  CHECK(asked_in_a_round(b).contains("input_required"));
}
