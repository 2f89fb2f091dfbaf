#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "cli/command_line.h"
#include "cli/example_server.h"
#include "cli/output.h"
#include "proto/lines.h"

namespace cli {

namespace {

constexpr std::size_t line_max = std::size_t{256} << 20;
constexpr std::size_t kept_max = std::size_t{1} << 20;  // A larger output buffer is given back after use.

base::Instant now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return base::Instant(std::chrono::duration_cast<base::Duration>(since));
}

int milliseconds_until(std::optional<base::Instant> deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      pollfd writable{STDOUT_FILENO, POLLOUT, 0};
      ::poll(&writable, 1, -1);
      continue;
    }
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

int run_example_server(const Arguments&) {
  ExampleServer server;
  proto::LineReader lines(line_max);
  for (;;) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    // Without slow calls the read itself waits: one system call less per message.
    const bool timed = server.deadline().has_value();
    if (timed && ::poll(&input, 1, milliseconds_until(server.deadline())) < 0 && errno != EINTR) break;
    if (!timed || input.revents != 0) {
      const std::span<char> room = lines.room();
      const ssize_t got = ::read(STDIN_FILENO, room.data(), room.size());
      if (got == 0) return exit_ok;
      if (got < 0 && errno == EAGAIN) ::poll(&input, 1, -1);
      if (got < 0 && errno != EINTR && errno != EAGAIN) break;
      if (got > 0) lines.filled(static_cast<std::size_t>(got));
      while (const auto line = lines.next()) {
        if (!line->overlong) server.on_line(line->bytes.text, now());
      }
    }
    server.on_time(now());
    std::string& output = server.output();
    if (!write_all(output)) return exit_failure;
    if (output.capacity() > kept_max) output = {};
    output.clear();
  }
  return complain(std::string("cannot read stdin: ") + std::strerror(errno));
}

}  // namespace cli
