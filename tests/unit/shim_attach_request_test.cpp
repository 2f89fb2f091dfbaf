#include <doctest/doctest.h>

#include <array>

#include "app/http/attach_body.h"
#include "base/version.h"
#include "proto/json.h"
#include "shim/attach_request.h"

namespace {

constexpr std::array<const char*, 5> environment = {"PATH=/bin", "A=x=\"y\"", "BAD=\xff\xfe", "=odd",
                                                    "EMPTY="};

shim::AttachRequest request_of(const shim::Wish& wish) {
  auto request =
      shim::attach_request(wish, {.pid = 4711, .directory = "/home/u/p", .environment = environment});
  REQUIRE(request);
  return std::move(*request);
}

std::string_view body_of(const shim::AttachRequest& request) {
  const std::size_t end = request.text.find("\r\n\r\n");
  REQUIRE(end != std::string::npos);
  return std::string_view(request.text).substr(end + 4);
}

TEST_CASE("a run is asked for in full") {
  shim::Wish wish;
  wish.command = "npx";
  wish.args = {"-y", "pkg \"x\""};
  wish.name = "n";
  wish.scope = "user";
  wish.variables = {"DEBUG", "X"};
  wish.ignored = {"C_*"};
  const shim::AttachRequest request = request_of(wish);
  CHECK(request.text.starts_with("POST /attach HTTP/1.1\r\nHost: hearth\r\nConnection: Upgrade\r\n"));
  CHECK(request.text.find("\r\nUpgrade: hearth-session/1\r\n") != std::string::npos);
  const std::string_view body = body_of(request);
  CHECK(request.text.find("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n") !=
        std::string::npos);
  CHECK(body ==
        "{\"version\":\"" + std::string(base::version) +
            R"(","pid":4711,"cwd":"/home/u/p","environment":{"PATH":"/bin","A":"x=\"y\"","EMPTY":""},)"
            R"("run":{"command":"npx","args":["-y","pkg \"x\""],"name":"n","scope":"user",)"
            R"("variables":["DEBUG","X"],"ignored":["C_*"]}})");
  CHECK(request.left_out == std::vector<std::string_view>{"BAD"});
}

TEST_CASE("what was not given is not sent") {
  shim::Wish wish;
  wish.command = "x";
  CHECK(body_of(request_of(wish)).ends_with(R"("run":{"command":"x","args":[]}})"));
  wish.attach = "files";
  CHECK(body_of(request_of(wish)).ends_with(R"("attach":"files"})"));
}

TEST_CASE("what cannot be said in JSON is refused, not changed") {
  shim::Wish wish;
  wish.command = "x";
  wish.args = {"ok", "\xff"};
  const auto request = shim::attach_request(wish, {.pid = 1, .directory = "/", .environment = {}});
  REQUIRE_FALSE(request);
  CHECK(request.error().what.starts_with("an argument of the command is not UTF-8"));
}

TEST_CASE("why there is no directory is told, for the daemon to decide whether one is needed") {
  shim::Wish wish;
  wish.attach = "files";
  auto request =
      shim::attach_request(wish, {.pid = 1, .directory = "", .directory_lost = "is gone", .environment = {}});
  REQUIRE(request);
  CHECK(body_of(*request).contains(R"("pid":1,"cwdLost":"is gone","environment":{},)"));
  request = shim::attach_request(wish, {.pid = 1, .directory = "/\xc3", .environment = {}});
  REQUIRE(request);
  CHECK(body_of(*request).contains(R"("cwdLost":"has a path that is not UTF-8")"));
}

TEST_CASE("what the process has inherited is told, and read as it was") {
  base::Inheritance told;
  told.settings = {{"nice", 7}, {"umask", 0077}};
  told.limits = {{"cpu", {}}, {"nofile", {.soft = 256, .hard = 1024}}, {"stack", {.soft = 8192, .hard = {}}}};
  told.cpus = "0-3,8";
  told.confines = {{"net", "net:[4026531840]"}};
  shim::Wish wish;
  wish.attach = "files";
  const auto request =
      shim::attach_request(wish, {.pid = 1, .directory = "/", .environment = {}, .inheritance = &told});
  REQUIRE(request);
  CHECK(
      body_of(*request).contains(R"("limits":{"cpu":[null,null],"nofile":[256,1024],"stack":[8192,null]})"));
  const auto read = app::read_attach_body(body_of(*request));
  REQUIRE(read);
  CHECK(read->wish.inheritance == told);
}

TEST_CASE("a server has a name for sentences") {
  shim::Wish wish;
  wish.command = "/usr/bin/npx";
  CHECK(wish.server() == "npx");
  wish.name = "n";
  CHECK(wish.server() == "n");
  wish.attach = "a";
  CHECK(wish.server() == "a");
}

TEST_CASE("the daemon of the installation is named, if there is one that can be") {
  shim::Wish wish;
  wish.attach = "files";
  const auto request = shim::attach_request(
      wish, {.pid = 1, .directory = "/", .environment = {}, .daemon = "/opt/new/hearthd"});
  REQUIRE(request);
  const auto body = app::read_attach_body(body_of(*request));
  REQUIRE(body);
  CHECK(body->daemon == "/opt/new/hearthd");
  CHECK(body->version == base::version);
  const auto without = shim::attach_request(wish, {.pid = 1, .directory = "/", .environment = {}});
  REQUIRE(without);
  CHECK(app::read_attach_body(body_of(*without))->daemon.empty());
}

}  // namespace
