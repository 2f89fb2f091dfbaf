// From what a session asks for to what is to be run, and with whom to share it.
//
// Everything is seen with the session's eyes: its PATH, its directory, its variables. This is the only part
// of the decision that looks at the file system; core/share_key.h compares what comes out.
//
// Which directory the server runs in follows from its scope, so that sessions that should share can: the
// project's directory for `project`, the home directory for `user`, the session's own for `session`. An
// entry's "cwd" is relative to that. A directory that cannot be had is no reason to refuse a session whose
// server has no use for it.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "app/config/config.h"
#include "base/result.h"
#include "core/server_spec.h"

namespace app {

// `hearth attach NAME`
struct AttachWish {
  std::string name;
  static constexpr std::size_t fields = 1;
};

// `hearth run -- COMMAND ARGS…`
struct RunWish {
  std::string command;
  std::vector<std::string> args = {};
  std::string name = {};                    // Empty: called after the command.
  std::string scope = {};                   // As spelt; empty: project.
  std::vector<std::string> variables = {};  // --env NAME
  std::vector<std::string> ignored = {};    // --ignore-env PATTERN
  static constexpr std::size_t fields = 6;
};

struct Wish {
  std::variant<AttachWish, RunWish> server;
  std::string cwd;
  std::map<std::string, std::string> environment;
  std::string cwd_lost =
      {};  // Why there is no cwd, as the end of a sentence: "is gone". Empty: there is one.
  base::Inheritance inheritance = {};
};

base::Result<core::ServerSpec> resolve(const Wish& wish, const Config& config);

// CLAUDE_PROJECT_DIR, else the nearest directory upwards of `cwd` that holds a .git, else `cwd`; without
// symbolic links.
base::Result<std::string> project_directory(const std::string& cwd,
                                            const std::map<std::string, std::string>& environment);

}  // namespace app
