#include "core/share_key.h"

#include <doctest/doctest.h>

namespace {

using core::Difference;
using core::Scope;
using core::ServerSpec;

constexpr std::uint64_t hash_key = 0x1234;

ServerSpec some_spec() {
  ServerSpec spec;
  spec.name = "files";
  spec.program = "/usr/bin/npx";
  spec.args = {"-y", "pkg"};
  spec.directory = "/p";
  spec.scope = Scope::project;
  spec.scope_directory = "/p";
  spec.environment = {{"PATH", "/usr/bin"}, {"HOME", "/home/u"}, {"API_KEY", "sesame"}, {"LANG", "C"}};
  return spec;
}

std::string names(const std::vector<Difference>& found) {
  std::string all;
  for (const Difference& difference : found) all += (all.empty() ? "" : ", ") + difference.what;
  return all;
}

TEST_CASE("share key: who may join whom") {
  const struct {
    const char* what;
    void (*change)(ServerSpec& running, ServerSpec& asking);
    const char* apart;
    const char* ignored;
  } table[] = {
      {"equal", [](ServerSpec&, ServerSpec&) {}, "", ""},
      {"another name, other limits",
       [](ServerSpec&, ServerSpec& asking) {
         asking.name = "other";
         asking.message_bytes_max = 1;
         asking.timing.idle_timeout = std::chrono::seconds(1);
       },
       "", ""},
      {"another program", [](ServerSpec&, ServerSpec& asking) { asking.program = "/opt/npx"; }, "command",
       ""},
      {"other args", [](ServerSpec&, ServerSpec& asking) { asking.args = {"-y", "pkg2"}; }, "args", ""},
      {"args cut elsewhere", [](ServerSpec&, ServerSpec& asking) { asking.args = {"-ypkg"}; }, "args", ""},
      {"another project",
       [](ServerSpec&, ServerSpec& asking) { asking.directory = asking.scope_directory = "/q"; },
       "project, directory", ""},
      {"another directory", [](ServerSpec&, ServerSpec& asking) { asking.directory = "/p/sub"; }, "directory",
       ""},
      {"another scope",
       [](ServerSpec&, ServerSpec& asking) {
         asking.scope = Scope::user;
         asking.scope_directory.clear();
       },
       "scope, project", ""},
      {"scope session",
       [](ServerSpec& running, ServerSpec& asking) { running.scope = asking.scope = Scope::session; },
       "scope", ""},
      {"another value of a relevant variable",
       [](ServerSpec&, ServerSpec& asking) { asking.environment["API_KEY"] = "x"; }, "env API_KEY", ""},
      {"a relevant variable more",
       [](ServerSpec&, ServerSpec& asking) { asking.environment["X_TOKEN"] = "x"; }, "env X_TOKEN", ""},
      {"a relevant variable more, though empty",
       [](ServerSpec&, ServerSpec& asking) { asking.environment["X_TOKEN"] = ""; }, "env X_TOKEN", ""},
      {"a relevant variable less",
       [](ServerSpec&, ServerSpec& asking) { asking.environment.erase("API_KEY"); }, "", "env API_KEY"},
      {"an ordinary variable differs, one is missing, one is new",
       [](ServerSpec&, ServerSpec& asking) {
         asking.environment["PATH"] = "/bin";
         asking.environment.erase("LANG");
         asking.environment["TERM"] = "xterm";
       },
       "", "env LANG, env PATH, env TERM"},
      {"a fresh variable differs",
       [](ServerSpec& running, ServerSpec& asking) {
         running.environment["CLAUDE_CODE_MESSAGING_TOKEN"] = "a";
         asking.environment["CLAUDE_CODE_MESSAGING_TOKEN"] = "b";
       },
       "", "env CLAUDE_CODE_MESSAGING_TOKEN"},
      {"named by the asking one, with another value",
       [](ServerSpec&, ServerSpec& asking) {
         asking.named_variables = {"LANG"};
         asking.environment["LANG"] = "de";
       },
       "env LANG", ""},
      {"named by the running one, unset in the asking one",
       [](ServerSpec& running, ServerSpec& asking) {
         running.named_variables = {"LANG"};
         asking.environment.erase("LANG");
       },
       "env LANG", ""},
      {"named by the asking one, unset in the running one",
       [](ServerSpec& running, ServerSpec& asking) {
         asking.named_variables = {"LANG"};
         running.environment.erase("LANG");
       },
       "env LANG", ""},
      {"named, relevant, and missing in the asking one",
       [](ServerSpec& running, ServerSpec& asking) {
         running.named_variables = {"API_KEY"};
         asking.environment.erase("API_KEY");
       },
       "env API_KEY", ""},
      {"named by one side only, with equal values",
       [](ServerSpec& running, ServerSpec&) { running.named_variables = {"LANG", "NOT_THERE"}; }, "", ""},
  };
  for (const auto& row : table) {
    CAPTURE(row.what);
    ServerSpec running = some_spec();
    ServerSpec asking = some_spec();
    row.change(running, asking);
    const auto apart = core::differences(running, asking, hash_key);
    CHECK(names(apart) == row.apart);
    CHECK(core::may_share(running, asking) == apart.empty());
    CHECK(names(core::ignored_differences(running, asking, hash_key)) == row.ignored);
  }
}

TEST_CASE("share key: explanations show paths, never values") {
  ServerSpec running = some_spec();
  ServerSpec asking = some_spec();
  asking.program = "/opt/npx";
  asking.args = {"--password=sesame"};
  asking.environment["API_KEY"] = "open";
  asking.environment["X_TOKEN"] = "sesame";
  const auto found = core::differences(running, asking, hash_key);
  REQUIRE(names(found) == "command, args, env API_KEY, env X_TOKEN");
  CHECK(found[0] == Difference{"command", "/usr/bin/npx", "/opt/npx"});
  CHECK(found[1].here.starts_with("2 args, "));
  CHECK(found[1].there.starts_with("1 arg, "));
  CHECK(found[2].here.size() == 8);
  CHECK(found[2].here.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(found[2].here != found[2].there);
  CHECK(found[3].here == "unset");
  CHECK(found[3].there != found[2].here);  // One value under two names does not show.
  for (const Difference& difference : found) {
    CHECK(difference.here.find("sesame") == std::string::npos);
    CHECK(difference.there.find("sesame") == std::string::npos);
  }
  const auto again = core::differences(running, asking, hash_key);
  CHECK(again == found);
  CHECK(core::differences(running, asking, hash_key + 1)[2].here != found[2].here);
}

}  // namespace
