#include "app/servers/learnt.h"

#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string_view>
#include <vector>

#include "base/siphash.h"
#include "io/files.h"
#include "io/paths.h"

namespace app {
namespace {

struct Kind {
  std::string_view directory;
  std::time_t good_for;  // Seconds.
  bool of_the_file;      // An upgrade of the program ends it.
  bool of_urls;          // Also of servers that are elsewhere.
};

constexpr std::time_t day = std::time_t{24} * 60 * 60;

constexpr Kind no_probe{"/not-to-probe", day, true, true};
constexpr Kind offer{"/revisions", day, true, true};
// What is at a URL has no program that would tell it apart, and a conversation for each session.
constexpr Kind asks{"/asks", 30 * day, false, false};
constexpr Kind roots{"/asks-for-roots", 30 * day, false, false};

std::string name_of(const std::string& program, const std::vector<std::string>& args,
                    const std::string& url) {
  std::string what = program.empty() ? url : program;
  for (const std::string& arg : args) what.append(1, '\0').append(arg);
  std::array<char, 17> name{};
  std::snprintf(name.data(), name.size(), "%016llx",
                static_cast<unsigned long long>(base::siphash({0, 0}, what)));
  return std::string("/") + name.data();
}

std::optional<std::string> find(const std::string& all, const Kind& kind, const core::ServerSpec& spec) {
  if (spec.program.empty() && !kind.of_urls) return std::nullopt;
  const std::string file =
      all + std::string(kind.directory) + name_of(spec.program, spec.args, spec.address.url);
  struct stat note{};
  if (stat(file.c_str(), &note) != 0 || note.st_mtime + kind.good_for < std::time(nullptr))
    return std::nullopt;
  struct stat program{};
  if (kind.of_the_file && !spec.program.empty() &&
      (stat(spec.program.c_str(), &program) != 0 || program.st_mtime > note.st_mtime))
    return std::nullopt;
  return io::read_small_file(file).value_or("");
}

void write(const std::string& all, const Kind& kind, const std::string& program,
           const std::vector<std::string>& args, const std::string& url, std::string_view text) {
  const std::string directory = all + std::string(kind.directory);
  if ((program.empty() && !kind.of_urls) || !io::make_private_directory(directory)) return;
  (void)io::write_small_file(directory + name_of(program, args, url), text);
}

}  // namespace

void Learnt::recall(core::ServerSpec& spec) const {
  if (spec.probe && find(directory_, no_probe, spec)) spec.probe = false;
  spec.asks = find(directory_, asks, spec).has_value();
  spec.cares_for_roots = find(directory_, roots, spec).has_value();
  const auto taken = find(directory_, offer, spec);
  spec.offer = taken ? proto::revision_of(*taken) : std::nullopt;
}

void Learnt::note(const broker::NoteNoProbe& learnt) const {
  // It names the URL of a server that is elsewhere in the place of its program.
  write(directory_, no_probe, learnt.program, learnt.args, {}, "");
}

void Learnt::note(const broker::NoteAsks& learnt) const {
  write(directory_, asks, learnt.program, learnt.args, {}, "");
}

void Learnt::note(const broker::NoteRoots& learnt) const {
  write(directory_, roots, learnt.program, learnt.args, {}, "");
}

void Learnt::note(const broker::NoteOffer& learnt) const {
  write(directory_, offer, learnt.program, learnt.args, learnt.url, proto::name_of(learnt.revision));
}

}  // namespace app
