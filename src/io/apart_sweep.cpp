#include "io/apart_sweep.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <utility>
#include <vector>

#include "io/descriptor.h"

namespace io {

namespace {

namespace fs = std::filesystem;

constexpr auto kept_for = std::chrono::hours(24);  // Its logs may be asked for.
constexpr std::size_t kept_most = 32;
constexpr std::size_t looked_at_most = 4096;

struct Found {
  fs::file_time_type written;
  fs::path path;
};

// Directories right below, newest first.
std::vector<Found> newest_first(const fs::path& directory) {
  std::vector<Found> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (found.size() == looked_at_most) break;
    if (entry.is_directory(error) && !entry.is_symlink(error))
      found.push_back({entry.last_write_time(error), entry.path()});
  }
  std::ranges::sort(found, std::greater<>(), &Found::written);
  return found;
}

// Whether a daemon, or somebody who is about to start one, holds it.
bool is_held(const fs::path& lock) {
  const Descriptor file(open(lock.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return file && flock(file.get(), LOCK_EX | LOCK_NB) != 0;
}

}  // namespace

void sweep_apart(const Paths& paths) {
  const fs::path runs = fs::path(paths.run_dir).parent_path();
  const fs::path states = fs::path(paths.state_dir).parent_path();
  const auto now = fs::file_time_type::clock::now();
  for (const fs::path& parent : {states, runs}) {
    std::size_t dead = 0;
    for (const Found& each : newest_first(parent)) {
      const fs::path name = each.path.filename();
      if (name == paths.apart || is_held(runs / name / "hearthd.lock")) continue;
      if (++dead <= kept_most && now - each.written <= kept_for) continue;
      std::error_code error;
      fs::remove_all(each.path, error);
    }
  }
}

}  // namespace io
