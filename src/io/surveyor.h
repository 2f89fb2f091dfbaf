// Looks at /proc beside the loop (io/survey.h), in one walk for all who want to know something at the time.
//
// A walk takes tens of milliseconds where hundreds of processes live, and nothing may hold up the loop for so
// long. So a thread does it. A process for each walk would have to be forked, which copies the page tables of
// the daemon while the loop waits (about 10 ms for 200 MiB), and one that stays would take memory at
// all times. The thread lives for one walk. It gets copies of the questions, and hands over the answers when
// it has ended; it shares nothing else with the loop, reads no clock of ours, gets no signals, and gives way
// to the loop (nice). No other thread is made by us.
//
// An answer is of after its question: a walk that is under way when something is asked does not count for it.
// However many ask meanwhile, at most one walk is under way, and one more follows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "io/loop.h"
#include "io/survey.h"

namespace io {

class Surveyor;

// As long as it exists, the answer is wanted.
class Asked {
 public:
  Asked() = default;
  Asked(Asked&& other) noexcept;
  Asked& operator=(Asked&& other) noexcept;
  ~Asked();
  explicit operator bool() const { return surveyor_ != nullptr; }

 private:
  friend class Surveyor;
  Asked(Surveyor& surveyor, std::uint64_t number) : surveyor_(&surveyor), number_(number) {}
  Surveyor* surveyor_ = nullptr;
  std::uint64_t number_ = 0;
};

class Surveyor {
 public:
  using Walk = std::function<std::vector<Seen>(std::span<const Question>)>;
  using Answer = std::function<void(std::vector<Seen>&&)>;

  // `walk` is called on the other thread.
  explicit Surveyor(Loop& loop, Walk walk = survey);
  // A walk that is under way gets a moment to end. One that hangs in the kernel is left to itself.
  ~Surveyor();
  Surveyor(const Surveyor&) = delete;
  Surveyor& operator=(const Surveyor&) = delete;

  // `answer` is called once from the loop, in a later turn, with an answer for each question.
  [[nodiscard]] Asked ask(std::vector<Question> questions, Answer answer);

  std::uint64_t walks() const { return walks_; }  // How many have begun.

 private:
  friend class Asked;
  struct Job;
  struct Waiting {
    std::vector<Question> questions;
    Answer answer;
  };
  struct Told {
    std::size_t first = 0;
    std::size_t count = 0;
    Answer answer;
  };

  void begin();
  void ended();
  void tell(std::vector<Seen> seen);
  void withdraw(std::uint64_t number);

  Loop& loop_;
  Walk walk_;
  std::uint64_t last_number_ = 0;
  std::uint64_t walks_ = 0;
  std::map<std::uint64_t, Waiting> waiting_;  // For the next walk.
  std::map<std::uint64_t, Told> told_;        // By the walk that is under way.
  std::unique_ptr<Job> job_;
  Watch job_done_;
  Timer next_;  // In a turn of its own, so that all who ask in one turn share a walk.
};

}  // namespace io
