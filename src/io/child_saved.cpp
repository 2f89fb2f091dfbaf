// A child goes on in the program that this one becomes: the process stays our child, its pipes stay open.
//
// Only one that runs is written down. What lasts a moment is waited for instead: its start, its end, the time
// in which it is clear whether a pipe that it closed means its end.
#include <string_view>
#include <utility>

#include "base/ensure.h"
#include "io/child.h"
#include "io/children.h"
#include "io/clock.h"

namespace io {

std::string_view Child::unsettled() const {
  if (step_ == Step::starting) return "is starting";
  if (step_ != Step::running || stop_wanted_ || status_) return "is ending";
  if (!no_use_.empty() || asked_ || input_->about_to_report()) return "may be ending";
  return {};
}

Child::Saved Child::saved() const {
  ensure(unsettled().empty());
  return {.number = number_,
          .pid = pid_,
          .roots = roots_,
          .pipes = pipes_,
          .in_group = cgroup_.has_value(),
          .input = input_->saved(),
          .output = output_->saved(),
          .errors = pass(errors_),
          .log_file = log_ ? log_->path() : std::string(),
          .last_words = last_words_,
          .spoke = spoke_,
          .talks = talks_,
          .heir = heir_,
          .unread = unread_,
          .guarded = guarded_};
}

base::Result<void> Child::resume(Saved saved) {
  start_.reset();
  step_ = Step::running;
  pid_ = saved.pid;
  roots_ = std::move(saved.roots);
  pipes_ = saved.pipes;
  if (saved.in_group && children_.cgroups_) cgroup_ = children_.cgroups_->find_group(number_);
  last_words_ = std::move(saved.last_words);
  spoke_ = saved.spoke;
  talks_ = saved.talks;
  heir_ = saved.heir;
  unread_ = saved.unread;
  guarded_ = saved.guarded;
  if (heir_ == Heir::doubted) timer_.set(now() + children_.options_.heir_patience);
  input_ = TRY(Writer::resume(children_.loop_, std::move(saved.input), input_events()));
  output_ = TRY(Reader::resume(children_.loop_, std::move(saved.output), output_events()));
  if (saved.errors.number < 0) return {};
  errors_ = TRY(take(saved.errors));
  return watch_errors();
}

base::Result<std::unique_ptr<Child>> Children::resume(Child::Saved saved, Child::Events events) {
  const std::uint64_t number = saved.number;
  LaunchSpec spec{.name = {}, .program = {}, .log_file = saved.log_file};
  std::unique_ptr<Child> child(new Child(*this, std::move(spec), std::move(events), number));
  by_number_.emplace(number, child.get());
  TRY(child->resume(std::move(saved)));
  return child;
}

Children::Saved Children::saved() const {
  return {.last_number = last_number_, .cgroup = cgroups_ ? cgroups_->path() : std::string()};
}

base::Result<std::unique_ptr<Children>> Children::make(Loop& loop, ChildrenOptions options,
                                                       const Saved& saved) {
  auto cgroups = CgroupRoot::find(options.daemon_id, saved.cgroup);
  auto children = TRY(make_with(loop, std::move(options), std::move(cgroups)));
  children->last_number_ = saved.last_number;
  return children;
}

}  // namespace io
