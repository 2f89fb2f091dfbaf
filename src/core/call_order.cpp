#include "core/call_order.h"

#include <algorithm>
#include <array>

namespace core {
namespace {

struct Known {
  std::string_view package;  // Of npm.
  std::string_view program;  // That it brings along.
  std::string_view image;    // For containers.
  Reads reads;
  std::string_view because;
};

constexpr std::array known_servers = {
    // Each tool that changes something loads the whole graph from its file, changes it, and writes the whole
    // file; all three steps give way to other calls (2025.4.25 to 2026.8.31). Of 50 entities that two
    // sessions created at the same time 25 were kept. Until 2025.11.25 the file is written in place, so a
    // read beside a change may find half of it, which is an error then.
    Known{.package = "@modelcontextprotocol/server-memory",
          .program = "mcp-server-memory",
          .image = "mcp/memory",
          .reads = Reads::together,
          .because = "it reads, changes and writes its whole file in each call"},
    // edit_file reads a file, changes it and writes it to another, which it renames; all of that gives way to
    // other calls (2026.8.31). Of 50 edits of one file that were sent at once all succeeded, and one was
    // kept.
    // The renaming lets nobody read half a file, so reads need no turn.
    Known{.package = "@modelcontextprotocol/server-filesystem",
          .program = "mcp-server-filesystem",
          .image = "mcp/filesystem",
          .reads = Reads::always,
          .because = "two edits of one file at once lose one of them"},
};

std::string_view base_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

// "what", or "what" and a version: "what@1.2", "what:latest".
bool is_or_version_of(std::string_view word, std::string_view what) {
  if (!word.starts_with(what)) return false;
  const std::string_view rest = word.substr(what.size());
  return rest.empty() || rest.front() == '@' || rest.front() == ':';
}

bool names_package(std::string_view word, const Known& known) {
  if (word.starts_with("--package=")) word.remove_prefix(std::string_view("--package=").size());
  if (word.starts_with("npm:")) word.remove_prefix(std::string_view("npm:").size());
  if (is_or_version_of(word, known.package)) return true;
  const std::string installed = "node_modules/" + std::string(known.package) + '/';
  return word.contains(installed) || base_name(word) == known.program;
}

bool names_image(std::string_view word, const Known& known) {
  if (word.starts_with("docker.io/")) word.remove_prefix(std::string_view("docker.io/").size());
  return is_or_version_of(word, known.image);
}

bool runs_containers(std::string_view program) {
  const std::string_view name = base_name(program);
  return name == "docker" || name == "podman" || name == "nerdctl";
}

// f(word) for each word of the arguments, until it returns true. One argument may be a whole command for a
// shell.
template <class F>
bool any_word(const std::vector<std::string>& args, F&& f) {
  constexpr std::string_view between = " \t\n'\";&|";
  for (const std::string_view arg : args) {
    std::size_t at = arg.find_first_not_of(between);
    while (at != std::string_view::npos) {
      const std::size_t end = std::min(arg.find_first_of(between, at), arg.size());
      if (f(arg.substr(at, end - at))) return true;
      at = arg.find_first_not_of(between, end);
    }
  }
  return false;
}

const Known* known_server(const ServerSpec& spec) {
  const bool containers = runs_containers(spec.program);
  for (const Known& known : known_servers) {
    const bool found = names_package(spec.program, known) || any_word(spec.args, [&](std::string_view word) {
                         return names_package(word, known) || (containers && names_image(word, known));
                       });
    if (found) return &known;
  }
  return nullptr;
}

}  // namespace

CallOrder call_order_of(const ServerSpec& spec) {
  if (spec.calls == Calls::many) return {};
  const Known* known = known_server(spec);
  if (spec.calls == Calls::one) {
    return {.one = true,
            .reads = known != nullptr ? known->reads : Reads::alone,
            .because = "a session asked for that (calls: one)"};
  }
  if (known == nullptr) return {};
  return {.one = true, .reads = known->reads, .because = std::string(known->because)};
}

std::string_view known_as(const ServerSpec& spec) {
  const Known* known = known_server(spec);
  return known != nullptr ? known->program : std::string_view();
}

}  // namespace core
