#include "app/config/server_name.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace app {
namespace {

constexpr std::size_t name_max = 64;  // Of bytes: leaves room for a suffix in any file system.

using Args = std::span<const std::string>;
using Words = std::span<const std::string_view>;

bool one_of(std::string_view word, Words words) {
  return std::ranges::find(words, word) != words.end();
}

std::string_view base_of(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// "@scope/name@1.2", "name==1.2", "name[extra]", "git+https://host/owner/name.git@main",
// "./path/name-1.0.tgz"
std::string_view package_name(std::string_view package) {
  std::string_view name = base_of(package);
  name = name.substr(0, name.find_first_of("@=<>~![#?", 1));
  for (const std::string_view ending : {".git", ".tgz", ".whl"}) {
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  }
  // "@playwright/mcp" says in its scope what it is.
  constexpr auto general = std::to_array<std::string_view>({"mcp", "mcp-server", "server", "cli"});
  const std::string_view scope = package.substr(0, package.find('/'));
  if (one_of(name, general) && scope.starts_with('@')) return scope.substr(1);
  return name;
}

// "ghcr.io/owner/name:tag@sha256:…"
std::string_view image_name(std::string_view image) {
  const std::string_view name = base_of(image.substr(0, image.find('@')));
  return name.substr(0, name.find(':'));
}

// Scripts are often called after what they are, and their directory after what they do.
std::string_view script_name(std::string_view path) {
  constexpr auto endings =
      std::to_array<std::string_view>({".js", ".mjs", ".cjs", ".ts", ".mts", ".py", ".pyz", ".rb", ".sh"});
  constexpr auto files = std::to_array<std::string_view>(
      {"index", "main", "__main__", "cli", "server", "app", "run", "start", "stdio", "mcp", "bin"});
  constexpr auto folders =
      std::to_array<std::string_view>({"", ".", "..", "dist", "build", "src", "bin", "lib", "out", "esm",
                                       "cjs", "js", "node_modules", "server"});
  std::string_view stem = base_of(path);
  for (const std::string_view ending : endings) {
    if (stem.size() > ending.size() && stem.ends_with(ending)) {
      stem.remove_suffix(ending.size());
      break;
    }
  }
  if (!one_of(stem, files)) return stem;
  std::string_view rest = path;
  while (rest.find('/') != std::string_view::npos) {
    rest = rest.substr(0, rest.rfind('/'));
    if (!one_of(base_of(rest), folders)) return base_of(rest);
  }
  return stem;
}

// The first argument that is neither an option nor the value of one of `with_value`.
std::string_view first_operand(Args args, Words with_value) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--") return i + 1 < args.size() ? std::string_view(args[i + 1]) : "";
    if (!args[i].starts_with('-')) return args[i];
    if (one_of(args[i], with_value)) ++i;
  }
  return {};
}

std::string_view value_of_option(Args args, Words options) {
  for (std::size_t i = 0; i < args.size() && args[i].starts_with('-'); ++i) {
    if (one_of(args[i], options) && i + 1 < args.size()) return args[i + 1];
    const std::size_t equals = args[i].find('=');
    if (equals != std::string::npos && one_of(std::string_view(args[i]).substr(0, equals), options)) {
      return std::string_view(args[i]).substr(equals + 1);
    }
  }
  return {};
}

std::string_view npx_name(Args args) {
  constexpr auto package = std::to_array<std::string_view>({"-p", "--package"});
  if (const std::string_view named = value_of_option(args, package); !named.empty())
    return package_name(named);
  constexpr auto with_value =
      std::to_array<std::string_view>({"-c", "--call", "-w", "--workspace", "--prefix", "--registry"});
  return package_name(first_operand(args, with_value));
}

std::string_view uvx_name(Args args) {
  constexpr auto with_value = std::to_array<std::string_view>(
      {"--from", "--with", "-w", "-p", "--python", "--directory", "--index-url", "--index"});
  return package_name(first_operand(args, with_value));
}

// Is the program given code, rather than a file with it? Short options may stand together, like -pe; the
// letters of `code` end such a word.
bool runs_code(Args args, std::string_view code, Words words, Words with_value) {
  for (std::size_t i = 0; i < args.size() && args[i].starts_with('-') && args[i] != "--"; ++i) {
    const std::string_view option = args[i];
    if (one_of(option.substr(0, option.find('=')), words)) return true;
    if (option.size() > 1 && option[1] != '-' && code.contains(option.back())) return true;
    if (one_of(option, with_value)) ++i;
  }
  return false;
}

std::string_view node_name(Args args) {
  constexpr auto with_value = std::to_array<std::string_view>(
      {"-r", "--require", "--import", "--loader", "-C", "--conditions", "--env-file"});
  constexpr auto code = std::to_array<std::string_view>({"--eval", "--print"});
  if (runs_code(args, "ep", code, with_value)) return {};
  return script_name(first_operand(args, with_value));
}

