// The first words with servers that are particular about them.
#include <doctest/doctest.h>

#include "modern_server_stage.h"

using test::Lines;
using test::ModernServerStage;
using test::Page;
using test::Stage;

namespace {

std::string initialize(std::string_view revision) {
  return R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":")" +
         std::string(revision) + R"(","capabilities":{}}})";
}
std::string greeting(std::string_view revision) {
  return R"({"protocolVersion":")" + std::string(revision) +
         R"(","capabilities":{"tools":{}},"serverInfo":{"name":"l","version":"1"}})";
}
const std::string unsupported = R"({"code":-32602,"message":"Unsupported protocol version"})";

// What an initialize to the server offers; empty: it is something else.
std::string offered(const std::string& message) {
  const auto document = proto::json::parse(message);
  if (!document.root || document.root->string_or("method", "") != "initialize") return {};
  return std::string(document.root->find("params")->string_or("protocolVersion", ""));
}

struct Particular : ModernServerStage {
  // The server refuses what it is offered until it is offered `own`. Returns all offers.
  std::vector<std::string> haggles(std::string_view own, const std::string& refusal = unsupported) {
    std::vector<std::string> offers;
    for (;;) {
      const Lines wire = hears(server());
      if (wire.empty()) return offers;
      offers.push_back(offered(wire.at(0)));
      if (offers.back() == own) {
        serves_result(wire[0], greeting(own));
        return offers;
      }
      serves_error(wire[0], refusal);
    }
  }
};

}  // namespace

TEST_CASE_FIXTURE(Particular,
                  "a server that refuses initialize for its revision is offered the client's next") {
  const auto a = open(spec());
  says(a, initialize("2025-03-26"));
  starts();
  CHECK(haggles("2025-03-26") == std::vector<std::string>{"2025-11-25", "2025-03-26"});
  CHECK(hears(a).at(0).contains(R"("result":{"protocolVersion":"2025-03-26")"));
  CHECK(broker.instances().at(0).revision == "2025-03-26");
  REQUIRE(count<broker::NoteOffer>() == 1);
}

TEST_CASE_FIXTURE(Particular, "it is offered every revision with initialize, from the newest down") {
  for (const std::string refusal :
       {R"({"code":-32602,"message":"no"})", R"({"code":-32000,"message":"Bad Request"})",
        R"({"code":-32022,"message":"v","data":{"supported":["2024-11-05"]}})",
        R"-({"code":-32603,"message":"hearth: server files: the server refused the request (HTTP 400)",)-"
        R"("data":{"server":"files","retryable":false,"status":400}})"}) {
    CAPTURE(refusal);
    Particular stage;
    const auto a = stage.open(stage.spec());
    stage.says(a, initialize("2025-11-25"));
    stage.starts();
    CHECK(stage.haggles("2024-11-05", refusal) ==
          std::vector<std::string>{"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"});
    CHECK(stage.hears(a).at(0).contains(R"("result":{"protocolVersion":"2025-11-25")"));
  }
}

TEST_CASE_FIXTURE(Particular, "what it took is offered first when it is started again, and noted once") {
  const auto a = open(spec());
  says(a, initialize("2025-06-18"));
  starts();
  haggles("2025-06-18");
  happens(broker::InstanceExited{server(), "was killed by SIGSEGV", ""});
  passes(std::chrono::seconds(1));
  starts();
  hears(started.front());
  CHECK(count<broker::NoteOffer>() == 1);
  // What the notes of an earlier daemon say counts as well.
  Particular later;
  core::ServerSpec known = later.spec();
  known.offer = proto::Revision::r2024_11_05;
  later.says(later.open(known), initialize("2025-11-25"));
  later.starts();
  CHECK(later.haggles("2024-11-05") == std::vector<std::string>{"2024-11-05"});
  CHECK(later.count<broker::NoteOffer>() == 0);
}

TEST_CASE_FIXTURE(Particular, "a server that has been upgraded since is offered the newest after all") {
  core::ServerSpec known = spec();
  known.offer = proto::Revision::r2024_11_05;
  says(open(known), initialize("2025-11-25"));
  starts();
  CHECK(haggles("2025-11-25") == std::vector<std::string>{"2024-11-05", "2025-11-25"});
  CHECK(count<broker::NoteOffer>() == 1);
}

TEST_CASE_FIXTURE(Particular, "a server that refuses every revision is given up with its first words") {
  const auto a = open(spec());
  says(a, initialize("2025-11-25"));
  starts();
  serves_error(hears(server()).at(0), R"({"code":-32602,"message":"first"})");
  CHECK(haggles("none").size() == 4);
  CHECK(count<broker::StopInstance>() == 1);
  happens(broker::InstanceExited{server(), "exited with status 0", ""});
  CHECK(hears(a) == Lines{R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"first"}})"});
}

