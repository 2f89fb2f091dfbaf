// A control group (v2) per server, where we are allowed to make one.
//
// What a process in a group starts stays in the group, whatever it does to its parents and sessions, so
// killing the group leaves nobody. Where cgroup v2 is absent or not ours to write (most containers, plain
// login sessions) there is no group, silently: marks and process groups do the job then.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/descriptor.h"

namespace io {

class Cgroup {
 public:
  // Writing "0" there moves the writer into the group.
  base::Result<Descriptor> open_entrance() const;
  std::vector<pid_t> processes() const;
  void kill() const;
  bool remove() const;  // False while somebody is still in it.
  const std::string& path() const { return path_; }

 private:
  friend class CgroupRoot;
  explicit Cgroup(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// "hearth-<daemon id>" below the group we run in.
class CgroupRoot {
 public:
  // Absent where groups cannot be made.
  static std::optional<CgroupRoot> make(std::string_view daemon_id);
  // Where make() would make it; empty where there are no groups at all.
  static std::string path_for(std::string_view daemon_id);
  // The one that a daemon made at `path`, if it is there and is what it claims to be.
  static std::optional<CgroupRoot> find(std::string_view daemon_id, const std::string& path);

  std::optional<Cgroup> make_group(std::uint64_t number) const;
  std::optional<Cgroup> find_group(std::uint64_t number) const;  // That was made before.
  std::vector<pid_t> processes() const;
  void kill_all() const;
  bool remove_all() const;
  const std::string& path() const { return path_; }

 private:
  explicit CgroupRoot(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace io
