#include "app/revision_notes.h"

#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <vector>

#include "base/siphash.h"
#include "io/files.h"
#include "io/paths.h"

namespace app {
namespace {

constexpr std::time_t good_for = std::time_t{24} * 60 * 60;

std::string file_of(const std::string& program, const std::vector<std::string>& args,
                    const std::string& url) {
  std::string what = program;
  for (const std::string& arg : args) what.append(1, '\0').append(arg);
  what.append(1, '\0').append(url);
  std::array<char, 17> name{};
  std::snprintf(name.data(), name.size(), "%016llx",
                static_cast<unsigned long long>(base::siphash({0, 0}, what)));
  return std::string("/") + name.data();
}

}  // namespace

std::optional<proto::Revision> RevisionNotes::offer_for(const core::ServerSpec& spec) const {
  const std::string file = directory_ + file_of(spec.program, spec.args, spec.address.url);
  struct stat note{};
  if (stat(file.c_str(), &note) != 0 || note.st_mtime + good_for < std::time(nullptr)) return std::nullopt;
  struct stat program{};
  const bool ours = !spec.program.empty();
  if (ours && (stat(spec.program.c_str(), &program) != 0 || program.st_mtime > note.st_mtime))
    return std::nullopt;
  const auto text = io::read_small_file(file);
  return text ? proto::revision_of(*text) : std::nullopt;
}

void RevisionNotes::note(const broker::NoteOffer& taken) const {
  if (!io::make_private_directory(directory_)) return;
  (void)io::write_small_file(directory_ + file_of(taken.program, taken.args, taken.url),
                             proto::name_of(taken.revision));
}

}  // namespace app
