#include "io/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "base/ensure.h"
#include "io/children.h"
#include "io/clock.h"
#include "io/mark.h"

namespace io {

namespace {

// stderr read per turn: a server that floods it gets its share of the loop and no more.
constexpr std::size_t errors_per_turn = std::size_t{16} << 10;

// The last of stdout once everybody is dead: at most what its pipe held, unless a stranger writes to it for
// ever.
constexpr std::size_t last_output_max = std::size_t{4} << 20;
constexpr int last_errors_turns_max = 16;

// A process that ends closes its descriptors first: one that is still there after this has closed them and
// goes on.
constexpr base::Duration about_to_end = std::chrono::milliseconds(250);

// Between two looks at what a launcher leaves while some of it ends.
constexpr base::Duration look_at_left = std::chrono::milliseconds(20);

// Between two looks at those who were killed, should nothing tell of their death.
constexpr base::Duration look_again = std::chrono::milliseconds(100);

// What ended a process that has worked is somebody else's doing, if one of these signals did.
bool ended_by_others(std::optional<int> status) {
  if (!status || !WIFSIGNALED(*status)) return false;
  const int signal = WTERMSIG(*status);
  return signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP;
}

void signal_all(std::span<const Relative> relatives, int signal) {
  for (const Relative& relative : relatives) send_signal(relative.process, signal);
}

}  // namespace

std::string describe_wait_status(int status) {
  if (WIFEXITED(status)) return "exited with status " + std::to_string(WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? std::string("was killed by SIG") + name
                         : "was killed by signal " + std::to_string(signal);
}

Child::Child(Children& children, LaunchSpec spec, Events events, std::uint64_t number)
    : children_(children),
      number_(number),
      mark_(mark_of(children.options_.daemon_id, number)),
      events_(std::move(events)),
      talks_(spec.output == Output::messages),
      timer_(children.loop_, [this] { next_step(); }) {
  if (!spec.log_file.empty()) log_.emplace(spec.log_file);
  start_ = std::make_unique<Start>(Start{.spec = std::move(spec)});
}

// Blocks for a walk of /proc: it is for those who cannot wait.
Child::~Child() {
  if (step_ == Step::gone) return;
  asked_ = Asked();
  if (pid_ != 0 || guarded_) kill_group();
  if (pid_ != 0) {
    const std::array<Question, 1> questions{question(Question::About::relatives)};
    signal_all(survey(questions).front().relatives, SIGKILL);
  }
  if (cgroup_) cgroup_->remove();
  children_.forget(*this);
}

base::Result<void> Child::open_streams(Loop& loop, std::size_t line_max, PipeEndsOfOne pipes) {
  pipes_ = {.input = pipe_of(pipes.input), .output = pipe_of(pipes.output), .errors = pipe_of(pipes.errors)};
  input_ = TRY(Writer::open(loop, std::move(pipes.input), input_events()));
  input_->keep_unread();
  output_ = TRY(Reader::open(loop, std::move(pipes.output), line_max, output_events()));
  errors_ = std::move(pipes.errors);
  fcntl(errors_.get(), F_SETFL, O_NONBLOCK);
  return watch_errors();
}

Writer::Events Child::input_events() {
  return {.on_drained = events_.on_input_drained, .on_error = [this](const base::Error&) {
            if (talks_) of_no_use("closed its stdin");
          }};
}

Reader::Events Child::output_events() {
  const auto mum = [this] {
    if (talks_) of_no_use("closed its stdout");
  };
  return {.on_line = [this](proto::Line&& line) { heard(std::move(line)); },
          .on_turn = nullptr,
          .on_end = mum,
          .on_error = [mum](const base::Error&) { mum(); }};
}

void Child::heard(proto::Line&& line) {
  if (heir_ != Heir::none) heir_ = Heir::proven;
  if (!talks_) return note(std::string(line.bytes.text) + '\n');
  forget_banner();
  events_.on_line(std::move(line));
}

base::Result<void> Child::watch_errors() {
  errors_watch_ = TRY(children_.loop_.watch(errors_.get(), Interest::read, [this] { read_errors(); }));
  return {};
}

// False when there is nothing more to read now.
bool Child::read_errors() {
  if (!errors_) return false;
  std::array<char, errors_per_turn> chunk;
  const ssize_t got = read(errors_.get(), chunk.data(), chunk.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) {
    errors_watch_ = Watch();
    errors_.reset();
    return false;
  }
  note({chunk.data(), static_cast<std::size_t>(got)});
  return true;
}

void Child::note(std::string_view text) {
  last_words_.add(text);
  if (log_) log_->write(text);
  if (events_.on_spoke && step_ == Step::running) events_.on_spoke();
}

// What a server says on stderr before its first answer is how it greets people. It is no cause of anything
// that happens later.
void Child::forget_banner() {
  const bool answers = input_ != nullptr && input_->used();
  if (!answers || std::exchange(spoke_, true)) return;
  for (int i = 0; i < last_errors_turns_max && read_errors(); ++i) {
  }
  last_words_.clear();
}

Question Child::question(Question::About about) const {
  return {.about = about,
          .mark = mark_,
          .roots = roots_,
          .group = cgroup_,
          .pipes = pipes_,
          .parents = children_.parents()};
}

void Child::stop() {
  if (step_ == Step::starting) {
    stop_wanted_ = true;
    return;
  }
  no_use_.clear();
  if (step_ == Step::running) climb(talks_ ? Step::closing : Step::terminating);
}

void Child::end_for(std::string why) {
  if (step_ != Step::running) return;  // It starts, and is looked at again, or it ends already.
  ended_for_ = std::move(why);
  climb(Step::killing);
}

void Child::of_no_use(std::string_view why) {
  if (step_ != Step::running || !no_use_.empty()) return;
  no_use_ = why;
  timer_.set(now() + about_to_end);
}

// The process has exited, and now it or one of those it left; or they are to be sent a signal.
void Child::look() {
  if (step_ == Step::starting) {
    exec_ended();
  } else if (asked_) {
    ask_again_ = true;
  } else {
    ask();
  }
}

void Child::ask() {
  telling_ = std::exchange(tell_to_end_, false);
  asked_ = children_.surveyor_.ask({question(Question::About::relatives)}, [this](std::vector<Seen>&& seen) {
    asked_ = Asked();
    saw(seen.front().relatives);
  });
}

// When none is left, none can come any more, whatever has happened since it was asked.
void Child::saw(std::span<const Relative> left) {
  left_ = left.size();
  if (status_) note_early_end();
  if (status_ && left.empty()) return finish(0);
  const bool tell = std::exchange(telling_, false);
  if (step_ == Step::killing) {
    if (now() >= give_up_) return finish(left_);
    signal_all(left, SIGKILL);
  } else {
    if (tell) {
      signal_all(left, SIGTERM);
      timer_.set(now() + children_.options_.grace);
    }
    if (status_) judge(left);
  }
  if (std::exchange(ask_again_, false)) look();
}

void Child::judge(std::span<const Relative> left) {
  if (leave_to(left)) return;
  if (still_leaving(left)) return timer_.set(now() + look_at_left);
  // Unasked, it leaves orphans nobody will miss. Asked, it leaves some who have not heard yet.
  if (step_ == Step::running) {
    climb(Step::killing);
    signal_all(left, SIGKILL);
  } else if (step_ == Step::closing) {
    climb(Step::terminating);
  }
}

void Child::climb(Step step) {
  step_ = step;
  // What is left of a process that has ended unasked is killed, and says nothing of it.
  told_to_end_ = told_to_end_ || step != Step::killing;
  if (input_) {
    input_->flush();
    if (talks_ && step == Step::killing) left_unread_ = input_->take_unread();
    children_.loop_.retire(std::move(input_));
  }
  switch (step) {
    case Step::starting:
    case Step::running:
    case Step::gone:
      break;
    case Step::closing:
      timer_.set(now() + children_.options_.grace);
      break;
    case Step::terminating:
      tell_to_end_ = true;
      look();
      // For a walk that hangs: the grace begins when they have been told.
      timer_.set(now() + children_.options_.unkillable);
      break;
    case Step::killing:
      give_up_ = now() + children_.options_.unkillable;
      kill_group();
      look();
      timer_.set(now() + look_again);
      break;
  }
}

// The time of the current step is over.
void Child::next_step() {
  switch (step_) {
    case Step::starting:
      too_late();
      break;
    case Step::running:
      if (status_) {
        look();
      } else if (no_use_.empty()) {
        doubt_heir();
      } else {
        climb(Step::closing);
      }
      break;
    case Step::gone:
      break;
    case Step::closing:
      climb(Step::terminating);
      break;
    case Step::terminating:
      climb(Step::killing);
      break;
    case Step::killing:
      // Also when the walk hangs.
      if (asked_ && now() >= give_up_) return finish(left_);
      look();  // Somebody may have been started while the others were killed.
      timer_.set(now() + look_again);
      break;
  }
}

void Child::kill_group() const {
  if (!status_) children_.kill_group(*this);
  if (cgroup_) cgroup_->kill();
}

// Only it knows: to the process it is a SIGKILL like any other.
void Child::ask_kernel() {
  const bool killed = status_ && WIFSIGNALED(*status_) && WTERMSIG(*status_) == SIGKILL;
  if (killed && !told_to_end_ && ended_for_.empty() && cgroup_) ended_for_ = cgroup_->killed_for();
}

void Child::finish(std::size_t survivors) {
  ensure(step_ != Step::gone);
  ask_kernel();
  step_ = Step::gone;
  asked_ = Asked();
  timer_.clear();
  output_->drain(last_output_max);
  output_->close();
  for (int i = 0; i < last_errors_turns_max && read_errors(); ++i) {
  }
  if (spoke_ && ended_by_others(status_)) last_words_.clear();
  if (talks_ && input_) left_unread_ = input_->take_unread();
  if (input_) children_.loop_.retire(std::move(input_));
  if (cgroup_) cgroup_->remove();
  children_.forget(*this);
  std::string how = lost_guard_ ? "was ended, because Hearth's guard process has died"
                    : status_   ? describe_wait_status(*status_)
                                : "could not be killed";
  if (told_to_end_ && !no_use_.empty()) how = no_use_ + ", and was stopped for that (" + how + ")";
  if (!ended_for_.empty()) how = ended_for_;
  const bool clean = !told_to_end_ && status_ && WIFEXITED(*status_) && WEXITSTATUS(*status_) == 0;
  if (events_.on_gone)
    events_.on_gone({.how = std::move(how),
                     .last_words = last_words_.text(),
                     .clean = clean,
                     .survivors = survivors,
                     .unread = std::move(left_unread_)});
}

}  // namespace io
