#include "core/share_key.h"

#include <doctest/doctest.h>

#include <array>
#include <span>

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
  // EDITOR shows that nothing was filtered.
  spec.environment = {
      {"PATH", "/usr/bin"}, {"HOME", "/home/u"}, {"API_KEY", "sesame"}, {"LANG", "C"}, {"EDITOR", "vi"}};
  return spec;
}

std::string names(const std::vector<Difference>& found) {
  std::string all;
  for (const Difference& difference : found) all += (all.empty() ? "" : ", ") + difference.what;
  return all;
}

// Which session may join which, and what is said about it.
struct Row {
  const char* what;
  void (*change)(ServerSpec& running, ServerSpec& asking);
  const char* apart;
  const char* ignored;
};

void check(std::span<const Row> table) {
  for (const Row& row : table) {
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

TEST_CASE("share key: what is run, where and for whom must agree") {
  check(std::to_array<Row>({
      {"equal", [](ServerSpec&, ServerSpec&) {}, "", ""},
      {"another name, other times and sizes",
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
      {"another limit of memory",
       [](ServerSpec& running, ServerSpec& asking) {
         running.limits.memory = std::uint64_t{1} << 30;
         asking.limits.memory = std::uint64_t{2} << 30;
       },
       "limits", ""},
      {"a limit of processes, and none",
       [](ServerSpec& running, ServerSpec&) { running.limits.processes = 20; }, "limits", ""},
      {"another scope",
       [](ServerSpec&, ServerSpec& asking) {
         asking.scope = Scope::user;
         asking.scope_directory.clear();
       },
       "scope, project", ""},
      {"scope session",
       [](ServerSpec& running, ServerSpec& asking) { running.scope = asking.scope = Scope::session; },
       "scope", ""},
  }));
}

TEST_CASE("share key: variables must agree by what they are") {
  check(std::to_array<Row>({
      {"another value of a relevant variable",
       [](ServerSpec&, ServerSpec& asking) { asking.environment.set("API_KEY", "x"); }, "env API_KEY", ""},
      {"a relevant variable more",
       [](ServerSpec&, ServerSpec& asking) { asking.environment.set("X_TOKEN", "x"); }, "env X_TOKEN", ""},
      {"a relevant variable more, though empty",
       [](ServerSpec&, ServerSpec& asking) { asking.environment.set("X_TOKEN", ""); }, "env X_TOKEN", ""},
      {"a relevant variable less",
       [](ServerSpec&, ServerSpec& asking) { asking.environment.erase("API_KEY"); }, "env API_KEY", ""},
      {"a relevant variable less, in a filtered environment",
       [](ServerSpec&, ServerSpec& asking) { asking.environment = {{"HOME", "/home/u"}, {"TERM", "x"}}; }, "",
       "env API_KEY, env EDITOR, env LANG, env PATH, env TERM"},
      {"another value of a relevant variable, in a filtered environment",
       [](ServerSpec&, ServerSpec& asking) { asking.environment = {{"HOME", "/home/v"}, {"LANG", "C"}}; },
       "env HOME", "env API_KEY, env EDITOR, env PATH"},
      {"a relevant variable more than a filtered environment",
       [](ServerSpec& running, ServerSpec&) { running.environment = {{"HOME", "/home/u"}, {"LANG", "C"}}; },
       "env API_KEY", "env EDITOR, env PATH"},
      {"named by the running one, missing in a filtered environment",
       [](ServerSpec& running, ServerSpec& asking) {
         running.named_variables = {"API_KEY"};
         asking.environment = {{"HOME", "/home/u"}};
       },
       "env API_KEY", "env EDITOR, env LANG, env PATH"},
      {"a variable of a model less",
       [](ServerSpec& running, ServerSpec&) { running.environment.set("OPENAI_API_KEY", "x"); }, "",
       "env OPENAI_API_KEY"},
      {"a variable of a model more",
       [](ServerSpec&, ServerSpec& asking) { asking.environment.set("OPENAI_API_KEY", "x"); }, "",
       "env OPENAI_API_KEY"},
      {"another value of a variable of a model",
       [](ServerSpec& running, ServerSpec& asking) {
         running.environment.set("OPENAI_API_KEY", "x");
         asking.environment.set("OPENAI_API_KEY", "y");
       },
       "env OPENAI_API_KEY", ""},
      {"ignored by the asking one",
       [](ServerSpec&, ServerSpec& asking) {
         asking.ignored_variables = {"api_*"};
         asking.environment.set("API_KEY", "x");
       },
       "", "env API_KEY"},
      {"ignored by the running one",
       [](ServerSpec& running, ServerSpec& asking) {
         running.ignored_variables = {"API_*"};
         asking.environment.erase("API_KEY");
       },
       "", "env API_KEY"},
      {"ignored by one and named by the other",
       [](ServerSpec& running, ServerSpec& asking) {
         running.ignored_variables = {"*"};
         asking.named_variables = {"API_KEY"};
         asking.environment.set("API_KEY", "x");
       },
       "env API_KEY", ""},
      {"an ordinary variable differs, one is missing, one is new",
       [](ServerSpec&, ServerSpec& asking) {
         asking.environment.set("PATH", "/bin");
         asking.environment.erase("LANG");
         asking.environment.set("TERM", "xterm");
       },
       "", "env LANG, env PATH, env TERM"},
      {"a fresh variable differs",
       [](ServerSpec& running, ServerSpec& asking) {
         running.environment.set("CLAUDE_CODE_MESSAGING_TOKEN", "a");
         asking.environment.set("CLAUDE_CODE_MESSAGING_TOKEN", "b");
       },
       "", "env CLAUDE_CODE_MESSAGING_TOKEN"},
  }));
}

TEST_CASE("share key: what is named must agree, set or not") {
  check(std::to_array<Row>({
      {"named by the asking one, with another value",
       [](ServerSpec&, ServerSpec& asking) {
         asking.named_variables = {"LANG"};
         asking.environment.set("LANG", "de");
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
  }));
}

TEST_CASE("share key: the order of the sessions does not matter") {
  using Environment = std::map<std::string, std::string>;
  const Environment full = {{"HOME", "/u"}, {"EDITOR", "vi"}};
  const Environment few = {{"HOME", "/u"}, {"PATH", "/bin"}};
  const auto with = [](Environment environment, const char* name, const char* value) {
    environment[name] = value;
    return environment;
  };
  const struct {
    const char* what;
    Environment one, other;
    bool get_on;
  } table[] = {
      {"equal", full, full, true},
      {"full and filtered", full, few, true},
      {"set and unset", with(full, "API_KEY", "a"), full, false},
      {"set, though empty, and unset", with(full, "API_KEY", ""), full, false},
      {"set and unknown", with(full, "API_KEY", "a"), few, true},
      {"set by the entry of a filtered one, and unset", with(few, "API_KEY", "a"), full, false},
      {"set by the entry of a filtered one, and unknown", with(few, "API_KEY", "a"), few, true},
      {"unknown to a filtered one whose entry sets something else", with(full, "API_KEY", "a"),
       with(few, "DATA_FILE", "d"), false},
      {"each unknown to the other", with(few, "API_KEY", "a"), with(few, "DATA_FILE", "d"), true},
      {"two values", with(full, "API_KEY", "a"), with(full, "API_KEY", "b"), false},
      {"two values, both of entries", with(few, "API_KEY", "a"), with(few, "API_KEY", "b"), false},
      {"of a model, set and unset", with(full, "ANTHROPIC_API_KEY", "a"), full, true},
      {"of a model, two values", with(full, "ANTHROPIC_API_KEY", "a"), with(full, "ANTHROPIC_API_KEY", "b"),
       false},
      {"of a client for itself", with(full, "GIT_CONFIG_KEY_0", "a"), with(full, "GIT_CONFIG_KEY_0", "b"),
       true},
  };
  for (const auto& row : table) {
    CAPTURE(row.what);
    ServerSpec one = some_spec();
    ServerSpec other = some_spec();
    one.environment = row.one;
    other.environment = row.other;
    CHECK(core::get_on(one, other) == row.get_on);
    CHECK(core::get_on(other, one) == row.get_on);
    if (core::may_share(one, other) || core::may_share(other, one)) CHECK(row.get_on);
  }
  ServerSpec one = some_spec();
  ServerSpec other = some_spec();
  other.directory = "/elsewhere";
  CHECK_FALSE(core::get_on(one, other));
  other = one;
  one.scope = other.scope = Scope::session;
  CHECK_FALSE(core::get_on(one, other));
}

TEST_CASE("share key: explanations show paths, never values") {
  ServerSpec running = some_spec();
  ServerSpec asking = some_spec();
  asking.program = "/opt/npx";
  asking.args = {"--password=sesame"};
  asking.environment.set("API_KEY", "open");
  asking.environment.set("X_TOKEN", "sesame");
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
