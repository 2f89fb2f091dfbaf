#include "app/asks_notes.h"

#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <ctime>

#include "base/siphash.h"
#include "io/files.h"
#include "io/paths.h"

namespace app {
namespace {

constexpr std::time_t good_for = std::time_t{30} * 24 * 60 * 60;

}  // namespace

std::string AsksNotes::file_of(const std::string& program, const std::vector<std::string>& args) const {
  std::string what = program;
  for (const std::string& arg : args) what.append(1, '\0').append(arg);
  std::array<char, 17> name{};
  std::snprintf(name.data(), name.size(), "%016llx",
                static_cast<unsigned long long>(base::siphash({0, 1}, what)));
  return directory_ + '/' + name.data();
}

bool AsksNotes::asks(const core::ServerSpec& spec) const {
  // What is at a URL has no program that would tell it apart, and a conversation for each session.
  if (spec.program.empty()) return false;
  struct stat note{};
  return stat(file_of(spec.program, spec.args).c_str(), &note) == 0 &&
         note.st_mtime + good_for >= std::time(nullptr);
}

void AsksNotes::note(const std::string& program, const std::vector<std::string>& args) const {
  if (program.empty() || !io::make_private_directory(directory_)) return;
  (void)io::write_small_file(file_of(program, args), "");
}

}  // namespace app
