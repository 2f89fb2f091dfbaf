// How children are forked: by the guard, which tells of them later, or by us where there is none.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "io/children.h"

namespace io {

base::Result<void> Children::watch_guard() {
  if (options_.guard == nullptr || !options_.guard->connection()) return {};
  guard_watch_ =
      TRY(loop_.watch(options_.guard->connection().get(), Interest::read, [this] { hear_guard(); }));
  return {};
}

void Children::hear_guard() {
  if (options_.guard == nullptr) return;
  const auto news = options_.guard->news();
  if (!news) return renew_guard();
  std::vector<Ended> all;
  for (const GuardNews& one : *news) {
    if (one.what == GuardNews::What::ended) {
      all.push_back({one.pid, static_cast<int>(static_cast<std::uint32_t>(one.value))});
      continue;
    }
    Child* const child = find(one.number);
    if (one.what == GuardNews::What::spawned) {
      const Process process{.pid = one.pid,
                            .parent = options_.guard->pid(),
                            .group = one.pid,
                            .session = one.pid,
                            .started = one.value};
      if (child != nullptr) child->spawned(process);
    } else if (one.what == GuardNews::What::not_spawned && child != nullptr) {
      child->not_spawned(static_cast<int>(one.value));
    }
  }
  if (!all.empty()) ended(all);
  flush_guard();
}

void Children::flush_guard() {
  options_.guard->flush();
  if (guard_watch_) guard_watch_.set(options_.guard->holds_back() ? Interest::read_or_write : Interest::read);
}

// One that cannot be made is tried again with the next server that is to be started.
void Children::renew_guard() {
  guard_watch_ = Watch();
  if (options_.guard->renew()) static_cast<void>(watch_guard());
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, child] : by_number_) numbers.push_back(number);
  for (const std::uint64_t number : numbers) {
    if (Child* const child = find(number)) child->guard_died();
  }
}

base::Result<void> Children::fork(Child& child, const SpawnSpec& spec, const PipeEndsOfOne& theirs) {
  if (options_.guard == nullptr) {
    const auto pid = fork_program(spec, theirs);
    if (!pid) return std::unexpected(fork_failure(spec, pid.error()));
    child.spawned(process_of(*pid).value_or(Process{.pid = *pid}));
    return {};
  }
  child.guarded_ = true;
  TRY(options_.guard->spawn(child.number_, spec, theirs));
  if (!guard_watch_) TRY(watch_guard());
  flush_guard();
  return {};
}

// As long as a process is not reaped, the number is its own. It may not have made its group yet.
void Children::kill_group(const Child& child) {
  const pid_t pid = child.pid();
  if (child.guarded_ && options_.guard != nullptr) {
    options_.guard->kill(child.number_, pid);
    flush_guard();
  } else if (pid > 0 && kill(-pid, SIGKILL) != 0) {
    kill(pid, SIGKILL);
  }
}

std::vector<pid_t> Children::parents() const {
  std::vector<pid_t> parents = {getpid()};
  if (options_.guard != nullptr) parents.push_back(options_.guard->pid());
  return parents;
}

bool Children::all_guarded() const {
  return std::ranges::all_of(
      by_number_, [](const auto& entry) { return entry.second->guarded_ || entry.second->pid() == 0; });
}

std::string_view Children::unsettled() const {
  const bool waits = options_.guard != nullptr && options_.guard->holds_back();
  return waits ? "the guard process is busy" : std::string_view();
}

}  // namespace io
