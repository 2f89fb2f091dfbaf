// The last steps of a forked process before it becomes another program.
//
// Everything that needs memory is done by the constructor, before the fork; run() makes only system calls.
// The program it becomes has default signal dispositions, no blocked signal, and exactly the descriptors it
// is given.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/inheritance.h"

namespace io {

class CleanExec {
 public:
  // arguments[0] included; environment entries are NAME=value.
  CleanExec(std::string program, std::vector<std::string> arguments, std::vector<std::string> environment);
  CleanExec(const CleanExec&) = delete;
  CleanExec& operator=(const CleanExec&) = delete;

  static constexpr std::size_t descriptors_max = 7;

  // In the child: `descriptors` become 0, 1, 2, …; all others close on exec. Returns errno when it fails;
  // whatever had a number below descriptors_max is overwritten then.
  int run(std::span<const int> descriptors) const;

  // The same in two steps. After the first the process holds nothing of its parent's any more, however long
  // the second takes: all other descriptors are closed but `report`, which has the number behind the last of
  // `descriptors`, and closes on exec.
  int place(std::span<const int> descriptors, int report) const;
  // The limits come last, because they may be too low for what is done before.
  int run(const Bequest& bequest) const;

 private:
  int place(std::span<const int> descriptors) const;
  int exec() const;

  std::string program_;
  std::vector<std::string> arguments_;
  std::vector<std::string> environment_;
  std::vector<char*> argv_;
  std::vector<char*> envp_;
  std::vector<char*> shell_argv_;  // For a script without an interpreter line, as execvp() does it.
};

// Signal dispositions to default; the mask is left alone. Async-signal-safe.
void reset_signal_dispositions();

}  // namespace io
