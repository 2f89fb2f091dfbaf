#include <doctest/doctest.h>

#include <utility>

#include "cli/example_server.h"

namespace {

using std::chrono::milliseconds;

constexpr base::Instant start{};

std::string said(cli::ExampleServer& server, std::string_view line, base::Instant now = start) {
  server.on_line(line, now);
  return std::exchange(server.output(), {});
}

std::string said_at(cli::ExampleServer& server, base::Instant now) {
  server.on_time(now);
  return std::exchange(server.output(), {});
}

TEST_CASE("the revision is the one asked for, or the newest legacy one") {
  cli::ExampleServer server;
  const auto revision_for = [&](const std::string& asked) {
    return said(server, R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":")" +
                            asked + R"("}})");
  };
  CHECK(revision_for("2024-11-05").find(R"("protocolVersion":"2024-11-05")") != std::string::npos);
  CHECK(revision_for("2025-06-18").find(R"("protocolVersion":"2025-06-18")") != std::string::npos);
  CHECK(revision_for("2026-07-28").find(R"("protocolVersion":"2025-11-25")") != std::string::npos);
  CHECK(revision_for("nonsense").find(R"("protocolVersion":"2025-11-25")") != std::string::npos);
}

TEST_CASE("echo gives back the spelling, whatever stands before it") {
  cli::ExampleServer server;
  CHECK(said(server, R"({"jsonrpc":"2.0","id":"a","method":"tools/call","params":{ "x" : [{"text":1}] , )"
                     R"("arguments" : {"y":"}","text" : "h\u00e9\n"}, "name":"echo"}})") ==
        R"({"jsonrpc":"2.0","id":"a","result":{"content":[{"type":"text","text":"h\u00e9\n"}]}})"
        "\n");
}

TEST_CASE("add and counter") {
  cli::ExampleServer server;
  const std::string add =
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":)";
  CHECK(said(server, add + R"({"a":2,"b":-5}}})").find(R"("text":"-3")") != std::string::npos);
  CHECK(said(server, add + R"({"a":9223372036854775807,"b":1}}})").find("-32602") != std::string::npos);
  CHECK(said(server, add + R"({"a":"2","b":1}}})").find("-32602") != std::string::npos);
  const std::string count = R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"counter"}})";
  CHECK(said(server, count).find(R"("text":"1")") != std::string::npos);
  CHECK(said(server, count).find(R"("text":"2")") != std::string::npos);
}

TEST_CASE("slow reports progress to who asked for it, and answers in its time") {
  cli::ExampleServer server;
  CHECK(said(server, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow",)"
                     R"("arguments":{"ms":150},"_meta":{"progressToken":"t"}}})")
            .empty());
  CHECK(server.deadline() == start + milliseconds(100));
  CHECK(said_at(server, start + milliseconds(100)) ==
        R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":100,)"
        R"("total":150}})"
        "\n");
  CHECK(server.deadline() == start + milliseconds(150));
  CHECK(said_at(server, start + milliseconds(150)).find("took 150 ms") != std::string::npos);
  CHECK_FALSE(server.deadline());
}

TEST_CASE("a cancelled call is not answered") {
  cli::ExampleServer server;
  said(server,
       R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow","arguments":{"ms":50}}})");
  said(server, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"1"}})");
  CHECK(server.deadline());
  said(server, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  CHECK_FALSE(server.deadline());
}

TEST_CASE("a batch is answered with a batch, newlines or not") {
  cli::ExampleServer server;
  CHECK(said(server, R"([{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"},)"
                     R"({"jsonrpc":"2.0","id":2,"method":"ping"}])") ==
        R"([{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":2,"result":{}}])"
        "\n");
  CHECK(said(server, R"([{"jsonrpc":"2.0","method":"x"}])").empty());
}

TEST_CASE("what is no message is refused with the id it certainly has") {
  cli::ExampleServer server;
  CHECK(said(server, "junk").find(R"("id":null,"error":{"code":-32700)") != std::string::npos);
  CHECK(said(server, R"({"jsonrpc":"2.0","id":3,"method":"no/such"})").find("-32601") != std::string::npos);
  CHECK(said(server, R"({"jsonrpc":"2.0","method":"no/such"})").empty());
}

}  // namespace
