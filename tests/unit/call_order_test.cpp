#include "core/call_order.h"

#include <doctest/doctest.h>

#include <sstream>

using core::Calls;
using core::Reads;

namespace {

// "npx -y pkg" in words; what stands between single quotes is one.
core::ServerSpec spec_of(const std::string& line) {
  core::ServerSpec spec;
  std::istringstream words(line);
  words >> spec.program;
  for (std::string word; words >> std::ws && !words.eof();) {
    if (words.peek() == '\'') {
      words.get();
      std::getline(words, word, '\'');
    } else {
      words >> word;
    }
    spec.args.push_back(word);
  }
  return spec;
}

}  // namespace

TEST_CASE("call order: the memory server is known by what is run") {
  const struct {
    const char* line;
    bool one;
  } table[] = {
      {"/usr/bin/npx -y @modelcontextprotocol/server-memory", true},
      {"/usr/bin/npx -y @modelcontextprotocol/server-memory@2025.8.4", true},
      {"/usr/bin/npx --package=@modelcontextprotocol/server-memory mcp-server-memory", true},
      {"/usr/bin/bunx @modelcontextprotocol/server-memory@latest", true},
      {"/usr/bin/pnpm dlx @modelcontextprotocol/server-memory", true},
      {"/usr/bin/deno run -A npm:@modelcontextprotocol/server-memory", true},
      {"/usr/bin/node /x/node_modules/@modelcontextprotocol/server-memory/dist/index.js", true},
      {"/x/node_modules/.bin/mcp-server-memory", true},
      {"/usr/bin/node /x/node_modules/.bin/mcp-server-memory", true},
      {"/bin/sh -c 'MEMORY_FILE_PATH=/m exec npx -y @modelcontextprotocol/server-memory'", true},
      {"/usr/bin/docker run -i --rm -v m:/app/dist mcp/memory", true},
      {"/usr/bin/podman run -i --rm docker.io/mcp/memory:latest", true},
      {"/usr/bin/npx -y @modelcontextprotocol/server-memory-two", false},
      {"/usr/bin/npx -y server-memory", false},
      {"/usr/bin/npx -y @modelcontextprotocol/server-everything", false},
      {"/usr/bin/cat mcp/memory", false},
      {"/usr/bin/node /home/u/mcp-server-memory/index.js", false},
  };
  for (const auto& row : table) {
    CAPTURE(row.line);
    const core::CallOrder order = core::call_order_of(spec_of(row.line));
    CHECK(order.one == row.one);
    CHECK(order.because.empty() != row.one);
    if (row.one) CHECK(order.reads == Reads::together);
  }
}

TEST_CASE("call order: reads need no turn at a server that nobody can catch writing half a file") {
  for (const char* line :
       {"/usr/bin/npx -y @modelcontextprotocol/server-filesystem /x",
        "/usr/bin/docker run -i --rm mcp/filesystem /x", "/x/bin/mcp-server-filesystem /x"}) {
    CAPTURE(line);
    CHECK(core::call_order_of(spec_of(line)).one);
    CHECK(core::call_order_of(spec_of(line)).reads == Reads::always);
  }
}

TEST_CASE("call order: an entry that says something is believed") {
  core::ServerSpec memory = spec_of("/usr/bin/npx -y @modelcontextprotocol/server-memory");
  memory.calls = Calls::many;
  CHECK(!core::call_order_of(memory).one);
  memory.calls = Calls::one;
  CHECK(core::call_order_of(memory).one);
  CHECK(core::call_order_of(memory).reads == Reads::together);

  core::ServerSpec other = spec_of("/bin/notes");
  CHECK(!core::call_order_of(other).one);
  other.calls = Calls::one;
  CHECK(core::call_order_of(other).one);
  CHECK(core::call_order_of(other).reads == Reads::alone);
}
