// The start of a child, until its program runs or cannot be run.
//
// The loop goes on meanwhile. Two things can be heard, in any order: the report of exec, and the end of the
// process. One that could not run its program is told of when both have come, so that nothing is left of it.
#include <fcntl.h>
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
  start.process = {.program = std::move(start.spec.program),
                   .args = std::move(start.spec.args),
                   .directory = std::move(start.spec.directory),
                   .environment = std::move(start.spec.environment),
                   .inheritance = std::move(start.spec.inheritance)};
  if (const auto launched = launch(); !launched) {
    let_go();
    return fail(launched.error());
  }
  timer_.set(now() + children_.options_.exec_patience);
}

// Once more, if the guard has died before it has told of the process.
base::Result<void> Child::launch() {
  Start& start = *start_;
  Descriptor entrance;
  if (cgroup_) entrance = cgroup_->open_entrance().value_or(Descriptor());
  start.process.cgroup_entrance = entrance.get();
  SpawnPipes pipes = TRY(make_spawn_pipes());
  start.watch = Watch();
  start.reported = false;
  start.pipes = std::move(pipes.ours);
  fcntl(start.pipes.report.get(), F_SETFL, O_NONBLOCK);
  start.watch = TRY(children_.loop_.watch(start.pipes.report.get(), Interest::read, [this] { reported(); }));
  return children_.fork(*this, start.process, pipes.theirs);
}

void Child::spawned(const Process& process) {
  pid_ = process.pid;
  if (process.started != 0) roots_.push_back(process);
  if (start_ && start_->reported) reported();
}

void Child::not_spawned(int code) {
  let_go();
  fail(fork_failure(start_->process, code));
}

void Child::reported() {
  Start& start = *start_;
  start.watch = Watch();
  start.reported = true;
  if (pid_ == 0) return;
  start.failure = exec_failure(start.process, start.pipes.report);
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
  kill_group();
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

// What it had forked ends with it, and is told of by nobody.
void Child::guard_died() {
  if (!guarded_ || step_ == Step::gone) return;
  if (start_ && pid_ == 0) {
    const auto launched = launch();
    if (launched) return;
    let_go();
    return fail(launched.error());
  }
  if (status_) return look();
  lost_guard_ = true;
  status_ = SIGKILL;
  exited();
}

void Child::run() {
  timer_.clear();
  const std::size_t line_max = start_->spec.line_max;
  if (auto opened = open_streams(children_.loop_, line_max, std::move(start_->pipes)); !opened)
    return fail(opened.error());
  start_.reset();
  step_ = Step::running;
  if (events_.on_started) events_.on_started(pid_);
  if (status_) exited();
  if (stop_wanted_) stop();
}

}  // namespace io
