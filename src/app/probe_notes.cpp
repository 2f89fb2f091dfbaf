#include "app/probe_notes.h"

#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <ctime>

#include "base/siphash.h"
#include "io/files.h"
#include "io/paths.h"

namespace app {
namespace {

constexpr std::time_t good_for = std::time_t{24} * 60 * 60;

}  // namespace

std::string ProbeNotes::file_of(const std::string& program, const std::vector<std::string>& args) const {
  std::string what = program;
  for (const std::string& arg : args) what.append(1, '\0').append(arg);
  std::array<char, 17> name{};
  std::snprintf(name.data(), name.size(), "%016llx",
                static_cast<unsigned long long>(base::siphash({0, 0}, what)));
  return directory_ + '/' + name.data();
}

bool ProbeNotes::may_ask(const core::ServerSpec& spec) const {
  struct stat note{};
  const std::string& what = spec.program.empty() ? spec.address.url : spec.program;
  if (stat(file_of(what, spec.args).c_str(), &note) != 0) return true;
  if (note.st_mtime + good_for < std::time(nullptr)) return true;
  struct stat program{};
  return stat(spec.program.c_str(), &program) == 0 && program.st_mtime > note.st_mtime;
}

void ProbeNotes::note(const std::string& program, const std::vector<std::string>& args) const {
  if (!io::make_private_directory(directory_)) return;
  (void)io::write_small_file(file_of(program, args), "");
}

}  // namespace app
