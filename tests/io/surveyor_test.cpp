#include "io/surveyor.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "held_walk.h"
#include "io/mark.h"
#include "support.h"

using io::Question;
using io::Seen;
using test::HeldWalk;
using test::run_until;

namespace {

const Question ourselves{.about = Question::About::ourselves};

// Tells how many questions it was asked, instead of answering them.
std::vector<Seen> count(std::span<const Question> questions) {
  return std::vector<Seen>(questions.size(), Seen{.relatives = {}, .memory = questions.size()});
}

}  // namespace

TEST_CASE("surveyor: questions of one turn share a walk, and each gets its own answers") {
  io::Loop loop;
  io::Surveyor surveyor(loop);
  std::vector<Seen> first;
  std::vector<Seen> second;
  const Question other{.about = Question::About::memory, .roots = {*io::process_of(getppid())}};
  const auto one = surveyor.ask({other, ourselves}, [&](auto&& seen) { first = std::move(seen); });
  const auto two = surveyor.ask({ourselves}, [&](auto&& seen) { second = std::move(seen); });
  CHECK(surveyor.walks() == 0);
  REQUIRE(run_until(loop, [&] { return !first.empty() && !second.empty(); }));
  CHECK(surveyor.walks() == 1);
  REQUIRE(first.size() == 2);
  CHECK_FALSE(first[0].relatives.empty());
  CHECK(first[1].relatives.empty());
  CHECK(first[1].memory > 0);
  // Looked at for itself: our memory may have grown since the question before.
  REQUIRE(second.size() == 1);
  CHECK(second[0].relatives.empty());
  CHECK(second[0].memory > 0);
}

TEST_CASE("surveyor: the loop goes on during a walk, and a question that comes then gets a later one") {
  io::Loop loop;
  HeldWalk held(loop, count);
  io::Surveyor surveyor(loop, held.walk());
  std::vector<std::string> told;
  const auto first = surveyor.ask(
      {ourselves}, [&](auto&& seen) { told.push_back("first of " + std::to_string(seen.front().memory)); });
  REQUIRE(run_until(loop, [&] { return held.begun() == 1; }));
  std::vector<io::Asked> later;
  for (int i = 0; i < 3; ++i) {
    later.push_back(surveyor.ask({ourselves}, [&](auto&& seen) {
      told.push_back("later of " + std::to_string(seen.front().memory));
    }));
  }
  io::Pipe pipe = io::make_pipe().value();
  bool served = false;
  const auto watch = loop.watch(pipe.read_end.get(), io::Interest::read, [&] { served = true; }).value();
  REQUIRE(write(pipe.write_end.get(), "x", 1) == 1);
  REQUIRE(run_until(loop, [&] { return served; }));
  CHECK(told.empty());
  held.release();
  REQUIRE(run_until(loop, [&] { return held.begun() == 2; }));
  CHECK(told == std::vector<std::string>{"first of 1"});
  held.release();
  REQUIRE(run_until(loop, [&] { return told.size() == 4; }));
  CHECK(told.back() == "later of 3");
  CHECK(surveyor.walks() == 2);
}

TEST_CASE("surveyor: a withdrawn question is not answered, and a walk may be under way at the end") {
  io::Loop loop;
  HeldWalk held(loop, count);
  int told = 0;
  {
    io::Surveyor surveyor(loop, held.walk());
    std::optional<io::Asked> asked = surveyor.ask({ourselves}, [&](auto&&) { ++told; });
    REQUIRE(run_until(loop, [&] { return held.begun() == 1; }));
    asked.reset();
    bool last = false;
    const auto other = surveyor.ask({ourselves}, [&](auto&&) { last = true; });
    {
      const auto never = surveyor.ask({ourselves}, [&](auto&&) { ++told; });
    }
    held.release();
    held.release();
    REQUIRE(run_until(loop, [&] { return last; }));
    {
      const auto never = surveyor.ask({ourselves}, [&](auto&&) { ++told; });
    }
    const auto unheard = surveyor.ask({ourselves}, [&](auto&&) { ++told; });
    REQUIRE(run_until(loop, [&] { return held.begun() == 3; }));
    held.release();
  }
  CHECK(told == 0);
}

TEST_CASE("surveyor: a walk gets no signals, and gives way to the loop") {
  io::Loop loop;
  sigset_t blocked;
  sigemptyset(&blocked);
  int niceness = 0;
  const int ours = getpriority(PRIO_PROCESS, 0);
  io::Surveyor surveyor(loop, [&](std::span<const Question> questions) {
    pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    niceness = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
    return count(questions);
  });
  bool told = false;
  const auto asked = surveyor.ask({ourselves}, [&](auto&&) { told = true; });
  REQUIRE(run_until(loop, [&] { return told; }));
  CHECK(sigismember(&blocked, SIGCHLD) == 1);
  CHECK(sigismember(&blocked, SIGTERM) == 1);
  CHECK(niceness == ours + 3);
  CHECK(getpriority(PRIO_PROCESS, 0) == ours);
  sigset_t left;
  pthread_sigmask(SIG_BLOCK, nullptr, &left);
  CHECK(sigismember(&left, SIGTERM) == 0);
}

TEST_CASE(
    "survey: a process that holds a server's end of a pipe belongs to it, one that holds ours does not") {
  io::Pipe input = io::make_pipe().value();
  io::Pipe output = io::make_pipe().value();
  const auto hold = [&](int close_one, int close_other) {
    const pid_t pid = fork();
    if (pid == 0) {
      close(close_one);
      close(close_other);
      for (;;) pause();
    }
    return pid;
  };
  // As a fork of this process is until it executes its program.
  const pid_t ours = hold(input.read_end.get(), output.write_end.get());
  const pid_t orphan = hold(input.write_end.get(), output.read_end.get());
  const Question question{
      .pipes = {.input = io::pipe_of(input.write_end), .output = io::pipe_of(output.read_end)},
      .parents = {getpid()}};
  // The forks close their ends in their own time.
  const std::array<Question, 1> questions{question};
  std::vector<io::Relative> found;
  do found = io::survey(questions).front().relatives;
  while (found.size() != 1);
  CHECK(found.front().process.pid == orphan);
  CHECK(found.front().held.input == question.pipes.input);
  CHECK(found.front().held.output == question.pipes.output);
  CHECK(io::heir_among(found, io::Heritage::conversation, question.parents)->pid == orphan);
  for (const pid_t pid : {ours, orphan}) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
}
