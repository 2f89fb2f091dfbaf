#include "io/children.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <vector>

#include "base/ensure.h"
#include "io/clock.h"
#include "io/mark.h"
#include "io/system_error.h"

namespace io {

namespace {

// More than can be somebody's heir.
constexpr std::size_t strays_max = 4096;

// Where no group keeps a limit of memory, what a server holds is looked at now and then (app/limit_watch.h).
// So that it cannot take everything between two looks, none of its processes gets more than twice the limit.
// Data is what is written to and shared with nobody; address space would not do, because Node.js and Java
// reserve hundreds of times what they use. A stack for each thread is counted, hence not the limit itself.
constexpr std::uint64_t data_spared = std::uint64_t{512} << 20;

void bound_data(base::Inheritance& inheritance, std::uint64_t memory) {
  const std::uint64_t most = memory + std::max(memory, data_spared);
  base::Limit& data = inheritance.limits["data"];
  for (std::optional<std::uint64_t>* const bound : {&data.soft, &data.hard})
    *bound = std::min(bound->value_or(most), most);
}

}  // namespace

Children::Children(Loop& loop, ChildrenOptions options, std::optional<CgroupRoot> cgroups)
    : loop_(loop),
      options_(std::move(options)),
      cgroups_(std::move(cgroups)),
      surveyor_(loop, options_.walk),
      start_(loop, [this] { start_next(); }) {}

base::Result<std::unique_ptr<Children>> Children::make(Loop& loop, ChildrenOptions options) {
  auto cgroups = CgroupRoot::make(options.daemon_id);
  return make_with(loop, std::move(options), std::move(cgroups));
}

base::Result<std::unique_ptr<Children>> Children::make_with(Loop& loop, ChildrenOptions options,
                                                            std::optional<CgroupRoot> cgroups) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return system_failure("cannot become the reaper of orphans");
  if (cgroups) cgroups->divide();
  std::unique_ptr<Children> children(new Children(loop, std::move(options), std::move(cgroups)));
  Children* self = children.get();
  children->signal_ = TRY(loop.on_signal(SIGCHLD, [self] { self->reap(); }));
  TRY(children->watch_guard());
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

std::string Children::no_controllers() const {
  return cgroups_ ? cgroups_->why_not() : "there is no control group (cgroup v2) that the daemon may divide";
}

std::unique_ptr<Child> Children::spawn(LaunchSpec spec, Child::Events events) {
  const std::uint64_t number = ++last_number_;
  if (spec.inheritance.settings.empty() && spec.inheritance.limits.empty())
    spec.inheritance = options_.inheritance;
  if (spec.limits.memory && !controllers().memory) bound_data(spec.inheritance, *spec.limits.memory);
  spec.environment[std::string(mark_variable)] = mark_of(options_.daemon_id, number);
  std::unique_ptr<Child> child(new Child(*this, std::move(spec), std::move(events), number));
  by_number_.emplace(number, child.get());
  to_start_.push_back(number);
  start_.set(now());
  return child;
}

// Some may have been let go meanwhile.
void Children::start_next() {
  while (!to_start_.empty()) {
    const auto found = by_number_.find(to_start_.front());
    to_start_.pop_front();
    if (found == by_number_.end()) continue;
    if (!to_start_.empty()) start_.set(now());
    return found->second->begin();
  }
}

Child* Children::find(std::uint64_t number) const {
  const auto found = by_number_.find(number);
  return found != by_number_.end() ? found->second : nullptr;
}

void Children::forget(const Child& child) {
  by_number_.erase(child.number_);
}

void Children::reap() {
  std::vector<Ended> all;
  int status = 0;
  while (const pid_t pid = waitpid(-1, &status, WNOHANG)) {
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) break;
    all.push_back({pid, status});
  }
  ended(all);
}

void Children::ended(std::span<const Ended> all) {
  const bool somebody_looks =
      std::ranges::any_of(by_number_, [](const auto& entry) { return entry.second->status_.has_value(); });
  if (!somebody_looks) strays_.clear();
  std::set<std::uint64_t> just_now;
  for (const auto& [pid, status] : all) {
    const auto whose = std::ranges::find_if(by_number_, [pid](const auto& entry) {
      return entry.second->pid() == pid && !entry.second->status_;
    });
    if (whose != by_number_.end()) {
      whose->second->status_ = status;
      just_now.insert(whose->first);
    } else if (strays_.size() < strays_max) {
      strays_[pid] = status;
    }
  }
  // Any of them may be the last one that somebody waits for. Others may be let go meanwhile.
  std::vector<std::uint64_t> waiting;
  for (const auto& [number, child] : by_number_) {
    if (child->status_) waiting.push_back(number);
  }
  for (const std::uint64_t number : waiting) {
    Child* const child = find(number);
    if (child == nullptr) continue;
    if (just_now.contains(number)) {
      child->exited();
    } else {
      child->look();
    }
  }
}

std::vector<Process> Children::orphans() const {
  std::vector<Process> orphans;
  for (const pid_t parent : parents()) {
    const std::vector<Process> some = children_of(parent);
    orphans.insert(orphans.end(), some.begin(), some.end());
  }
  std::erase_if(orphans, [&](const Process& process) {
    if (options_.guard != nullptr && process.pid == options_.guard->pid()) return true;
    return std::ranges::any_of(by_number_,
                               [&](const auto& entry) { return entry.second->pid() == process.pid; });
  });
  return orphans;
}

std::optional<int> Children::status_of_stray(pid_t pid) const {
  const auto found = strays_.find(pid);
  return found != strays_.end() ? std::optional(found->second) : std::nullopt;
}

}  // namespace io
