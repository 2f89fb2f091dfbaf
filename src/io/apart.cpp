#include "io/apart.h"

#include <dirent.h>

#include <memory>

#include "io/daemon_start.h"

namespace io {

std::vector<Paths> living_daemons(const Paths& paths) {
  std::vector<Paths> living;
  if (connect_running(paths)) living.push_back(paths);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir((paths.run_dir + "/apart").c_str()), closedir);
  if (!listing) return living;
  while (const dirent* entry = readdir(listing.get())) {
    if (entry->d_name[0] == '.') continue;
    Paths apart = paths_apart(paths, entry->d_name);
    if (connect_running(apart)) living.push_back(std::move(apart));
  }
  return living;
}

}  // namespace io
