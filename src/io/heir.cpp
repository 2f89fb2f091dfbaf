#include "io/heir.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>

namespace io {

namespace {

// The pipes among a process's descriptors. Nothing of one whose descriptors we may not see.
ServerPipes held_by(pid_t pid, const ServerPipes& pipes) {
  ServerPipes held;
  const std::string directory = "/proc/" + std::to_string(pid) + "/fd";
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(directory.c_str()), closedir);
  if (!listing) return held;
  while (const dirent* entry = readdir(listing.get())) {
    struct stat status{};
    if (fstatat(dirfd(listing.get()), entry->d_name, &status, 0) != 0 || !S_ISFIFO(status.st_mode)) continue;
    if (status.st_ino == pipes.input) held.input = pipes.input;
    if (status.st_ino == pipes.output) held.output = pipes.output;
    if (status.st_ino == pipes.errors) held.errors = pipes.errors;
  }
  return held;
}

}  // namespace

ino_t pipe_of(const Descriptor& end) {
  struct stat status{};
  return fstat(end.get(), &status) == 0 ? status.st_ino : 0;
}

std::optional<Process> heir_among(std::span<const Process> left, const ServerPipes& pipes,
                                  Heritage heritage) {
  bool is_heard = false;
  std::optional<Process> whole;  // Holds all it needs.
  std::optional<Process> last;   // The end of a pipeline, which holds only what is written to.
  for (const Process& process : left) {
    const ServerPipes held = held_by(process.pid, pipes);
    is_heard = is_heard || held.input != 0;
    if (process.parent != getpid()) continue;
    const bool speaks = held.output != 0 || heritage == Heritage::anything;
    const bool hears = held.input != 0 || heritage == Heritage::anything;
    if (speaks && hears && (!whole || process.started < whole->started)) whole = process;
    if (speaks && (!last || process.started < last->started)) last = process;
  }
  if (whole) return whole;
  return is_heard ? last : std::nullopt;
}

std::vector<pid_t> adopted_with(const ServerPipes& pipes) {
  std::vector<pid_t> adopted;
  for (const Process& process : own_processes()) {
    if (process.parent != getpid()) continue;
    const ServerPipes held = held_by(process.pid, pipes);
    if (held.input != 0 || held.output != 0 || held.errors != 0) adopted.push_back(process.pid);
  }
  return adopted;
}

}  // namespace io
