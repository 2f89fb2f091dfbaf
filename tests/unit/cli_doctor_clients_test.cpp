#include <doctest/doctest.h>

#include <cerrno>

#include "cli/doctor/client_check.h"
#include "cli/doctor/client_files.h"
#include "cli/doctor/codex_file.h"

namespace {

using namespace cli::doctor;

std::string names(const ClientFile& file, std::string_view text) {
  const auto entries = direct_entries(file, text);
  if (!entries) return entries.error().what;
  std::string all;
  for (const DirectEntry& entry : *entries)
    all += entry.name + (entry.project.empty() ? "" : "@" + entry.project) + "=" + entry.command + " ";
  return all;
}

const ClientFile plain = {"Cursor", "/f", Shape::mcp_servers};
const ClientFile claude = {"Claude Code", "/f", Shape::claude_code};
const ClientFile codex = {"Codex", "/f", Shape::codex};

TEST_CASE("entries that start a program which is not Hearth are found, in each shape") {
  CHECK(names(plain, R"({"mcpServers": {"a": {"command": "npx"}, "b": {"command": "/x/hearth"}}})") ==
        "a=npx ");
  CHECK(names({"VS Code", "/f", Shape::servers}, R"({"servers": {"a": {"command": "uvx"},}} // mine)") ==
        "a=uvx ");
  CHECK(names(claude, R"({"mcpServers": {"a": {"command": "npx"}},
                          "projects": {"/p": {"mcpServers": {"b": {"command": "uvx"}}}, "/q": {}}})") ==
        "a=npx b@/p=uvx ");
  CHECK(names(plain, "").empty());
  CHECK(names(plain, "[]").empty());
  CHECK(names(plain, R"({"mcpServers": [1, {"command": "npx"}]})").empty());
  CHECK(names(plain, R"({"mcpServers": {"a": 1, "b": {"command": 2}}})").empty());
}

TEST_CASE("entries with a URL, switched off, or with Hearth behind another program are left out") {
  CHECK(names(plain, R"({"mcpServers": {
    "url": {"url": "https://example.org/mcp"},
    "off": {"command": "npx", "disabled": true},
    "off too": {"command": "npx", "enabled": false},
    "env": {"command": "env", "args": ["X=1", "/usr/bin/hearth", "run", "--", "npx"]},
    "shell": {"command": "sh", "args": ["-c", "exec hearth run -- npx y"]},
    "on": {"command": "npx", "disabled": false, "args": ["hearth"]}
  }})") == "on=npx ");
}

TEST_CASE("a file that is no JSON is told of with its place, and without its words") {
  const std::string said = names(plain, "{\n  \"mcpServers\": {\"a\": {\"env\": {\"TOKEN\" \"hush\"}}}\n}");
  CHECK(said.starts_with("/f:2:"));
  CHECK_FALSE(said.contains("hush"));
}

TEST_CASE("the tables of Codex are found line by line") {
  CHECK(names(codex, R"(
model = "x"
command = "not a server"
[mcp_servers.files]
command = "npx" # mine
args = ["-y", "files"]
[mcp_servers.files.env]
command = "not this"
[mcp_servers."with space"]
  command = '/opt/with'
[mcp_servers.shared]
command = "hearth"
args = ["run", "--", "npx"]
[mcp_servers.behind]
command = "env"
args = ["X=1", "hearth", "run", "--", "npx"]
[mcp_servers.off]
command = "npx"
enabled = false
[mcp_servers.far]
url = "https://example.org/mcp"
[tools]
command = "nor this")") == "files=npx with space=/opt/with ");
  CHECK(names(codex, "").empty());
  CHECK(names(codex, "[mcp_servers.\"open\ncommand = \"\n[mcp_servers.]\n[mcp_servers.a").empty());
}

TEST_CASE("one finding for each file and project, with the entry as it should be") {
  const Findings findings = check_client(
      claude, R"({"mcpServers": {"a": {"command": "npx", "args": ["--token", "hush"], "env": {"T": "hush"}},
                                 "b": {"command": "uvx"}},
                  "projects": {"/p": {"mcpServers": {"c": {"command": "KEY=hush node"}}}}})");
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].what == "Claude Code starts 2 servers without Hearth (a, b), by /f");
  CHECK(findings[0].advice ==
        "put 'hearth run --' before each command: \"command\": \"hearth\", \"args\": [\"run\", \"--\", "
        "\"npx\", …], and keep the rest of the entry");
  CHECK(findings[1].what == "Claude Code starts a server without Hearth (c), by /f, project /p");
  for (const Finding& finding : findings) CHECK_FALSE((finding.what + finding.advice).contains("hush"));
  const Findings toml = check_client(codex, "[mcp_servers.a]\ncommand = \"npx\"\n");
  REQUIRE(toml.size() == 1);
  CHECK(toml[0].advice.contains("command = \"hearth\" and args = [\"run\", \"--\", \"npx\", …]"));
}

TEST_CASE("a file that is not there is no finding, and one that cannot be read is") {
  CHECK(check_client(plain, base::failure("no such file", ENOENT)).empty());
  const Findings findings = check_client(plain, base::failure("cannot read /f: denied", EACCES));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].id == "client-file");
  CHECK(findings[0].what == "cannot read /f: denied");
}

TEST_CASE("the files of clients are where the clients look") {
  const auto files =
      client_files({.home = "/h", .config_home = "/x", .here = "/p", .claude = {}, .codex = "/c"});
  const auto has = [&](std::string_view path) {
    for (const ClientFile& file : files) {
      if (file.path == path) return true;
    }
    return false;
  };
  for (const char* path :
       {"/h/.claude.json", "/p/.mcp.json", "/h/.cursor/mcp.json", "/p/.cursor/mcp.json",
        "/x/Code/User/mcp.json", "/x/Claude/claude_desktop_config.json", "/c/config.toml"}) {
    CHECK_MESSAGE(has(path), path);
  }
  const auto at_home =
      client_files({.home = "/h", .config_home = {}, .here = "/h", .claude = "/k", .codex = {}});
  CHECK(at_home.size() == files.size() - 1);
  CHECK(at_home.front().path == "/k/.claude.json");
}

}  // namespace
