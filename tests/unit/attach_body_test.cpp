#include "app/http/attach_body.h"

#include <doctest/doctest.h>

namespace {

using app::AttachWish;
using app::read_attach_body;
using app::RunWish;
using Names = std::vector<std::string>;

TEST_CASE("attach body: a command to run, with everything") {
  const auto body = read_attach_body(
      R"({"version":"0.1.0","pid":42,"cwd":"/p","environment":{"PATH":"/bin","A":"é\"\n","E":""},)"
      R"("run":{"command":"npx","args":["-y","a b",""],"name":"files","scope":"user",)"
      R"("variables":["A","B"],"ignored":["C_*"]}})");
  REQUIRE(body);
  CHECK(body->version == "0.1.0");
  CHECK(body->pid == 42);
  CHECK(body->wish.cwd == "/p");
  CHECK(body->wish.environment ==
        std::map<std::string, std::string>{{"PATH", "/bin"}, {"A", "é\"\n"}, {"E", ""}});
  const auto* run = std::get_if<RunWish>(&body->wish.server);
  REQUIRE(run != nullptr);
  CHECK(run->command == "npx");
  CHECK(run->args == Names{"-y", "a b", ""});
  CHECK(run->name == "files");
  CHECK(run->scope == "user");
  CHECK(run->variables == Names{"A", "B"});
  CHECK(run->ignored == Names{"C_*"});
}

TEST_CASE("attach body: as little as can be") {
  const auto run = read_attach_body(R"({"cwd":"/","run":{"command":"x"}})");
  REQUIRE(run);
  CHECK(run->pid == 0);
  CHECK(run->wish.environment.empty());
  CHECK(std::get<RunWish>(run->wish.server).args.empty());
  CHECK(std::get<RunWish>(run->wish.server).scope.empty());

  const auto attach = read_attach_body(R"({"cwd":"/","attach":"files","later":{}})");
  REQUIRE(attach);
  CHECK(std::get<AttachWish>(attach->wish.server).name == "files");
}

TEST_CASE("attach body: what is missing is named") {
  const struct {
    const char* body;
    const char* named;
  } table[] = {
      {"", "JSON object"},
      {"[]", "JSON object"},
      {"{", "JSON object"},
      {"{}", "\"cwd\""},
      {R"({"cwd":"p","attach":"x"})", "\"cwd\""},
      {R"({"cwd":7,"attach":"x"})", "\"cwd\""},
      {R"({"cwd":"/"})", "\"attach\""},
      {R"({"cwd":"/","attach":""})", "\"attach\""},
      {R"({"cwd":"/","attach":["x"]})", "\"attach\""},
      {R"({"cwd":"/","run":{}})", "\"command\""},
      {R"({"cwd":"/","run":{"command":""}})", "\"command\""},
      {R"({"cwd":"/","run":"npx"})", "\"command\""},
  };
  for (const auto& row : table) {
    CAPTURE(row.body);
    const auto body = read_attach_body(row.body);
    REQUIRE_FALSE(body);
    CHECK(body.error().what.find(row.named) != std::string::npos);
  }
}

TEST_CASE("attach body: a session whose directory is lost says why") {
  const auto body = read_attach_body(R"({"cwdLost":"is gone","attach":"files"})");
  REQUIRE(body);
  CHECK(body->wish.cwd_lost == "is gone");
}

TEST_CASE(
    "attach body: what is odd in the process's inheritance is left out, and no more of it is kept than is of "
    "use") {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += (i == 0 ? "\"a" : ",\"a") + std::to_string(i) + "\":1";
  const auto body = read_attach_body(
      R"({"cwd":"/","attach":"x","process":{"settings":{)" + many +
      R"(},"limits":{"cpu":[1],"as":[1,2,3],"data":["1",2],"nofile":[-1,5],"core":[0,null]},)"
      R"("cpus":7,"confines":{"net":1}}})");
  REQUIRE(body);
  const base::Inheritance& read = body->wish.inheritance;
  CHECK(read.settings.size() == 64);
  CHECK(read.limits == std::map<std::string, base::Limit>{{"core", {.soft = 0, .hard = {}}}});
  CHECK(read.cpus.empty());
  CHECK(read.confines.empty());
  CHECK(read_attach_body(R"({"cwd":"/","attach":"x","process":[]})")->wish.inheritance ==
        base::Inheritance{});
}

TEST_CASE("attach body: the name in POST /stop and /restart") {
  const auto name = app::read_name_body(R"({"name":"files"})");
  REQUIRE(name);
  CHECK(*name == "files");
  for (const char* body : {"", "{}", "[]", R"({"name":""})", R"({"name":7})", R"("files")"}) {
    CAPTURE(body);
    CHECK_FALSE(app::read_name_body(body));
  }
}

}  // namespace
