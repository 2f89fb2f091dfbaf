#include "io/surveyor.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/ensure.h"
#include "io/clock.h"
#include "io/descriptor.h"

namespace io {

namespace {

// Of the thread. A loop that is at work gets twice as much of a processor that both want. More would let a
// machine that is busy with other things keep everybody waiting for the end of a server.
constexpr int niceness = 3;

// At the end of a daemon.
constexpr int last_walk_ms = 1000;

}  // namespace

// --- Asked

Asked::Asked(Asked&& other) noexcept
    : surveyor_(std::exchange(other.surveyor_, nullptr)), number_(other.number_) {}

Asked& Asked::operator=(Asked&& other) noexcept {
  if (this == &other) return *this;
  if (surveyor_ != nullptr) surveyor_->withdraw(number_);
  surveyor_ = std::exchange(other.surveyor_, nullptr);
  number_ = other.number_;
  return *this;
}

Asked::~Asked() {
  if (surveyor_ != nullptr) surveyor_->withdraw(number_);
}

// --- Surveyor

// The thread's until `done` can be read, ours afterwards.
struct Surveyor::Job {
  Walk walk;
  std::vector<Question> questions;
  std::vector<Seen> seen = {};
  Descriptor done = Descriptor(eventfd(0, EFD_CLOEXEC));
  pthread_t thread = {};

  static void* run(void* argument) {
    Job& job = *static_cast<Job*>(argument);
    prctl(PR_SET_NAME, "hearth-survey");
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), niceness);
    job.seen = job.walk(job.questions);
    eventfd_write(job.done.get(), 1);
    return nullptr;
  }

  // Signals are the loop's: they are blocked in the thread from its first instruction.
  bool start() {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = done && pthread_create(&thread, nullptr, &Job::run, this) == 0;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
  }
};

Surveyor::Surveyor(Loop& loop, Walk walk)
    : loop_(loop), walk_(std::move(walk)), next_(loop, [this] { begin(); }) {}

Surveyor::~Surveyor() {
  ensure(waiting_.empty() && told_.empty());
  if (!job_) return;
  job_done_ = Watch();
  pollfd done{job_->done.get(), POLLIN, 0};
  if (poll(&done, 1, last_walk_ms) == 1) {
    pthread_join(job_->thread, nullptr);
  } else {
    pthread_detach(job_->thread);
    (void)job_.release();  // NOLINT(bugprone-unused-return-value): the thread still uses it.
  }
}

Asked Surveyor::ask(std::vector<Question> questions, Answer answer) {
  waiting_.emplace(++last_number_, Waiting{std::move(questions), std::move(answer)});
  if (!job_) next_.set(now());
  return {*this, last_number_};
}

void Surveyor::withdraw(std::uint64_t number) {
  waiting_.erase(number);
  told_.erase(number);
}

void Surveyor::begin() {
  if (job_ || waiting_.empty()) return;
  std::vector<Question> questions;
  for (auto& [number, waiting] : std::exchange(waiting_, {})) {
    told_.emplace(number, Told{questions.size(), waiting.questions.size(), std::move(waiting.answer)});
    std::ranges::move(waiting.questions, std::back_inserter(questions));
  }
  ++walks_;
  auto job = std::make_unique<Job>(Job{.walk = walk_, .questions = std::move(questions)});
  auto watch = loop_.watch(job->done.get(), Interest::read, [this] { ended(); });
  if (!watch || !job->start()) {
    // Too many descriptors or threads: late is better than never.
    tell(walk_(job->questions));
    return;
  }
  job_ = std::move(job);
  job_done_ = std::move(*watch);
}

void Surveyor::ended() {
  job_done_ = Watch();
  pthread_join(job_->thread, nullptr);
  std::vector<Seen> seen = std::move(job_->seen);
  job_.reset();
  tell(std::move(seen));
}

// An answer may ask again, and withdraw what others have asked.
void Surveyor::tell(std::vector<Seen> seen) {
  while (!told_.empty()) {
    const Told told = std::move(told_.extract(told_.begin()).mapped());
    const auto first = seen.begin() + static_cast<std::ptrdiff_t>(told.first);
    told.answer({std::make_move_iterator(first),
                 std::make_move_iterator(first + static_cast<std::ptrdiff_t>(told.count))});
  }
  if (!waiting_.empty()) next_.set(now());
}

}  // namespace io
