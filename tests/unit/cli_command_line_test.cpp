#include <doctest/doctest.h>

#include <array>

#include "cli/command_line.h"
#include "cli/commands.h"

namespace {

using cli::Arguments;

template <class... Words>
std::expected<Arguments, std::string> parsed(Words... words) {
  const std::array<const char*, sizeof...(words)> list = {words...};
  return cli::parse(cli::commands(), list);
}

TEST_CASE("run takes everything behind -- as it is") {
  const auto line =
      parsed("run", "--scope", "user", "--env", "A", "--env=B", "--", "npx", "-y", "--help", "--home");
  REQUIRE(line);
  CHECK(line->command->name == "run");
  CHECK(line->value("--scope") == "user");
  CHECK(line->values("--env") == std::vector<std::string_view>{"A", "B"});
  CHECK(line->words == std::vector<std::string_view>{"npx", "-y", "--help", "--home"});
  CHECK_FALSE(line->help);
  CHECK(line->home.empty());
}

TEST_CASE("run also begins its command at the first word without --") {
  const auto line = parsed("run", "--name", "x", "npx", "--name", "y");
  REQUIRE(line);
  CHECK(line->value("--name") == "x");
  CHECK(line->words == std::vector<std::string_view>{"npx", "--name", "y"});
}

TEST_CASE("--home stands before or after the command") {
  CHECK(parsed("--home", "/x", "status")->home == "/x");
  CHECK(parsed("status", "--home=/x", "--json")->home_wanted() == "/x");
  CHECK_FALSE(parsed("status")->home_wanted());
}

TEST_CASE("letters are their flags") {
  const auto line = parsed("logs", "-f", "-n", "7", "files");
  REQUIRE(line);
  CHECK(line->has("--follow"));
  CHECK(line->value("--lines") == "7");
  CHECK(line->words == std::vector<std::string_view>{"files"});
}

TEST_CASE("shutdown may be told to use force") {
  CHECK(parsed("shutdown", "--force", "--json")->has("--force"));
  CHECK_FALSE(parsed("shutdown")->has("--force"));
  CHECK_FALSE(parsed("stop", "--force", "x"));
}

TEST_CASE("help needs no words and no command") {
  CHECK(parsed("run", "--help")->help);
  CHECK(parsed("-h")->help);
  CHECK(parsed("--version")->version);
  CHECK(parsed()->command == nullptr);
}

TEST_CASE("refusals name what was meant") {
  CHECK(parsed("stauts").error() == "there is no command 'stauts'; did you mean 'status'?");
  CHECK(parsed("xyzzyx").error() == "there is no command 'xyzzyx'");
  CHECK(parsed("status", "--jsn").error() == "'hearth status' has no option '--jsn'; did you mean '--json'?");
  CHECK(parsed("--verson").error() == "there is no option '--verson'; did you mean '--version'?");
  CHECK(parsed("status", "--version").error() == "'hearth status' has no option '--version'");
}

TEST_CASE("words and values are counted") {
  CHECK(parsed("stop").error() == "'stop' needs NAME: hearth stop [--json] NAME");
  CHECK(parsed("stop", "a", "b").error() == "unexpected argument 'b'");
  CHECK(parsed("run", "--").error().starts_with("'run' needs -- COMMAND ARGS..."));
  CHECK(parsed("run", "--scope").error() == "'--scope' needs a value: --scope SCOPE");
  CHECK(parsed("run", "--scope=", "--", "x").error() == "the value of '--scope' is empty");
  CHECK(parsed("status", "--json=1").error() == "'--json' takes no value");
  CHECK(parsed("run", "--name", "a", "--name", "b", "--", "x").error() == "'--name' is given twice");
}

TEST_CASE("every command is documented, and hidden ones are not in the short help") {
  const std::string short_help = cli::short_help(cli::commands());
  for (const cli::Command& command : cli::commands()) {
    const std::string name(command.name);
    CAPTURE(name);
    const std::string help = cli::help_of(command);
    CHECK(help.starts_with("Usage: hearth " + name));
    CHECK((command.run != nullptr));
    CHECK(command.help.ends_with("\n"));
    for (const cli::Flag& flag : command.flags) CHECK(help.find(flag.name) != std::string::npos);
    const bool listed = short_help.find("\n  " + name + " ") != std::string::npos;
    CHECK(listed == !command.brief.empty());
  }
}

}  // namespace