TEST_CASE_FIXTURE(Particular, "what says nothing of revisions is asked once") {
  for (const std::string refusal :
       {R"({"code":-32601,"message":"Method not found"})",
        R"-({"code":-32603,"message":"hearth: server files: the server wants a login (HTTP 401)",)-"
        R"("data":{"server":"files","retryable":false}})"}) {
    Particular stage;
    stage.says(stage.open(stage.spec()), initialize("2025-06-18"));
    stage.starts();
    CHECK(stage.haggles("none", refusal).size() == 1);
    CHECK(stage.count<broker::StopInstance>() == 1);
  }
}

TEST_CASE_FIXTURE(Particular,
                  "a server that ends when it has refused a revision is started for the next one") {
  const auto a = open(spec());
  says(a, initialize("2025-03-26"));
  for (std::size_t start = 1; start <= 2; ++start) {
    REQUIRE(started.size() == start);
    starts();
    const Lines wire = hears(server());
    REQUIRE(wire.size() == 1);
    if (start == 2) {
      CHECK(offered(wire[0]) == "2025-03-26");
      serves_result(wire[0], greeting("2025-03-26"));
    } else {
      serves_error(wire[0], unsupported);
      hears(server());
      happens(broker::InstanceExited{server(), "exited with status 1", ""});
    }
  }
  CHECK(hears(a).at(0).contains(R"("result")"));
  CHECK(broker.instances().at(0).state == "ready");
}

TEST_CASE_FIXTURE(Particular,
                  "one that takes server/discover for initialize is started again and not asked") {
  const auto a = open(asked());
  says(a, initialize("2025-06-18"));
  starts();
  serves_result(hears(server()).at(0), greeting("2025-06-18"));
  CHECK(count<broker::StopInstance>() == 1);
  happens(broker::InstanceExited{server(), "was killed by SIGTERM", ""});
  REQUIRE(started.size() == 2);
  starts();
  const Lines wire = hears(server());
  REQUIRE(wire.size() == 1);
  CHECK(offered(wire[0]) == "2025-11-25");
  serves_result(wire[0], greeting("2025-06-18"));
  CHECK(hears(a).at(0).contains(R"("result")"));
  CHECK(count<broker::NoteNoProbe>() == 1);
  CHECK(broker.instances().at(0).restarts == 0);
}

TEST_CASE_FIXTURE(Particular, "the same if that answer comes late, or it refuses initialize from then on") {
  SUBCASE("late") {
    says(open(asked()), initialize("2025-06-18"));
    starts();
    const std::string discover = hears(server()).at(0);
    passes(std::chrono::seconds(2));
    CHECK(offered(hears(server()).at(0)) == "2025-11-25");
    serves_result(discover, greeting("2025-06-18"));
  }
  SUBCASE("refuses") {
    says(open(asked()), initialize("2025-06-18"));
    starts();
    serves_error(hears(server()).at(0), R"({"code":-32600,"message":"expected initialize"})");
    CHECK(haggles("none", R"({"code":-32600,"message":"out of order"})").size() == 5);
  }
  CHECK(count<broker::StopInstance>() == 1);
  happens(broker::InstanceExited{server(), "exited with status 0", ""});
  REQUIRE(started.size() == 2);
  starts();
  CHECK(offered(hears(server()).at(0)) == "2025-11-25");
}

TEST_CASE_FIXTURE(Particular,
                  "the same if it answers server/discover with an error, and ends at initialize") {
  says(open(asked()), initialize("2025-06-18"));
  starts();
  serves_error(hears(server()).at(0), R"({"code":-32600,"message":"expected initialize"})");
  hears(server());
  happens(broker::InstanceExited{server(), "exited with status 1", ""});
  REQUIRE(started.size() == 2);
  starts();
  CHECK(offered(hears(server()).at(0)) == "2025-11-25");
  // It has had its second chance.
  happens(broker::InstanceExited{server(), "exited with status 1", ""});
  CHECK(started.size() == 2);
}

TEST_CASE_FIXTURE(Particular,
                  "a server that hangs at initialize after server/discover is not asked the next time") {
  const auto a = open(asked());
  says(a, initialize("2025-06-18"));
  starts();
  passes(std::chrono::seconds(61));
  hears(server());
  happens(broker::InstanceExited{server(), "was killed by SIGTERM", ""});
  says(a, initialize("2025-06-18"));
  REQUIRE(started.size() == 2);
  starts();
  CHECK(offered(hears(server()).at(0)) == "2025-11-25");
}

TEST_CASE_FIXTURE(Particular, "2024-10-07 is spoken with clients and servers as the SDKs do") {
  const auto a = open(spec());
  says(a, initialize("2024-10-07"));
  starts();
  serves_result(hears(server()).at(0), greeting("2024-10-07"));
  CHECK(hears(a).at(0).contains(R"("protocolVersion":"2024-10-07")"));
  CHECK(broker.instances().at(0).revision == "2024-10-07");
}
