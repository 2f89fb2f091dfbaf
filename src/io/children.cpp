#include "io/children.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "base/ensure.h"
#include "io/mark.h"
#include "io/system_error.h"

namespace io {

namespace {

// More than can be somebody's heir.
constexpr std::size_t strays_max = 4096;

}  // namespace

Children::Children(Loop& loop, ChildrenOptions options)
    : loop_(loop),
      options_(std::move(options)),
      cgroups_(CgroupRoot::make(options_.daemon_id)),
      surveyor_(loop, options_.walk) {}

base::Result<std::unique_ptr<Children>> Children::make(Loop& loop, ChildrenOptions options) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return system_failure("cannot become the reaper of orphans");
  std::unique_ptr<Children> children(new Children(loop, std::move(options)));
  Children* self = children.get();
  children->signal_ = TRY(loop.on_signal(SIGCHLD, [self] { self->reap(); }));
  return children;
}

Children::~Children() {
  ensure(by_number_.empty());
  remove_cgroups();
}

void Children::remove_cgroups() {
  if (cgroups_) cgroups_->remove_all();
  cgroups_.reset();
}

base::Result<std::unique_ptr<Child>> Children::spawn(const LaunchSpec& spec, Child::Events events) {
  const std::uint64_t number = ++last_number_;
  std::optional<Cgroup> cgroup;
  Descriptor entrance;
  if (cgroups_) cgroup = cgroups_->make_group(number);
  if (cgroup) entrance = cgroup->open_entrance().value_or(Descriptor());

  SpawnSpec process{.program = spec.program,
                    .args = spec.args,
                    .directory = spec.directory,
                    .environment = spec.environment,
                    .inheritance = spec.inheritance,
                    .cgroup_entrance = entrance.get()};
  if (process.inheritance.settings.empty() && process.inheritance.limits.empty())
    process.inheritance = options_.inheritance;
  process.environment[std::string(mark_variable)] = mark_of(options_.daemon_id, number);
  auto spawned = io::spawn(process);
  if (!spawned) {
    if (cgroup) cgroup->remove();
    return base::failure("cannot start the server " + spec.name + ": " + spawned.error().what,
                         spawned.error().code);
  }
  std::unique_ptr<Child> child(
      new Child(*this, spec, std::move(events), number, spawned->pid, std::move(cgroup)));
  by_number_.emplace(number, child.get());
  if (auto opened = child->open_streams(loop_, spec, std::move(*spawned)); !opened) {
    return base::failure("cannot start the server " + spec.name + ": " + opened.error().what,
                         opened.error().code);
  }
  return child;
}

void Children::forget(const Child& child) {
  by_number_.erase(child.number_);
}

void Children::reap() {
  const bool somebody_looks =
      std::ranges::any_of(by_number_, [](const auto& entry) { return entry.second->status_.has_value(); });
  if (!somebody_looks) strays_.clear();
  int status = 0;
  while (const pid_t pid = waitpid(-1, &status, WNOHANG)) {
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) break;
    const auto whose = std::ranges::find_if(
        by_number_, [&](const auto& entry) { return entry.second->pid() == pid && !entry.second->status_; });
    if (whose != by_number_.end()) {
      whose->second->status_ = status;
    } else if (strays_.size() < strays_max) {
      strays_[pid] = status;
    }
  }
  // Any of them may be the last one that somebody waits for.
  for (const auto& [number, child] : by_number_) {
    if (child->status_) child->look();
  }
}

int Children::status_of_stray(pid_t pid) const {
  const auto found = strays_.find(pid);
  return found != strays_.end() ? found->second : 0;
}

}  // namespace io
