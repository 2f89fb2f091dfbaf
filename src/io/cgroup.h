// A control group (v2) per server, where we are allowed to make one.
//
// What a process in a group starts stays in the group, whatever it does to its parents and sessions, so
// killing the group leaves nobody. Where cgroup v2 is absent or not ours to write (most containers, plain
// login sessions) there is no group, silently: marks and process groups do the job then.
//
// The limits of a server are its group's where the kernel lets us divide memory, processors and process ids
// among groups (its controllers). A group that has processes of its own divides nothing, so the daemon moves
// into a group beside those of its servers ("hearthd"), if no stranger is in its group. That is so in the
// unit that `hearth service install` writes (Delegate=yes), and in a container whose first process is the
// daemon. Anywhere else no limit is kept by groups, and why_not() says it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/resource_limits.h"
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
  // Before anybody enters. Limits that the group cannot keep are passed over.
  void limit(const base::ResourceLimits& limits) const;
  // The limit that its processes have run into, as far as the group keeps it. One of processes shows while
  // they run on; of memory the kernel ends them.
  std::optional<base::Resource> exceeded() const;
  // "was ended because it used more than its limit of 1 GiB of memory"; empty: the kernel has ended nobody
  // for want of memory.
  std::string killed_for() const;
  const std::string& path() const { return path_; }

 private:
  friend class CgroupRoot;
  explicit Cgroup(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// What the kernel divides among groups.
struct Controllers {
  bool memory = false;
  bool cpu = false;
  bool processes = false;

  bool all() const { return memory && cpu && processes; }
  bool operator==(const Controllers&) const = default;
};

// In `below`, a group in `above`, as far as can be had: whoever of ours is in `above` moves into its group
// "hearthd" if there is no other way. `why_not` is set to half a sentence where something is missing.
Controllers enable_controllers(const std::string& above, const std::string& below, std::string& why_not);

// "hearth-<daemon id>" below the group we run in.
class CgroupRoot {
 public:
  // Absent where groups cannot be made.
  static std::optional<CgroupRoot> make(std::string_view daemon_id);
  // Where make() would make it; empty where there are no groups at all.
  static std::string path_for(std::string_view daemon_id);
  // The one that a daemon made at `path`, if it is there and is what it claims to be.
  static std::optional<CgroupRoot> find(std::string_view daemon_id, const std::string& path);

  std::optional<Cgroup> make_group(std::uint64_t number, const base::ResourceLimits& limits = {}) const;
  std::optional<Cgroup> find_group(std::uint64_t number) const;  // That was made before.
  std::vector<pid_t> processes() const;
  void kill_all() const;
  bool remove_all() const;
  const std::string& path() const { return path_; }
  // Sees to it that its groups can keep limits, as far as that can be had. For the daemon itself.
  void divide();
  // The limits that they can keep, and why not the others: "other processes are in the daemon's own".
  const Controllers& controllers() const { return controllers_; }
  const std::string& why_not() const { return why_not_; }

 private:
  explicit CgroupRoot(std::string path) : path_(std::move(path)) {}
  std::string path_;
  Controllers controllers_;
  std::string why_not_;
};

}  // namespace io
