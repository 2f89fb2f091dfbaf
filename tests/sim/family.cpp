#include "sim/family.h"

#include <array>
#include <map>
#include <string_view>

namespace sim {

namespace {

// Variables of the invented sessions that may decide about sharing; DEBUG because the entry names it.
constexpr std::array<std::string_view, 3> relevant{"GITHUB_TOKEN", "ACME_URL", "DEBUG"};

std::string key_of(const std::string& program, const std::vector<std::string>& args,
                   const std::string& directory, const core::Environment& environment) {
  std::string key = program;
  for (const std::string& arg : args) key += "\n" + arg;
  key += "\n\n" + directory;
  for (const std::string_view name : relevant) {
    const auto value = environment.find(name);
    if (value) key.append("\n").append(name).append("=").append(*value);
  }
  return key;
}

}  // namespace

Speaks invented_speaks(Random& random) {
  const std::size_t which = random.below(10);
  return which < 5 ? Speaks::legacy : which < 8 ? Speaks::modern : Speaks::both;
}

Family invented_family(Random& random, const Options& options, std::size_t number) {
  using std::chrono::milliseconds;
  Family family;
  core::ServerSpec& spec = family.spec;
  spec.name = "server" + std::to_string(number);
  spec.program = "/usr/bin/server" + std::to_string(number);
  if (random.permille(500)) spec.args = {"--mode", random.permille(500) ? "a" : "b"};
  const std::size_t scope = random.below(10);
  spec.scope = scope < 4 ? core::Scope::user : scope < 9 ? core::Scope::project : core::Scope::session;
  const std::size_t policy = random.below(10);
  spec.interactive = policy < 6   ? core::Interactive::automatic
                     : policy < 8 ? core::Interactive::serialise
                                  : core::Interactive::split;
  if (random.permille(200)) spec.calls = core::Calls::one;
  spec.timing.idle_timeout = milliseconds(random.between(1, 300) * 1000);
  spec.timing.start_timeout = milliseconds(random.between(2, 60) * 1000);
  spec.timing.ask_timeout = milliseconds(random.between(5, 600) * 1000);
  spec.timing.stable_after = milliseconds(random.between(1, 60) * 1000);
  spec.message_bytes_max = options.message_max;
  spec.named_variables = {"DEBUG"};
  if (random.permille(300)) spec.extra_capabilities = {"sampling"};
  constexpr std::array<std::string_view, 4> revisions{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};
  family.revision_most = random.permille(600) ? revisions[3] : random.pick(revisions);
  family.strict = random.permille(200);
  family.tasks = family.revision_most == revisions[3] && random.permille(700);
  family.varies = random.permille(500);
  family.speaks = invented_speaks(random);
  family.era_varies = random.permille(250);
  spec.probe = random.permille(700);
  if (options.subject == Options::Subject::tasks) {
    family.revision_most = revisions[3];
    family.tasks = spec.probe = true;
    family.speaks = Speaks::modern;
    family.era_varies = false;
  }
  if (options.subject == Options::Subject::rounds) {
    family.speaks = Speaks::legacy;
    family.era_varies = false;
  }
  spec.roots = random.permille(300) ? core::RootsRule::joint : core::RootsRule::equal;
  const bool fails = options.start_fails + options.dies_on_start + options.silent_start > 0;
  if (fails && random.permille(400)) family.doomed = random.between(4, 40);
  return family;
}

void Family::turn_to_web() {
  web = true;
  tasks = false;  // They would be lost with a conversation.
  spec.link = core::Link::streamable;
  spec.address.path = "/mcp";
}

void Family::turn_to_questions() {
  speaks = Speaks::legacy;
  era_varies = false;
  spec.interactive = core::Interactive::serialise;
}

core::ServerSpec invented_spec(Random& random, const Family& family) {
  core::ServerSpec spec = family.spec;
  const bool second = family.varies && random.permille(300);
  if (spec.scope == core::Scope::project) spec.scope_directory = second ? "/home/u/two" : "/home/u/one";
  spec.directory = spec.scope == core::Scope::project ? spec.scope_directory : "/home/u";
  spec.environment = {{"PATH", "/usr/bin"}, {"HOME", "/home/u"}};
  // Some clients pass little on: then what is unset is not known.
  if (random.permille(700)) {
    spec.environment.set("EDITOR", random.permille(500) ? "vi" : "ed");
    spec.environment.set("COLUMNS", std::to_string(random.between(80, 200)));
  }
  if (family.varies && random.permille(300))
    spec.environment.set("GITHUB_TOKEN", random.permille(500) ? "A" : "B");
  if (family.varies && random.permille(100)) spec.environment.set("ACME_URL", "http://localhost");
  if (family.varies && random.permille(100)) spec.environment.set("DEBUG", "1");
  return spec;
}

std::string share_key(const core::ServerSpec& spec) {
  return key_of(spec.program, spec.args, spec.directory, spec.environment);
}

std::string share_key(const broker::StartInstance& start) {
  return key_of(start.program, start.args, start.directory, start.environment);
}

bool may_serve(const broker::StartInstance& start, const core::ServerSpec& spec) {
  if (start.program != spec.program || start.args != spec.args || start.directory != spec.directory)
    return false;
  for (const std::string_view name : relevant) {
    const auto here = spec.environment.find(name);
    const auto there = start.environment.find(name);
    if (!here) {
      const bool unknown =
          !spec.environment.contains("EDITOR") && !spec.named_variables.contains(std::string(name));
      if (there && !unknown) return false;
      continue;
    }
    if (there != here) return false;
  }
  return true;
}

}  // namespace sim
