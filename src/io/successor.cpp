#include "io/successor.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "io/clock.h"
#include "io/system_error.h"

namespace io {
namespace {

constexpr std::size_t words_max = 4096;
constexpr int state_fd = 3;

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct SpawnActions {
  posix_spawn_file_actions_t actions{};
  SpawnActions() { posix_spawn_file_actions_init(&actions); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
};

bool pass_on(int fd, bool on) {
  const int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && fcntl(fd, F_SETFD, on ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC) == 0;
}

}  // namespace

std::optional<base::Error> unfit(const std::string& program) {
  if (!program.starts_with('/')) return base::Error{program + " is not an absolute path"};
  struct stat status{};
  if (stat(program.c_str(), &status) != 0) return system_error("cannot look at " + program, errno);
  if (!S_ISREG(status.st_mode) || access(program.c_str(), X_OK) != 0)
    return base::Error{program + " is not a program"};
  if ((status.st_uid != 0 && status.st_uid != geteuid()) || (status.st_mode & S_IWOTH) != 0)
    return base::Error{program + " is not run: another user may write to it"};
  return std::nullopt;
}

FileMark mark_of_file(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return {};
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .changed_s = status.st_ctim.tv_sec,
          .changed_ns = status.st_ctim.tv_nsec};
}

Trial::Trial(Loop& loop, std::string program, Told told)
    : program_(std::move(program)),
      told_(std::move(told)),
      patience_(loop, [this] { end(base::Error{program_ + " did not read the state in time"}); }) {}

base::Result<std::unique_ptr<Trial>> Trial::start(Loop& loop, const std::string& program,
                                                  const std::vector<std::string>& args,
                                                  const Descriptor& file, base::Duration patience,
                                                  Told told) {
  std::unique_ptr<Trial> trial(new Trial(loop, program, std::move(told)));
  Pipe pipe = TRY(make_pipe());
  const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return system_failure("cannot open /dev/null");
  // Above all that the child gets: one of its descriptors must not be overwritten before it is passed.
  const Descriptor state(fcntl(file.get(), F_DUPFD_CLOEXEC, state_fd + 1));
  if (!state) return system_failure("cannot pass the state on");
  SpawnActions to;
  for (const auto& [from, number] : {std::pair{null.get(), 0}, std::pair{pipe.write_end.get(), 1},
                                     std::pair{pipe.write_end.get(), 2}, std::pair{state.get(), state_fd}})
    posix_spawn_file_actions_adddup2(&to.actions, from, number);
  posix_spawn_file_actions_addclosefrom_np(&to.actions, state_fd + 1);
  std::vector<std::string> words{program};
  words.insert(words.end(), args.begin(), args.end());
  words.insert(words.end(), {"--try", std::to_string(state_fd)});
  const int failed =
      posix_spawn(&trial->pid_, program.c_str(), &to.actions, nullptr, pointers_to(words).data(), environ);
  if (failed != 0) return std::unexpected(system_error("cannot run " + program, failed));
  trial->words_ = std::move(pipe.read_end);
  fcntl(trial->words_.get(), F_SETFL, O_NONBLOCK);
  Trial* self = trial.get();
  trial->watch_ = TRY(loop.watch(trial->words_.get(), Interest::read, [self] { self->readable(); }));
  trial->patience_.set(now() + patience);
  return trial;
}

Trial::~Trial() {
  if (pid_ > 0 && told_) kill(pid_, SIGKILL);
}

void Trial::readable() {
  std::array<char, 1024> chunk;
  const ssize_t got = read(words_.get(), chunk.data(), chunk.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0 && said_.size() < words_max) said_.append(chunk.data(), static_cast<std::size_t>(got));
  if (got > 0) return;
  while (said_.ends_with('\n')) said_.pop_back();
  if (said_ == "ok") return end(std::nullopt);
  end(base::Error{said_.empty() ? program_ + " ended without a word on whether it can go on" : said_});
}

void Trial::end(std::optional<base::Error> why) {
  if (why) kill(pid_, SIGKILL);
  watch_ = Watch();
  patience_.clear();
  if (const Told told = std::exchange(told_, nullptr)) told(std::move(why));
}

base::Error become(const std::string& program, const std::vector<std::string>& args,
                   std::span<const int> passed) {
  std::vector<std::string> words{program};
  words.insert(words.end(), args.begin(), args.end());
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  hold_signals();
  // Libraries open descriptors that others would inherit.
  (void)syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  bool complete = true;
  for (const int fd : passed) complete = pass_on(fd, true) && complete;
  int code = EBADF;
  if (complete) {
    execv(program.c_str(), pointers_to(words).data());
    code = errno;
  }
  for (const int fd : passed) pass_on(fd, false);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return system_error("cannot become " + program, code);
}

base::Result<void> OtherProgram::try_it(const Descriptor& state, base::Duration patience, Told told) {
  mark_ = mark_of_file(program_);
  trial_ = TRY(Trial::start(loop(), program_, arguments_, state, patience,
                            [this, told = std::move(told)](std::optional<base::Error> why) {
                              loop().retire(std::move(trial_));
                              told(std::move(why));
                            }));
  return {};
}

base::Error OtherProgram::take_over(const Descriptor& state, std::vector<int> descriptors) {
  descriptors.push_back(state.get());
  std::vector<std::string> arguments = arguments_;
  arguments.insert(arguments.end(), {"--resume-fd", std::to_string(state.get())});
  return become(program_, arguments, descriptors);
}

// A page that cannot be had (io/mapped_guard.h) raises a signal that must not wait.
void hold_signals() {
  sigset_t all;
  sigfillset(&all);
  for (const int ours : {SIGBUS, SIGSEGV, SIGFPE, SIGILL}) sigdelset(&all, ours);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

void let_signals_in() {
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace io
