#include "app/config/server_name.h"

#include <doctest/doctest.h>

#include <sstream>
#include <vector>

namespace {

// "npx -y pkg" in words.
std::string named(const std::string& line) {
  std::istringstream words(line);
  std::vector<std::string> all;
  for (std::string word; words >> word;) all.push_back(word);
  return app::default_name(all.at(0), std::span<const std::string>(all).subspan(1));
}

TEST_CASE("server name: what a command is called") {
  const struct {
    const char* line;
    std::string name;
  } table[] = {
      {"npx -y @modelcontextprotocol/server-memory@1.2", "server-memory"},
      {"/usr/bin/npx server-memory", "server-memory"},
      {"npx --yes --registry https://r @scope/name", "name"},
      {"npx -p @scope/pkg@2 binary", "pkg"},
      {"npx --package=pkg binary", "pkg"},
      {"npx -y @playwright/mcp@latest --headless", "playwright"},
      {"npx -y -- pkg --flag", "pkg"},
      {"npx", "npx"},
      {"npm exec -y -- @scope/name", "name"},
      {"npm --prefix /srv start", "npm"},
      {"pnpm dlx name@3", "name"},
      {"pnpm --dir /x dlx name", "name"},
      {"yarn dlx name", "name"},
      {"bunx name", "name"},
      {"bun x name", "name"},
      {"bun run /srv/notes/index.ts", "notes"},
      {"uvx mcp-server-git==0.6 --repository x", "mcp-server-git"},
      {"uvx --from git+https://github.com/o/r@main tool", "tool"},
      {"uvx git+https://github.com/owner/name.git@main", "name"},
      {"uvx name[extra]>=2", "name"},
      {"uv run /srv/weather/server.py", "weather"},
      {"uv --directory /srv/x run mcp-thing", "mcp-thing"},
      {"uv run --with fastmcp python -m pkg.module", "pkg.module"},
      {"pipx run thing", "thing"},
      {"node /x/node_modules/@modelcontextprotocol/server-memory/dist/index.js", "server-memory"},
      {"node --require a.js --no-warnings tools/notes.mjs", "notes"},
      {"node dist/index.js", "index"},
      {"node", "node"},
      {"python3.11 -u -m mcp_server_time", "mcp_server_time"},
      {"python /srv/mail/main.py", "mail"},
      {"python3 -X dev weather.py", "weather"},
      {"node -e console.log(1) x", "node"},
      {"node --import a.js -pe 1+1", "node"},
      {"node --eval=1 x.js", "node"},
      {"bun -e 1", "bun"},
      {"ruby -e puts", "ruby"},
      {"python3 -c print() x.py", "python3"},
      {"python3 -X dev -uc print()", "python3"},
      {"uv run python -c print()", "python"},
      {"sh -c server", "sh"},
      {"/bin/bash -c server", "bash"},
      {"docker run -i --rm -e GITHUB_TOKEN ghcr.io/github/github-mcp-server:1.0", "github-mcp-server"},
      {"docker -H tcp://h run --name=x mcp/fetch@sha256:00", "fetch"},
      {"podman run --mount type=bind,src=/,dst=/ localhost:5000/img", "img"},
      {"docker exec box server", "docker"},
      {"deno run -A jsr:@scope/name", "name"},
      {"/opt/github-mcp-server stdio", "github-mcp-server"},
      {"/srv/memory/dist/index.js", "memory"},
      {"./server.sh", "server"},
      {"/", "server"},
      {"/opt/with,comma", "with-comma"},
      {"/opt/.hidden", "hidden"},
  };
  for (const auto& row : table) {
    CAPTURE(row.line);
    CHECK(named(row.line) == row.name);
    CHECK_FALSE(app::trouble_with_name(named(row.line)));
  }
  CHECK(app::default_name(std::string(500, 'x'), {}) == std::string(64, 'x'));
  CHECK(app::default_name("", {}) == "server");
}

TEST_CASE("server name: one that can stand in a path") {
  for (const char* name : {"files", "a", "My Files", "x.y_z-1", "\xc3\xa9"}) {
    CAPTURE(name);
    CHECK_FALSE(app::trouble_with_name(name));
  }
  for (const char* name : {"", ".", "..", ".x", "-x", "a/b", "a\\b", "a\nb", "a\x7f"}) {
    CAPTURE(name);
    CHECK(app::trouble_with_name(name));
  }
  CHECK_FALSE(app::trouble_with_name(std::string(64, 'x')));
  CHECK(app::trouble_with_name(std::string(65, 'x')));
}

}  // namespace