std::string_view python_name(Args args) {
  constexpr auto module = std::to_array<std::string_view>({"-m"});
  if (const std::string_view named = value_of_option(args, module); !named.empty()) return named;
  constexpr auto with_value = std::to_array<std::string_view>({"-W", "-X"});
  if (runs_code(args, "c", {}, with_value)) return {};
  return script_name(first_operand(args, with_value));
}

std::string_view uv_run_name(Args args) {
  constexpr auto with_value =
      std::to_array<std::string_view>({"--with", "--directory", "--project", "--python", "-p", "--env-file",
                                       "--extra", "--group", "--package"});
  const std::string_view found = script_name(first_operand(args, with_value));
  if (!found.starts_with("python")) return found;
  const auto at = std::ranges::find(args, found);
  if (at == args.end()) return found;
  const std::string_view told = python_name(args.subspan(static_cast<std::size_t>(at - args.begin()) + 1));
  return told.empty() ? found : told;
}

std::string_view docker_name(Args args) {
  constexpr auto with_value = std::to_array<std::string_view>(
      {"-e",         "--env",          "--env-file", "-v",        "--volume",   "--mount",    "--name",
       "--network",  "--net",          "-p",         "--publish", "-u",         "--user",     "-w",
       "--workdir",  "--entrypoint",   "-l",         "--label",   "--add-host", "--platform", "--pull",
       "-m",         "--memory",       "--cpus",     "--device",  "--gpus",     "--tmpfs",    "--cap-add",
       "--cap-drop", "--security-opt", "-h",         "--hostname"});
  return image_name(first_operand(args, with_value));
}

// The words behind "SUBCOMMAND…", if the arguments begin with it; global options may stand before.
std::optional<Args> after(Args args, std::string_view subcommand) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == subcommand) return args.subspan(i + 1);
    constexpr auto with_value = std::to_array<std::string_view>(
        {"--directory", "--project", "--dir", "-C", "--cwd", "--prefix", "-H"});
    if (one_of(args[i], with_value)) {
      ++i;
    } else if (!args[i].starts_with('-')) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::string_view told_by_launcher(std::string_view program, Args args) {
  if (program == "npx" || program == "bunx" || program == "pnpx") return npx_name(args);
  if (program == "uvx") return uvx_name(args);
  if (program == "npm" || program == "pnpm" || program == "yarn" || program == "bun") {
    for (const std::string_view verb : {"exec", "dlx", "x"}) {
      if (const auto rest = after(args, verb)) return npx_name(*rest);
    }
    if (const auto rest = after(args, "run")) return node_name(*rest);
    return program == "bun" ? node_name(args) : std::string_view();
  }
  if (program == "uv" || program == "pipx") {
    const auto rest = after(args, "run");
    if (!rest) return {};
    return program == "uv" ? uv_run_name(*rest) : uvx_name(*rest);
  }
  if (program == "docker" || program == "podman") {
    const auto rest = after(args, "run");
    return rest ? docker_name(*rest) : std::string_view();
  }
  if (program == "deno") {
    const auto rest = after(args, "run");
    return rest ? package_name(first_operand(*rest, {})) : std::string_view();
  }
  if (program == "node" || program == "nodejs" || program == "tsx" || program == "ruby")
    return node_name(args);
  const std::string_view python = program.substr(0, program.find_first_of("0123456789."));
  return python == "python" || python == "pypy" ? python_name(args) : std::string_view();
}

std::string made_fit(std::string_view name) {
  std::string fit;
  for (const char c : name.substr(0, name_max)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (fit.empty() && (c == '.' || c == '-')) continue;
    fit += plain ? c : '-';
  }
  return fit;
}

}  // namespace

std::optional<std::string> trouble_with_name(std::string_view name) {
  if (name.empty()) return "the name must not be empty; call it after what it does, like \"files\"";
  if (name.size() > name_max)
    return "the name is longer than " + std::to_string(name_max) + " bytes; shorten it";
  if (name.starts_with('.') || name.starts_with('-'))
    return "the name must begin with a letter or digit, like \"files\"";
  const bool unfit = std::ranges::any_of(name, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/' || c == '\\';
  });
  if (unfit) return "the name must not contain slashes or control characters; write one like \"files\"";
  return std::nullopt;
}

std::string default_name(std::string_view command, Args args) {
  const std::string_view program = base_of(command);
  std::string name = made_fit(told_by_launcher(program, args));
  if (name.empty()) name = made_fit(script_name(command));
  return name.empty() ? "server" : name;
}

}  // namespace app
