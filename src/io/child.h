// A server's process, with everything it starts, from spawn to the last descendant's death.
//
// Reads its stdout as lines and its stderr into a log; writes messages to its stdin. It is started in a turn
// after that in which it was made, and the loop goes on until its program runs (io/spawn.h): then on_started
// comes first, or on_start_failed, and nothing else. However it ends once it was started (stop(), its own
// exit, a closed stdin or stdout), on_gone comes once and last: when the process and everything that carries
// its mark, sits in its control group or descends from it are gone, and its stdout has been read to the end.
// What is left is looked up beside the loop (io/surveyor.h), so on_gone comes in a later turn than the end of
// the process.
//
// A launcher that ends with status 0 and leaves the server to a child of its own (io/heir.h) has not ended
// it: the child takes its place. stop() is a ladder: stdin is closed; after `grace` SIGTERM to all of them;
// after another SIGKILL. One that is not spoken to on its stdin is sent SIGTERM at once. When the process
// ends unasked, what it left behind is killed as soon as it is found.
//
// A Child that is destroyed before on_gone kills what is left without waiting for it, but looks for it on the
// loop, which takes its time. Like a stream, it is retired through the loop when it is let go from inside one
// of its callbacks.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/inheritance.h"
#include "base/result.h"
#include "base/time.h"
#include "io/cgroup.h"
#include "io/heir.h"
#include "io/last_lines.h"
#include "io/loop.h"
#include "io/process_table.h"
#include "io/rotating_file.h"
#include "io/spawn.h"
#include "io/stream.h"
#include "io/survey.h"
#include "io/surveyor.h"

namespace io {

// What its stdout is for.
enum class Output : std::uint8_t {
  messages,  // Lines for on_line. Without stdin or stdout it is of no use, and stopped.
  log,       // The same as stderr: it is spoken to in another way.
};

struct LaunchSpec {
  std::string name;     // For people: names the log and stands in errors.
  std::string program;  // Absolute.
  std::vector<std::string> args = {};
  std::string directory = {};
  std::map<std::string, std::string> environment = {};
  base::Inheritance inheritance = {};  // What is not in it is as ChildrenOptions says.
  std::size_t line_max = std::size_t{64} << 20;
  std::string log_file = {};  // Its stderr; empty: nowhere.
  Output output = Output::messages;
  base::ResourceLimits limits = {};
};

struct Gone {
  std::string how;            // "exited with status 1", "was killed by SIGSEGV", "closed its stdout, …".
  std::string last_words;     // The last lines of its stderr that may say why, or empty.
  bool clean = false;         // It ended by itself, with status 0.
  std::size_t survivors = 0;  // Processes that even SIGKILL did not end in time; normally 0.
  // It ended unasked: the end of what was written to its stdin, from the first message on of which it may not
  // have read a byte.
  std::string unread = {};
};

std::string describe_wait_status(int status);

class Children;

class Child {
 public:
  struct Events {
    std::function<void(pid_t pid)> on_started = {};
    std::function<void(const base::Error&)> on_start_failed = {};  // A sentence that names the server.
    std::function<void(proto::Line&&)> on_line = {};
    std::function<void()> on_spoke = {};           // It wrote on stderr.
    std::function<void()> on_input_drained = {};   // The queue towards it is empty after having been blocked.
    std::function<void(pid_t heir)> on_left = {};  // The process has ended, and left the server to another.
    std::function<void(const Gone&)> on_gone = {};
  };

  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }  // 0 before it is started.
  Writer* input();                    // Null until its program runs, and once its stdin is closed.
  void pause_output() { output_->pause(); }
  void resume_output() { output_->resume(); }
  bool output_waits() const { return output_->waits(); }  // It has said something that is not read yet.
  // In on_gone: what stands behind the last line, for whom it is no half message.
  const proto::LineReader& output_lines() const { return output_->lines(); }
  void stop();
  // Kills all of it at once, unasked: on_gone says `why` ("was ended because …").
  void end_for(std::string why);
  // The limit that it has run into, as far as a control group keeps it (io/cgroup.h).
  std::optional<base::Resource> exceeded() const {
    return cgroup_ ? cgroup_->exceeded() : std::optional<base::Resource>();
  }
  bool stopping() const { return stop_wanted_ || (step_ != Step::starting && step_ != Step::running); }

  // Asks for the process and its kin.
  Question question(Question::About about) const;

