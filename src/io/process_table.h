// The processes of our own user, as /proc shows them, and signals that hit nobody else.
//
// A process id alone names nobody: it may have been given to another process since. A Process is an id with
// its start time, and a signal goes through a pidfd whose start time is checked after it was opened.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace io {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  std::uint64_t started = 0;  // Clock ticks since boot.
  std::uint32_t threads = 1;
  bool ending = false;  // Past the point of no return; it may still hold descriptors.
  bool zombie = false;
  bool suspended = false;  // By SIGSTOP, or by a debugger.

  bool same(const Process& other) const { return pid == other.pid && started == other.started; }
  static constexpr std::size_t fields = 9;
};

std::optional<Process> process_of(pid_t pid);

// All of our user's, zombies left out.
std::vector<Process> own_processes();

// Children of a process of ours with one thread, adopted orphans too, but no zombies. Costs no walk of /proc.
// Empty where the kernel keeps no list of them.
std::vector<Process> children_of(pid_t parent);

// The value of HEARTH_INSTANCE in the environment the process was started with, or empty.
std::string mark_in(pid_t pid);

// What belongs together: processes whose mark is `mark` or, if it ends with '.', begins with it; those whose
// session, group or own id is one of `roots`; those listed in `listed`; and all their descendants. Never this
// process itself.
struct Kin {
  std::string mark = {};
  std::vector<Process> roots = {};
  std::vector<pid_t> listed = {};
};
std::vector<Process> kin_of(const Kin& kin);

// All of our user's at one moment, to be asked several times. A mark is read once, when it is first needed.
class ProcessTable {
 public:
  ProcessTable();
  ProcessTable(const ProcessTable&) = delete;
  ProcessTable& operator=(const ProcessTable&) = delete;
  const std::vector<Process>& all() const { return all_; }
  std::vector<Process> kin_of(const Kin& kin);

 private:
  bool is_marked(pid_t pid, const std::string& wanted);
  std::vector<Process> all_;
  std::multimap<pid_t, const Process*> children_;  // By their parent.
  std::map<pid_t, std::string> marks_;
};

// False if that process is no more.
bool send_signal(const Process& process, int signal);

// Kills until nobody is left or `rounds` scans have found somebody; waits a moment for the dying in between.
// Returns how many different processes it signalled. For those who may block: the guard, the sweep at start.
std::size_t kill_kin(const Kin& kin, int rounds);

std::string boot_id();

}  // namespace io
