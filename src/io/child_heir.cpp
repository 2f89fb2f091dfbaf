// A child that is a launcher: it exits with status 0 and leaves the server to another process.
//
// The heir is the process that holds the pipes then (io/heir.h). It is the child from there on, and may leave
// the server to another in its turn. One that leaves unread what is sent is no server, and is killed.
#include <sys/wait.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "io/child.h"
#include "io/children.h"
#include "io/clock.h"
#include "io/mark.h"

namespace io {

namespace {

// Looks at what a launcher leaves while some of it ends.
constexpr int looks_max = 25;

// A daemon forks twice. Longer chains are processes that never come to anything.
constexpr std::size_t roots_max = 16;

}  // namespace

// A server that a launcher has left is a child of ours at once, and may end again before a walk of /proc sees
// it. So it is noted here. The walk decides: a pipeline may not have sorted out its ends yet.
void Child::exited() {
  if (leaves_heir()) {
    std::vector<Relative> left;
    for (const Process& process : children_.orphans()) {
      const ServerPipes held = pipe_ends_of(process.pid).of(pipes_);
      if (held.any() || mark_in(process.pid) == mark_) left.push_back({process, held});
    }
    early_ = heir_among(left, talks_ ? Heritage::conversation : Heritage::anything, children_.parents());
  }
  look();
}

// What was noted there has ended before it was seen by a walk: its end is that of the server.
void Child::note_early_end() {
  if (!leaves_heir() || !early_) return;
  if (const auto status = children_.status_of_stray(early_->pid)) status_ = *status;
}

// One that is about to end has closed its pipes already, and its child is not ours yet: it may be a launcher
// that leaves the server to another.
bool Child::still_leaving(std::span<const Relative> left) {
  if (!leaves_heir()) return false;
  // Or has ended since it was seen, and what it has started meanwhile was not.
  const auto ending = [](const Relative& relative) {
    const auto current = process_of(relative.process.pid);
    return !current || !current->same(relative.process) || current->ending || current->zombie;
  };
  return std::ranges::any_of(left, ending) && ++looks_ < looks_max;
}

// A crash leaves orphans that may hold the pipes too, and says so by its status.
bool Child::leaves_heir() const {
  return step_ == Step::running && WIFEXITED(*status_) && WEXITSTATUS(*status_) == 0;
}

bool Child::leave_to(std::span<const Relative> left) {
  if (!leaves_heir() || roots_.size() == roots_max) return false;
  const auto heir =
      heir_among(left, talks_ ? Heritage::conversation : Heritage::anything, children_.parents());
  if (!heir) return false;
  // It may have exited since it was seen. As long as it is not reaped, that is still to come.
  const auto current = process_of(heir->pid);
  const bool reaped = !current || !current->same(*heir);
  roots_.push_back(*heir);
  early_.reset();
  looks_ = 0;
  pid_ = heir->pid;
  status_.reset();
  if (reaped) {
    status_ = children_.status_of_stray(pid_);
    // The guard may have reaped it, and has yet to tell.
    if (!status_ && !guarded_) status_ = 0;
    if (status_) look();
  }
  heir_ = talks_ ? Heir::unproven : Heir::proven;
  if (events_.on_left) events_.on_left(pid_);
  return true;
}

Writer* Child::input() {
  if (heir_ == Heir::unproven && input_ != nullptr) {
    heir_ = Heir::doubted;
    unread_ = SIZE_MAX;
    timer_.set(now() + children_.options_.heir_patience);
  }
  return input_.get();
}

// What a server leaves when it ends may hold its pipes without looking at them: a child of its own that has
// another job. It is found out when it leaves unread what is sent.
void Child::doubt_heir() {
  if (heir_ != Heir::doubted || input_ == nullptr) return;
  const std::size_t unread = input_->unread_bytes();
  if (unread == 0) {
    heir_ = Heir::proven;
  } else if (unread >= unread_) {
    note("its process has ended, and what it left behind does not read its stdin\n");
    climb(Step::killing);
  } else {
    unread_ = unread;
    timer_.set(now() + children_.options_.heir_patience);
  }
}

}  // namespace io