 private:
  friend class Children;
  enum class Step : std::uint8_t { starting, running, closing, terminating, killing, gone };
  enum class Heir : std::uint8_t { none, unproven, doubted, proven };

 public:
  // For the program that this one becomes (io/successor.h; child_saved.cpp). Children::resume() takes it.
  struct Saved {
    std::uint64_t number = 0;
    pid_t pid = 0;
    std::vector<Process> roots;
    ServerPipes pipes;
    bool in_group = false;
    Writer::Saved input;
    Reader::Saved output;
    Passed errors;
    std::string log_file;
    LastLines last_words;
    bool spoke = false;
    bool talks = true;
    Heir heir = Heir::none;
    std::size_t unread = 0;
    bool guarded = false;  // The guard has forked it; otherwise we have.
    static constexpr std::size_t fields = 15;
  };
  // What has to be waited for first: "is starting". Empty: nothing.
  std::string_view unsettled() const;
  Saved saved() const;

 private:
  // Until its program runs.
  struct Start {
    LaunchSpec spec;
    SpawnSpec process = {};
    PipeEndsOfOne pipes = {};
    Watch watch = {};                         // Of the report.
    bool reported = false;                    // Before its process id was known.
    std::optional<base::Error> failure = {};  // Its process has yet to end.
  };

  Child(Children& children, LaunchSpec spec, Events events, std::uint64_t number);
  void begin();
  base::Result<void> launch();
  void spawned(const Process& process);
  void not_spawned(int code);
  void reported();
  void exec_ended();
  void too_late();
  void let_go();
  void fail(const base::Error& error);
  void run();
  base::Result<void> open_streams(Loop& loop, std::size_t line_max, PipeEndsOfOne pipes);
  Writer::Events input_events();
  Reader::Events output_events();
  void heard(proto::Line&& line);
  base::Result<void> watch_errors();
  base::Result<void> resume(Saved saved);
  bool read_errors();
  void note(std::string_view text);
  void forget_banner();
  void of_no_use(std::string_view why);
  void exited();
  void guard_died();
  void note_early_end();
  void look();
  void ask();
  void saw(std::span<const Relative> left);
  void judge(std::span<const Relative> left);
  bool leaves_heir() const;
  bool leave_to(std::span<const Relative> left);
  bool still_leaving(std::span<const Relative> left);
  void doubt_heir();
  void climb(Step step);
  void next_step();
  void kill_group() const;
  void ask_kernel();
  void finish(std::size_t survivors);

  Children& children_;
  std::uint64_t number_;
  pid_t pid_ = 0;
  std::unique_ptr<Start> start_;
  int looks_ = 0;               // At what a launcher has left, since it is not clear which goes on.
  std::vector<Process> roots_;  // The process itself, as it was when it started; heirs behind it.
  ServerPipes pipes_;
  std::string mark_;
  std::optional<Cgroup> cgroup_;
  Events events_;

  std::unique_ptr<Writer> input_;
  std::unique_ptr<Reader> output_;
  Descriptor errors_;
  Watch errors_watch_;
  std::optional<RotatingFile> log_;
  LastLines last_words_;

  bool spoke_ = false;       // A line came on its stdout after something was sent to it.
  bool talks_ = true;        // Over its stdin and stdout.
  bool guarded_ = false;     // The guard has forked it.
  bool lost_guard_ = false;  // And has died, so that it was ended.
  Step step_ = Step::starting;
  bool stop_wanted_ = false;      // While it was starting.
  std::string ended_for_;         // It is killed for that.
  std::string no_use_;            // "closed its stdout": it is stopped, unless it is about to end by itself.
  std::string left_unread_;       // Of its stdin.
  bool told_to_end_ = false;      // Otherwise it ended unasked.
  std::optional<int> status_;     // Set once the process itself has exited.
  base::Instant give_up_;         // While killing.
  std::optional<Process> early_;  // Seems to be the heir, until a walk has seen what is left.
  Asked asked_;                   // What is left of it.
  bool ask_again_ = false;        // Something has happened since that was asked.
  bool tell_to_end_ = false;      // SIGTERM is to be sent to all that the next question, or
  bool telling_ = false;          // this one, finds.
  std::size_t left_ = 0;          // When it was last looked up.
  Heir heir_ = Heir::none;
  std::size_t unread_ = 0;  // When the heir was doubted.
  Timer timer_;
};

}  // namespace io
