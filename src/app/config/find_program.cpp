#include "app/config/find_program.h"

#include <unistd.h>

#include <filesystem>

#include "app/config/shown.h"

namespace app {
namespace {

namespace fs = std::filesystem;

// What execvp() searches when there is no PATH.
constexpr const char* path_otherwise = "/bin:/usr/bin";

enum class Found { nothing, directory, not_executable, program };

Found look_at(const fs::path& candidate) {
  std::error_code error;
  const fs::file_status status = fs::status(candidate, error);
  if (fs::is_directory(status)) return Found::directory;
  if (!fs::exists(status)) return Found::nothing;
  const bool runs = fs::is_regular_file(status) && access(candidate.c_str(), X_OK) == 0;
  return runs ? Found::program : Found::not_executable;
}

std::string settled(const fs::path& program) {
  std::error_code error;
  const fs::path directory = fs::canonical(program.parent_path(), error);
  return error ? program.string() : (directory / program.filename()).string();
}

std::string trouble_with(Found found, const std::string& where) {
  switch (found) {
    case Found::nothing:
      return "there is no file " + where + "; check the command";
    case Found::directory:
      return where + " is a directory, not a program; name the program in it";
    case Found::not_executable:
      return where + " is not executable; run it through its interpreter, or make it so with chmod +x";
    case Found::program:
      break;
  }
  return {};
}

}  // namespace

base::Result<std::string> find_program(std::string_view command, const std::optional<std::string>& path,
                                       const std::string& directory) {
  if (command.empty()) return base::failure("the command is empty; give the program to run");
  if (command.find('/') != std::string_view::npos) {
    const fs::path program = fs::path(directory) / command;
    const Found found = look_at(program);
    if (found == Found::program) return settled(program);
    return base::failure(trouble_with(found, program.string()));
  }
  std::string_view rest = path ? std::string_view(*path) : path_otherwise;
  std::string unusable;  // Found, but cannot be run: worth telling if nothing better turns up.
  while (true) {
    const std::size_t colon = rest.find(':');
    // An empty element is the directory itself.
    const fs::path program = fs::path(directory) / rest.substr(0, colon) / command;
    const Found found = look_at(program);
    if (found == Found::program) return settled(program);
    if (found == Found::not_executable && unusable.empty()) unusable = program.string();
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  if (!unusable.empty()) return base::failure(trouble_with(Found::not_executable, unusable));
  return base::failure("there is no program " + shown(command) +
                       " in the PATH of this session; install it, or give its absolute path");
}

}  // namespace app
