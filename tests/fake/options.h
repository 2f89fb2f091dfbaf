// How the fake server misbehaves before anybody has called it; what it does later is said by each call.
#pragma once

#include <string>
#include <vector>

namespace fake {

struct Options {
  std::string dir;                  // Holds PID.record and PID.sock; empty: neither.
  std::string capabilities;         // JSON, of initialize; a full set by default.
  std::string revision;             // Answered to initialize; empty: the one asked for.
  std::string discover = "-32601";  // Answer to server/discover: a code, "result", "silence" or "exit".
  std::string initialize =
      "ok";            // "ok", "error", "silence", "exit", or "hold": until "initialize" is released.
  std::string banner;  // Bytes on stdout before anything else; \n, \r, \xHH are understood.
  std::string words;   // A line on stderr at the start.
  std::string
      after_initialized;   // JSON array of steps that run as soon as notifications/initialized is here.
  int exit_at_start = -1;  // Exit with this status at once…
  int exits = 1000000;     // …for this many starts (counted by the records in dir).
  int murmur_ms = 0;       // A line on stderr this often until initialize is answered.
  int tools = 0;           // Further tools named tool_0, tool_1, …
  int page = 0;            // Tools per page of tools/list; 0: all on one.
  bool ignore_term = false;
  bool ignore_eof = false;
};

// Prints what is wrong and exits when the command line is not understood: only tests write it.
Options options_of(int argc, char** argv);

}  // namespace fake
