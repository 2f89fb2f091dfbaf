// A scriptable stdio MCP server for tests. See server.h for what it can do, options.h for its flags.
#include "server.h"

int main(int argc, char** argv) {
  fake::Server server(fake::options_of(argc, argv));
  return server.run();
}
