#include "app/memory_watch.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/epoll.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "io/clock.h"
#include "io/files.h"

namespace app {
namespace {

// Some task waited for memory for a tenth of two seconds. Others than root may only ask for windows of two
// seconds, or multiples. The kernel takes the last byte that is written for the end of the text, hence the
// zero.
constexpr std::string_view trigger("some 200000 2000000\0", 20);
// The same of the last ten seconds, in hundredths.
constexpr double pressure_most = 10;

// A descriptor that pulls the trigger, or none where the kernel takes none from us.
io::Descriptor with_trigger(const std::string& path) {
  io::Descriptor file(open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  struct statfs system{};
  if (!file || fstatfs(file.get(), &system) != 0 || system.f_type != PROC_SUPER_MAGIC) return {};
  if (write(file.get(), trigger.data(), trigger.size()) < 0) return {};
  return file;
}

}  // namespace

MemoryWatch::MemoryWatch(Hands hands, const Budget& budget)
    : hands_(std::move(hands)), budget_(budget), next_(hands_.loop, [this] { look(); }) {}

void MemoryWatch::set(const Budget& budget) {
  if (budget == budget_) return;
  budget_ = budget;
  over_ = pressed_ = planned_ = false;
  next_.clear();
  watch_ = io::Watch();
  events_.reset();
  pressure_.reset();
  stir();
}

void MemoryWatch::stir() {
  if (!budget_.memory && !budget_.pressure) return;
  if (!planned_ && !asked_) plan(hands_.settling);
}

// The loop knows no urgent data, which is how pressure is told of; but whatever it is, an epoll descriptor
// can be read then.
void MemoryWatch::follow_pressure() {
  if (watch_ || !budget_.pressure) return;
  pressure_ = with_trigger(hands_.pressure_file);
  if (!pressure_) return;
  events_ = io::Descriptor(epoll_create1(EPOLL_CLOEXEC));
  epoll_event urgent{.events = EPOLLPRI, .data = {}};
  if (epoll_ctl(events_.get(), EPOLL_CTL_ADD, pressure_.get(), &urgent) != 0) return pressure_.reset();
  auto watch = hands_.loop.watch(events_.get(), io::Interest::read, [this] { pressed(); });
  if (watch) {
    watch_ = std::move(*watch);
  } else {
    pressure_.reset();
  }
}

// That it was asked whether there is news has used the news up: what epoll_wait() finds is only trouble.
void MemoryWatch::pressed() {
  epoll_event event{};
  if (epoll_wait(events_.get(), &event, 1, 0) == 1 && (event.events & EPOLLERR) != 0) {
    watch_ = io::Watch();  // The trigger is gone; the file is read from now on.
    return plan(hands_.beat);
  }
  pressed_ = true;
  if (!asked_) plan(base::Duration::zero());
}

bool MemoryWatch::under_pressure() const {
  if (watch_ || !budget_.pressure) return false;
  const auto text = io::read_small_file(hands_.pressure_file);
  constexpr std::string_view before = "some avg10=";
  const std::size_t at = text ? text->find(before) : std::string::npos;
  if (at == std::string::npos) return false;
  double share = 0;
  std::from_chars(text->data() + at + before.size(), text->data() + text->size(), share);
  return share >= pressure_most;
}

void MemoryWatch::plan(base::Duration pause) {
  planned_ = true;
  next_.set(io::now() + pause);
}

void MemoryWatch::look() {
  planned_ = false;
  const std::vector<RunningServer> servers = hands_.servers.running();
  if (servers.empty()) {
    watch_ = io::Watch();
    events_.reset();
    pressure_.reset();
    pressed_ = over_ = false;
    return;
  }
  follow_pressure();
  // What it holds comes back first.
  if (std::ranges::any_of(servers, &RunningServer::stopping)) return plan(hands_.settling);
  pressed_ = pressed_ || under_pressure();
  if (respite_until_ && io::now() < *respite_until_) pressed_ = false;
  const bool has_to_sleep = !pressed_ && !budget_.memory;
  if (has_to_sleep && watch_) return;  // The kernel wakes us.
  const bool can_tell = budget_.pressure && access(hands_.pressure_file.c_str(), R_OK) == 0;
  if (has_to_sleep && can_tell) return plan(hands_.beat);
  if (has_to_sleep) return;
  std::vector<io::Question> questions;
  std::vector<core::InstanceId> ids;
  for (const RunningServer& server : servers) {
    auto question = hands_.servers.question(server.id, io::Question::About::memory);
    if (!question) continue;
    questions.push_back(std::move(*question));
    ids.push_back(server.id);
  }
  asked_ =
      hands_.surveyor.ask(std::move(questions), [this, ids = std::move(ids)](std::vector<io::Seen>&& seen) {
        asked_ = io::Asked();
        saw(ids, seen);
      });
}

void MemoryWatch::saw(const std::vector<core::InstanceId>& ids, const std::vector<io::Seen>& seen) {
  broker::MemoryShort event;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    event.holdings.push_back({ids[i], seen[i].memory});
    event.used += seen[i].memory;
  }
  const std::uint64_t budget = budget_.memory.value_or(~std::uint64_t{0});
  over_ = event.used > (over_ ? budget - budget / 10 : budget);
  const bool pressed = std::exchange(pressed_, false);
  bool changed = false;  // A server has gone since, and perhaps another has to.
  if (over_ || pressed) {
    changed = std::exchange(told_with_, ids.size()) != ids.size();
    event.budget = over_ ? budget : 0;
    if (!over_) respite_until_ = io::now() + hands_.respite;
    hands_.tell(std::move(event));
  }
  if (!over_) told_with_ = 0;
  plan(changed ? hands_.settling : hands_.beat);
}

}  // namespace app
