#include "io/heir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>

namespace io {

ino_t pipe_of(const Descriptor& end) {
  struct stat status{};
  return fstat(end.get(), &status) == 0 ? status.st_ino : 0;
}

PipeEnds pipe_ends_of(pid_t pid) {
  PipeEnds ends;
  const std::string directory = "/proc/" + std::to_string(pid) + "/fd";
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(directory.c_str()), closedir);
  if (!listing) return ends;
  while (const dirent* entry = readdir(listing.get())) {
    struct stat status{};
    if (fstatat(dirfd(listing.get()), entry->d_name, &status, 0) != 0 || !S_ISFIFO(status.st_mode)) continue;
    struct stat link{};  // Its permissions are what the descriptor was opened for.
    if (fstatat(dirfd(listing.get()), entry->d_name, &link, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if ((link.st_mode & S_IRUSR) != 0) ends.read.push_back(status.st_ino);
    if ((link.st_mode & S_IWUSR) != 0) ends.written.push_back(status.st_ino);
  }
  return ends;
}

ServerPipes PipeEnds::of(const ServerPipes& pipes) const {
  const auto held = [](const std::vector<ino_t>& ends, ino_t pipe) {
    return std::ranges::find(ends, pipe) != ends.end() ? pipe : 0;
  };
  return {.input = held(read, pipes.input),
          .output = held(written, pipes.output),
          .errors = held(written, pipes.errors)};
}

std::optional<Process> heir_among(std::span<const Relative> left, Heritage heritage,
                                  std::span<const pid_t> parents) {
  bool is_heard = false;
  std::optional<Process> whole;  // Holds all it needs.
  std::optional<Process> last;   // The end of a pipeline, which holds only what is written to.
  for (const auto& [process, held] : left) {
    is_heard = is_heard || held.input != 0;
    if (std::ranges::find(parents, process.parent) == parents.end()) continue;
    const bool speaks = held.output != 0 || heritage == Heritage::anything;
    const bool hears = held.input != 0 || heritage == Heritage::anything;
    if (speaks && hears && (!whole || process.started < whole->started)) whole = process;
    if (speaks && (!last || process.started < last->started)) last = process;
  }
  if (whole) return whole;
  return is_heard ? last : std::nullopt;
}

}  // namespace io
