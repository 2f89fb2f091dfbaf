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
  std::optional<Process> heir;
  for (const Process& process : left) {
    if (process.parent != getpid()) continue;
    if (heir && heir->started <= process.started) continue;
    if (heritage == Heritage::conversation) {
      const ServerPipes held = held_by(process.pid, pipes);
      if (held.input == 0 || held.output == 0) continue;
    }
    heir = process;
  }
  return heir;
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
