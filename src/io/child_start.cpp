// The start of a child, until its program runs or cannot be run.
//
// The loop goes on meanwhile. Two things can be heard, in any order: the report of exec, and the end of the
// process. One that could not run its program is told of when both have come, so that nothing is left of it.
#include <signal.h>

#include <memory>
#include <optional>
#include <utility>

#include "io/child.h"
#include "io/children.h"
#include "io/clock.h"

namespace io {

// Its turn to be started has come.
void Child::begin() {
  Start& start = *start_;
  if (children_.cgroups_) cgroup_ = children_.cgroups_->make_group(number_, start.spec.limits);
  Descriptor entrance;
  if (cgroup_) entrance = cgroup_->open_entrance().value_or(Descriptor());
  start.process = {.program = std::move(start.spec.program),
                   .args = std::move(start.spec.args),
                   .directory = std::move(start.spec.directory),
                   .environment = std::move(start.spec.environment),
                   .inheritance = std::move(start.spec.inheritance),
                   .cgroup_entrance = entrance.get()};
  auto spawned = spawn(start.process);
  if (!spawned) {
    let_go();
    return fail(spawned.error());
  }
  start.spawned = std::move(*spawned);
  pid_ = start.spawned.pid;
  if (const auto root = process_of(pid_)) roots_.push_back(*root);
  auto watch = children_.loop_.watch(start.spawned.report.get(), Interest::read, [this] { reported(); });
  if (!watch) return fail(watch.error());
  start.watch = std::move(*watch);
  timer_.set(now() + children_.options_.exec_patience);
}

void Child::reported() {
  Start& start = *start_;
  start.watch = Watch();
  start.failure = exec_failure(start.process, start.spawned.report);
  if (!start.failure) return run();
  if (status_) exec_ended();  // Else when it has been reaped.
}

// Its process has, and perhaps nothing is known of its program yet.
void Child::exec_ended() {
  if (!start_) return;
  if (!start_->failure) return reported();
  let_go();
  fail(*start_->failure);
}

// It hangs, and may do so for ever: it is not waited for, and reaped when it ends.
void Child::too_late() {
  kill(pid_, SIGKILL);
  let_go();
  fail(start_->failure.value_or(exec_too_late(start_->process)));
}

void Child::let_go() {
  step_ = Step::gone;
  if (cgroup_) cgroup_->remove();
  children_.forget(*this);
}

// What there is of it is killed when it is destroyed, unless it was let go.
void Child::fail(const base::Error& error) {
  const base::Error told{"cannot start the server " + start_->spec.name + ": " + error.what, error.code};
  children_.loop_.retire(std::move(start_));
  timer_.clear();
  if (events_.on_start_failed) events_.on_start_failed(told);
}

void Child::run() {
  timer_.clear();
  const std::size_t line_max = start_->spec.line_max;
  if (auto opened = open_streams(children_.loop_, line_max, std::move(start_->spawned)); !opened)
    return fail(opened.error());
  start_.reset();
  step_ = Step::running;
  if (events_.on_started) events_.on_started(pid_);
  if (status_) exited();
  if (stop_wanted_) stop();
}

}  // namespace io
