#include "io/survey.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "io/process_info.h"

namespace io {

namespace {

using About = Question::About;

bool is_one_of(const std::vector<pid_t>& pids, pid_t pid) {
  return std::ranges::find(pids, pid) != pids.end();
}

class Walk {
 public:
  Seen answer(const Question& question, std::vector<pid_t> listed);

 private:
  const PipeEnds& ends_of(pid_t pid);

  ProcessTable table_;
  std::map<pid_t, PipeEnds> ends_;
};

const PipeEnds& Walk::ends_of(pid_t pid) {
  const auto [known, is_new] = ends_.try_emplace(pid);
  if (is_new) known->second = pipe_ends_of(pid);
  return known->second;
}

Seen Walk::answer(const Question& question, std::vector<pid_t> listed) {
  // What is left of a server may carry no mark any more.
  for (const Process& process : table_.all()) {
    const bool ours =
        is_one_of(question.parents, process.parent) && !is_one_of(question.parents, process.pid);
    if (question.pipes.any() && ours && ends_of(process.pid).of(question.pipes).any())
      listed.push_back(process.pid);
  }
  const std::vector<Process> kin =
      table_.kin_of({.mark = question.mark, .roots = question.roots, .listed = std::move(listed)});
  Seen seen;
  for (const Process& process : kin) {
    const bool holds = question.about == About::relatives;
    seen.threads += process.threads;
    seen.relatives.push_back({process, holds ? ends_of(process.pid).of(question.pipes) : ServerPipes{}});
  }
  if (question.about == About::memory) seen.memory = memory_of(kin).bytes;
  return seen;
}

}  // namespace

std::vector<Seen> survey(std::span<const Question> questions) {
  // Groups first: what a process in one of them starts meanwhile is found below that process.
  std::vector<std::vector<pid_t>> listed;
  for (const Question& question : questions)
    listed.push_back(question.group ? question.group->processes() : std::vector<pid_t>{});
  Walk walk;
  std::vector<Seen> all;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const bool ourselves = questions[i].about == About::ourselves;
    all.push_back(ourselves ? Seen{.relatives = {}, .memory = memory_of(getpid()).bytes}
                            : walk.answer(questions[i], std::move(listed[i])));
  }
  return all;
}

}  // namespace io
