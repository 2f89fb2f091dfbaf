#include "app/config/resolve.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "app/config/expand.h"
#include "app/config/find_program.h"
#include "app/config/server_name.h"
#include "app/config/shown.h"
#include "app/config/web_url.h"
#include "core/relevance.h"
#include "io/authorities.h"

namespace app {
namespace {

namespace fs = std::filesystem;
using Environment = std::map<std::string, std::string>;

std::optional<std::string> variable(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::nullopt : std::optional(found->second);
}

base::Result<std::string> settled_directory(const fs::path& path, const std::string& what) {
  std::error_code error;
  const fs::path settled = fs::canonical(path, error);
  if (error)
    return base::failure(what + " " + path.string() + " cannot be used: " + error.message(), error.value());
  if (!fs::is_directory(settled, error))
    return base::failure(what + " " + path.string() + " is not a directory");
  return settled.string();
}

base::Result<std::string> home_directory(const Environment& environment) {
  if (const auto home = variable(environment, "HOME"); home && home->starts_with('/')) {
    return settled_directory(*home, "the home directory");
  }
  const passwd* user = getpwuid(getuid());
  return settled_directory(user && user->pw_dir ? user->pw_dir : "/", "the home directory");
}

// Shared servers get nothing that belongs to one of their sessions; a private one sees what its client would
// have given it.
Environment inherited(const Environment& session, core::Scope scope, const std::set<std::string>& named) {
  Environment kept;
  for (const auto& [name, value] : session) {
    if (name.starts_with("HEARTH_")) continue;
    if (scope != core::Scope::session && core::relevance_of(name, named) == core::Relevance::fresh) continue;
    if (scope == core::Scope::user && name == "CLAUDE_PROJECT_DIR" && !named.contains(name)) continue;
    kept.emplace(name, value);
  }
  return kept;
}

// The directories that a wish is about, all absolute and free of symbolic links, or why they cannot be had.
struct Places {
  base::Result<std::string> cwd, project;
  base::Result<std::string> of_scope;  // Where the server runs.
};

base::Result<std::string> cwd_of(const Wish& wish) {
  if (!wish.cwd_lost.empty()) {
    return base::failure("the directory of the session " + wish.cwd_lost +
                         "; start the client in another one, or give the server the scope user");
  }
  if (!wish.cwd.starts_with('/'))
    return base::failure("the directory of the session is not an absolute path");
  return settled_directory(wish.cwd, "the directory of the session");
}

Places places_of(const Wish& wish, core::Scope scope) {
  Places places;
  places.cwd = cwd_of(wish);
  // CLAUDE_PROJECT_DIR may name it whatever has become of the session's own.
  places.project = project_directory(places.cwd.value_or(""), wish.environment);
  if (!places.project && !places.cwd) places.project = places.cwd;
  switch (scope) {
    case core::Scope::user:
      places.of_scope = home_directory(wish.environment);
      break;
    case core::Scope::project:
      places.of_scope = places.project;
      break;
    case core::Scope::session:
      places.of_scope = places.cwd;
      break;
  }
  return places;
}

core::ServerSpec spec_with(const Tuning& tuning, core::Scope scope) {
  core::ServerSpec spec;
  spec.scope = scope;
  spec.timing = tuning.timing;
  spec.message_bytes_max = tuning.message_bytes_max;
  spec.interactive = tuning.interactive;
  spec.calls = tuning.calls;
  spec.roots = tuning.roots;
  spec.probe = tuning.discover;
  spec.cache = tuning.cache;
  spec.limits = tuning.limits;
  return spec;
}

// Where it is to be found, expanded. Only a server that we start has a port to speak of.
base::Result<core::Address> resolve_address(const EntryAddress& entry, const std::string& owner,
                                            const Variables& variables) {
  const auto expanded = [&](const std::string& text, const std::string& what) -> base::Result<std::string> {
    auto result = expand(text, variables);
    if (!result) return base::failure(what + " of " + owner + ": " + result.error().what);
    if (result->find_first_of("\r\n") != std::string::npos)
      return base::failure(what + " of " + owner +
                           " must be one line, but has several once its variables are put in");
    return result;
  };
  core::Address address;
  address.url = TRY(expanded(entry.url, "url"));
  address.port = entry.port;
  address.path = TRY(expanded(entry.path, "path"));
  if (!address.url.empty() && !is_web_url(address.url))
    return base::failure("url of " + owner +
                         " does not begin with http:// or https:// once its variables are put in");
  for (const auto& [name, value] : entry.headers)
    address.headers[name] = TRY(expanded(value, shown(name) + " in headers"));
  for (const std::string& word : entry.headers_helper)
    address.headers_helper.push_back(TRY(expanded(word, "headersHelper")));
  const auto file = [&](const std::string& path, const std::string& what) -> base::Result<std::string> {
    std::string whole = TRY(expanded(path, what));
    if (!whole.empty() && !whole.starts_with('/'))
      return base::failure(what + " of " + owner + " must be an absolute path once its variables are put in");
    return whole;
  };
  address.certificate = TRY(file(entry.certificate, "certificate"));
  address.key = TRY(file(entry.key, "key"));
  if (!entry.authority.empty()) address.authorities.push_back(TRY(file(entry.authority, "ca")));
  return address;
}

// Where the entry says nothing: what "defaults" say, and what clients of the session would trust. These take
// no notice of files that cannot be used either.
base::Result<std::vector<std::string>> usual_authorities(const std::string& of_defaults,
                                                         const Variables& variables) {
  std::vector<std::string> files;
  if (!of_defaults.empty()) {
    auto file = expand(of_defaults, variables);
    if (!file) return base::failure("ca of defaults: " + file.error().what);
    files.push_back(std::move(*file));
  }
  for (const char* name : {"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"}) {
    const auto file = variable(variables.environment, name);
    const bool usable = file && file->starts_with('/') && io::read_authorities(*file);
    if (usable && std::ranges::find(files, *file) == files.end()) files.push_back(*file);
  }
  return files;
}

base::Result<std::string> program_of(const core::ServerSpec& spec, const std::string& command,
                                     const std::string& key, const std::string& owner) {
  auto program = find_program(command, variable(spec.environment.map(), "PATH"), spec.directory);
  if (!program) return base::failure(key + " of " + owner + ": " + program.error().what);
  return program;
}

base::Result<core::ServerSpec> resolve_entry(const Wish& wish, const std::string& name, const Entry& entry) {
  const std::string owner = "server " + shown(name);
  const Places places = places_of(wish, entry.scope);
  const bool started = entry.address.link != core::Link::stdio && !entry.command.empty();
  // The port is known when the server is started, and put in then.
  const Variables variables{.environment = wish.environment,
                            .project = places.project ? *places.project : std::string_view(),
                            .port = started ? std::optional<std::string_view>("${port}") : std::nullopt,
                            .no_project = places.project ? std::string_view() : places.project.error().what};
  const auto expanded = [&](const std::string& text, const std::string& key) -> base::Result<std::string> {
    auto result = expand(text, variables);
    if (!result) return base::failure(key + " of " + owner + ": " + result.error().what);
    return result;
  };

  core::ServerSpec spec = spec_with(entry.tuning, entry.scope);
  spec.name = name;
  spec.extra_capabilities = entry.capabilities;
  for (const auto& [key, value] : entry.env) spec.named_variables.insert(key);
  spec.ignored_variables = {entry.ignored_env.begin(), entry.ignored_env.end()};
  Environment environment = inherited(wish.environment, entry.scope, spec.named_variables);
  for (const auto& [key, value] : entry.env) {
    environment[key] = TRY(expanded(value, shown(key) + " in env"));
  }
  spec.environment = environment;
  for (std::size_t i = 0; i < entry.args.size(); ++i) {
    spec.args.push_back(TRY(expanded(entry.args[i], "argument " + std::to_string(i + 1) + " in args")));
  }
  const bool runs_something = !entry.command.empty() || !entry.address.headers_helper.empty();
  if (entry.cwd) {
    const fs::path cwd = TRY(expanded(*entry.cwd, "cwd"));
    const fs::path from = cwd.is_absolute() ? fs::path("/") : fs::path(TRY(places.of_scope));
    spec.directory = TRY(settled_directory(from / cwd, "cwd of " + owner + ":"));
  } else if (runs_something) {
    spec.directory = TRY(places.of_scope);
  }
  spec.link = entry.address.link;
  spec.address = TRY(resolve_address(entry.address, owner, variables));
  if (!spec.address.headers_helper.empty()) {
    std::string& helper = spec.address.headers_helper.front();
    helper = TRY(program_of(spec, helper, "headersHelper", owner));
  }
  if (entry.command.empty()) {
    spec.limits = {};  // It runs elsewhere.
    if (spec.address.authorities.empty() && is_secure(spec.address.url))
      spec.address.authorities = TRY(usual_authorities(entry.tuning.authority, variables));
    // Nothing of the session reaches a server elsewhere but what its address says.
    if (spec.address.headers_helper.empty()) {
      spec.environment = {};
      spec.directory.clear();
    }
    // Where a session is makes no difference to it, unless its address says so.
    if (spec.scope == core::Scope::project) spec.scope = core::Scope::user;
    return spec;
  }
  if (entry.scope == core::Scope::project) spec.scope_directory = TRY(places.project);
  const std::string command = TRY(expanded(entry.command, "command"));
  spec.program = TRY(program_of(spec, command, "command", owner));
  return spec;
}

base::Result<core::ServerSpec> resolve_command(const Wish& wish, const RunWish& run, const Config& config) {
  const auto scope = run.scope.empty() ? std::optional(core::Scope::project) : scope_named(run.scope);
  if (!scope) return base::failure("--scope must be user, project or session");
  if (!run.name.empty()) {
    if (const auto trouble = trouble_with_name(run.name)) return base::failure("--name: " + *trouble);
  }
  const Places places = places_of(wish, *scope);
  core::ServerSpec spec = spec_with(config.defaults, *scope);
  spec.directory = TRY(places.of_scope);
  if (*scope == core::Scope::project) spec.scope_directory = TRY(places.project);
  spec.name = run.name.empty() ? default_name(run.command, run.args) : run.name;
  spec.args = run.args;
  for (const std::string& name : run.variables) {
    if (name.empty() || name.find('=') != std::string::npos) {
      return base::failure(
          "--env takes the name of a variable, without a value; the value is the session's own");
    }
    spec.named_variables.insert(name);
  }
  for (const std::string& pattern : run.ignored) {
    if (const auto trouble = core::trouble_with_pattern(pattern))
      return base::failure("--ignore-env: a pattern " + *trouble + "; write one like CLIENT_*");
    spec.ignored_variables.insert(pattern);
  }
  spec.environment = inherited(wish.environment, *scope, spec.named_variables);
  // A relative path was written by somebody who stood where the session is, wherever the server will run.
  const bool relative = run.command.contains('/') && !run.command.starts_with('/');
  const std::string from = relative ? TRY(places.cwd) : places.cwd.value_or("/");
  spec.program = TRY(find_program(run.command, variable(wish.environment, "PATH"), from));
  return spec;
}

}  // namespace

base::Result<std::string> project_directory(const std::string& cwd, const Environment& environment) {
  std::error_code error;
  if (const auto told = variable(environment, "CLAUDE_PROJECT_DIR"); told && !told->empty()) {
    const fs::path named = fs::path(cwd) / *told;
    const fs::path project = named.is_absolute() ? fs::canonical(named, error) : fs::path();
    if (!error && !project.empty() && fs::is_directory(project, error)) return project.string();
  }
  const fs::path begin = TRY(settled_directory(cwd, "the directory of the session"));
  for (fs::path at = begin;; at = at.parent_path()) {
    // A directory in a repository, a file in a worktree or submodule: each of them is a project of its own.
    if (fs::exists(at / ".git", error)) return at.string();
    if (at == at.root_path()) return begin.string();
  }
}

namespace {

base::Result<core::ServerSpec> resolve_wish(const Wish& wish, const Config& config) {
  if (const auto* run = std::get_if<RunWish>(&wish.server)) return resolve_command(wish, *run, config);
  const std::string& name = std::get<AttachWish>(wish.server).name;
  const Entry* entry = TRY(find_entry(config, name));
  return resolve_entry(wish, name, *entry);
}

}  // namespace

base::Result<core::ServerSpec> resolve(const Wish& wish, const Config& config) {
  auto spec = resolve_wish(wish, config);
  if (!spec) return spec;
  spec->inheritance = wish.inheritance;
  spec->inheritance.confines.clear();  // The daemon has compared them, and cannot hand them on.
  return spec;
}

}  // namespace app
