// All the processes one daemon started: it marks them, reaps them, and adopts their orphans.
//
// The guard forks them and reaps them (io/guard.h); without one, this process does. It is a subreaper in any
// case, so that a descendant whose parent died, a guard of its own included, comes back here and can be
// waited for. Reaps every child of the process, also those it does not know; nobody else may call wait. Must
// outlive its Child objects.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/inheritance.h"
#include "base/result.h"
#include "base/time.h"
#include "io/cgroup.h"
#include "io/child.h"
#include "io/guard.h"
#include "io/loop.h"
#include "io/surveyor.h"

namespace io {

struct ChildrenOptions {
  std::string daemon_id = {};  // Of the mark.
  Guard* guard = nullptr;      // Outlives this. Null: there is none.
  base::Duration grace =
      std::chrono::seconds(2);  // Between the steps of stopping; what the SDKs' clients give.
  base::Duration unkillable =
      std::chrono::seconds(5);  // After SIGKILL: then it hangs in the kernel, and we go on.
  // Until a program runs, or cannot be run. It takes as long as the disk does.
  base::Duration exec_patience = std::chrono::seconds(5);
  // How long an heir (io/heir.h) may leave unread what is sent to it, twice, before it is none. A server that
  // is busy for longer has read something before.
  base::Duration heir_patience = std::chrono::seconds(10);
  base::Inheritance inheritance = {};  // For those who are started for no session.
  Surveyor::Walk walk = survey;
};

class Children {
 public:
  static base::Result<std::unique_ptr<Children>> make(Loop& loop, ChildrenOptions options);
  // The children of the program that was this process before (io/successor.h; child_saved.cpp).
  struct Saved {
    std::uint64_t last_number = 0;
    std::string cgroup;
    static constexpr std::size_t fields = 2;
  };
  static base::Result<std::unique_ptr<Children>> make(Loop& loop, ChildrenOptions options,
                                                      const Saved& saved);
  Saved saved() const;
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  // It starts in a later turn, and says by an event whether that has worked. To fork takes a while, so one
  // child starts in a turn.
  std::unique_ptr<Child> spawn(LaunchSpec spec, Child::Events events);

  // It has been started by the program before. If that fails it is killed, as one that is destroyed.
  base::Result<std::unique_ptr<Child>> resume(Child::Saved saved, Child::Events events);
  // Once all are resumed: looks for those that have ended meanwhile.
  void catch_up() {
    reap();
    hear_guard();
  }
  // What has to be waited for before they are saved. Empty: nothing.
  std::string_view unsettled() const;

  std::size_t size() const { return by_number_.size(); }
  // Another process can have them: none is a child of this one.
  bool all_guarded() const;
  Surveyor& surveyor() { return surveyor_; }
  bool has_cgroups() const { return cgroups_.has_value(); }
  // The limits of servers that the kernel keeps here, and half a sentence that says why not the others.
  Controllers controllers() const { return cgroups_ ? cgroups_->controllers() : Controllers{}; }
  std::string no_controllers() const;

  // Nothing is running any more: gives back what groups were made.
  void remove_cgroups();

 private:
  friend class Child;
  Children(Loop& loop, ChildrenOptions options, std::optional<CgroupRoot> cgroups);
  static base::Result<std::unique_ptr<Children>> make_with(Loop& loop, ChildrenOptions options,
                                                           std::optional<CgroupRoot> cgroups);
  base::Result<void> watch_guard();
  void hear_guard();
  void flush_guard();
  void renew_guard();
  base::Result<void> fork(Child& child, const SpawnSpec& spec, const PipeEndsOfOne& theirs);
  void kill_group(const Child& child);
  std::vector<pid_t> parents() const;
  Child* find(std::uint64_t number) const;
  void reap();
  struct Ended {
    pid_t pid = 0;
    int status = 0;
  };
  void ended(std::span<const Ended> all);
  void forget(const Child& child);
  void start_next();
  // Children of ours and of the guard that were not started by us.
  std::vector<Process> orphans() const;
  // The wait status of an orphan that was reaped while somebody's heir was looked for.
  std::optional<int> status_of_stray(pid_t pid) const;

  Loop& loop_;
  ChildrenOptions options_;
  std::optional<CgroupRoot> cgroups_;
  SignalWatch signal_;
  Watch guard_watch_;
  Surveyor surveyor_;
  std::map<std::uint64_t, Child*> by_number_;
  std::deque<std::uint64_t> to_start_;
  Timer start_;
  std::map<pid_t, int> strays_;
  std::uint64_t last_number_ = 0;
};

}  // namespace io
