#include "io/scribe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <utility>

#include "io/clock.h"
#include "io/system_error.h"

namespace io {

namespace {

constexpr int socket_fd = 3;
constexpr int file_fd = 4;
// A last line takes no more.
constexpr off_t last_line_max = 1024;

// The file, from the other process's side.
class Page {
 public:
  // An errno if it takes nothing more.
  int write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t put = ::write(file_fd, text.data(), text.size());
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return put < 0 ? errno : ENOSPC;
      const std::string_view done = text.substr(0, static_cast<std::size_t>(put));
      for (std::size_t at = done.find('\n'); at != std::string_view::npos; at = done.find('\n', at + 1))
        ends_.push_back(size_ + static_cast<off_t>(at) + 1);
      size_ += put;
      while (ends_.size() > 1 && ends_[1] <= size_ - last_line_max) ends_.pop_front();
      text.remove_prefix(done.size());
    }
    return 0;
  }

  // Where the disk is full there is room for the last line only in the place of those before it.
  void end_with(std::string_view line) {
    const off_t end = ends_.empty() ? 0 : ends_.front();
    if (ftruncate(file_fd, end) != 0) return;
    while (!line.empty()) {
      const ssize_t put = pwrite(file_fd, line.data(), line.size(), ends_.empty() ? 0 : ends_.front());
      if (put <= 0) return;
      if (!ends_.empty()) ends_.front() += put;
      line.remove_prefix(static_cast<std::size_t>(put));
    }
  }

 private:
  off_t size_ = 0;
  // Where lines end. The first of them is the last one that leaves room for another behind it.
  std::deque<off_t> ends_;
};

// All signals stay blocked, as they were for the fork: what ends sessions and daemons must not end this
// before everything is written.
[[noreturn]] void keep_writing(int socket, int file, const std::function<std::string(int)>& last_line) {
  setsid();
  prctl(PR_SET_NAME, "hearth-scribe");
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  // Above those that they become, so that neither overwrites the other.
  const int high_socket = fcntl(socket, F_DUPFD_CLOEXEC, 10);
  const int high_file = fcntl(file, F_DUPFD_CLOEXEC, 10);
  for (const int fd : {0, 1, 2}) dup2(null, fd);
  if (dup2(high_socket, socket_fd) < 0 || dup2(high_file, file_fd) < 0 || chdir("/") != 0) _exit(1);
  close_from(file_fd + 1);
  Page page;
  static std::array<char, std::size_t{64} << 10> piece;
  for (;;) {
    const ssize_t got = recv(socket_fd, piece.data(), piece.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) _exit(0);
    const int code = page.write({piece.data(), static_cast<std::size_t>(got)});
    if (code == 0) continue;
    page.end_with(last_line(code));
    (void)::send(socket_fd, &code, sizeof code, MSG_NOSIGNAL);
    _exit(1);
  }
}

}  // namespace

base::Result<Descriptor> make_new_file(const std::string& path) {
  Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return system_failure("cannot make " + path);
  return file;
}

base::Result<Scribe> Scribe::start(Descriptor file, const std::function<std::string(int code)>& last_line) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return system_failure("cannot make a socket");
  Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) keep_writing(theirs.get(), file.get(), last_line);
  const int code = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return system_failure("cannot make a process", code);
  return Scribe(std::move(ours));
}

void Scribe::write(std::string_view lines) {
  if (trouble_) return;
  waiting_ += lines;
  send();
}

void Scribe::flush() {
  if (!trouble_) send();
}

void Scribe::send() {
  while (sent_ < waiting_.size()) {
    const ssize_t put =
        ::send(socket_.get(), waiting_.data() + sent_, waiting_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno != EAGAIN) {
      const int code = errno;
      if (!trouble()) trouble_ = code;  // It says why, or is just gone.
      return forget();
    }
    if (put < 0) break;
    sent_ += static_cast<std::size_t>(put);
  }
  if (sent_ == waiting_.size()) return forget();
  if (sent_ < waiting_.size() / 2) return;
  waiting_.erase(0, sent_);
  sent_ = 0;
}

// Its memory, too: it may have been much once.
void Scribe::forget() {
  waiting_ = {};
  sent_ = 0;
}

std::optional<int> Scribe::trouble() {
  if (trouble_ || !socket_) return trouble_;
  int code = 0;
  const ssize_t got = recv(socket_.get(), &code, sizeof code, MSG_DONTWAIT);
  if (got == static_cast<ssize_t>(sizeof code)) trouble_ = code;
  if (got == 0) written_ = ending_;
  if (got == 0 && !ending_) trouble_ = EPIPE;  // It was killed.
  if (got < 0 && errno != EAGAIN && errno != EINTR) trouble_ = errno;
  if (trouble_) forget();
  return trouble_;
}

void Scribe::no_more() {
  if (waiting() == 0 && !std::exchange(ending_, true)) shutdown(socket_.get(), SHUT_WR);
}

void Scribe::finish(base::Duration patience) {
  const base::Instant give_up = now() + patience;
  while (!trouble() && !written_) {
    flush();
    no_more();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - now()).count();
    if (left <= 0) break;
    pollfd ready{socket_.get(), static_cast<short>(waiting() == 0 ? POLLIN : POLLIN | POLLOUT), 0};
    poll(&ready, 1, static_cast<int>(left));
  }
  socket_.reset();
}

}  // namespace io
