#include "cli/systemctl.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "io/command.h"

namespace cli {

namespace {

// Stopping the service waits for its servers.
constexpr auto systemctl_patience = std::chrono::seconds(60);

// What it says in one line; its last says what is wrong.
std::string last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  const std::size_t begin = text.rfind('\n');
  return std::string(begin == std::string_view::npos ? text : text.substr(begin + 1));
}

std::string joined(const std::vector<std::string>& words) {
  std::string all = "systemctl --user";
  for (const std::string& word : words) all += ' ' + word;
  return all;
}

}  // namespace

Systemctl::Systemctl(std::string program) : program_(std::move(program)) {
  variables_ = {"SYSTEMD_COLORS=0", "LC_ALL=C"};
  // A shell that no login has started, as after su, does not know where the manager is.
  const char* variable = std::getenv("XDG_RUNTIME_DIR");
  const std::string usual = "/run/user/" + std::to_string(getuid());
  struct stat status{};
  const bool unset = variable == nullptr || variable[0] == '\0';
  if (unset && stat(usual.c_str(), &status) == 0 && status.st_uid == getuid())
    variables_.push_back("XDG_RUNTIME_DIR=" + usual);
}

base::Result<Systemctl> Systemctl::find() {
  std::string program = io::program_in_path("systemctl");
  if (program.empty()) return base::failure("there is no systemctl in PATH", ENOENT);
  return Systemctl(std::move(program));
}

base::Result<std::string> Systemctl::output_of(const std::vector<std::string>& words) const {
  std::vector<std::string> all = {program_, "--user", "--no-pager", "--no-ask-password"};
  all.insert(all.end(), words.begin(), words.end());
  io::CommandEnd end = TRY(io::run_command(all, variables_, systemctl_patience));
  if (end.status == 0) return std::move(end.output);
  const std::string said = last_line(end.output);
  return base::failure("'" + joined(words) +
                       "' failed: " + (said.empty() ? "status " + std::to_string(end.status) : said));
}

base::Result<void> Systemctl::reach() const {
  TRY(output_of({"show", "--property=Version"}));
  return {};
}

base::Result<void> Systemctl::run(const std::vector<std::string>& words) const {
  TRY(output_of(words));
  return {};
}

base::Result<UnitState> Systemctl::state_of(std::string_view unit) const {
  const std::string text =
      TRY(output_of({"show", "--property=UnitFileState,ActiveState", std::string(unit)}));
  UnitState state;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with("UnitFileState=")) state.enabled = line.substr(line.find('=') + 1);
    if (line.starts_with("ActiveState=")) state.active = line.substr(line.find('=') + 1);
  }
  return state;
}

}  // namespace cli
