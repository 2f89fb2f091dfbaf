#include "io/clean_exec.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/ensure.h"

namespace io {

namespace {

std::vector<char*> pointers_to(std::vector<std::string>& strings, std::size_t from) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::size_t i = from; i < strings.size(); ++i) pointers.push_back(strings[i].data());
  pointers.push_back(nullptr);
  return pointers;
}

constexpr int fds_without_close_range = 4096;  // Kernels before 5.11: ours are O_CLOEXEC, strangers' are low.

void close_on_exec_from(int first) {
  if (syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  for (int fd = first; fd < fds_without_close_range; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void close_others_from(int first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  for (int fd = first; fd < fds_without_close_range; ++fd) close(fd);
}

}  // namespace

void reset_signal_dispositions() {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &standard, nullptr);
}

CleanExec::CleanExec(std::string program, std::vector<std::string> arguments,
                     std::vector<std::string> environment)
    : program_(std::move(program)), arguments_(std::move(arguments)), environment_(std::move(environment)) {
  argv_ = pointers_to(arguments_, 0);
  envp_ = pointers_to(environment_, 0);
  static char shell[] = "sh";
  shell_argv_ = {shell, program_.data()};
  const std::vector<char*> rest = pointers_to(arguments_, 1);
  shell_argv_.insert(shell_argv_.end(), rest.begin(), rest.end());
}

int CleanExec::run(std::span<const int> descriptors) const {
  if (const int code = place(descriptors); code != 0) return code;
  return exec();
}

int CleanExec::run(const Bequest& bequest) const {
  bequest.apply_limits();
  return exec();
}

int CleanExec::place(std::span<const int> descriptors, int report) const {
  // Out of the way of the others, which are put in place first.
  const int spare = fcntl(report, F_DUPFD_CLOEXEC, static_cast<int>(descriptors_max));
  if (spare < 0) return errno;
  if (const int code = place(descriptors); code != 0) return code;
  const int last = static_cast<int>(descriptors.size());
  if (dup3(spare, last, O_CLOEXEC) < 0) return errno;
  close_others_from(last + 1);
  return 0;
}

int CleanExec::place(std::span<const int> descriptors) const {
  ensure(descriptors.size() <= descriptors_max);
  // First all out of the way, then into place: a source may have the number of another's target.
  std::array<int, descriptors_max> moved{};
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    moved[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, static_cast<int>(descriptors_max));
    if (moved[i] < 0) return errno;
  }
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    if (dup2(moved[i], static_cast<int>(i)) < 0) return errno;
  }
  close_on_exec_from(static_cast<int>(descriptors.size()));
  reset_signal_dispositions();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  return 0;
}

int CleanExec::exec() const {
  execve(program_.c_str(), argv_.data(), envp_.data());
  if (errno == ENOEXEC) execve("/bin/sh", shell_argv_.data(), envp_.data());
  return errno;
}

}  // namespace io
