#include "app/daemon_log.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <utility>

#include "io/system_error.h"

namespace app {
namespace {

std::string_view word_for(broker::Severity severity) {
  switch (severity) {
    case broker::Severity::debug:
      return "debug";
    case broker::Severity::info:
      return "info";
    case broker::Severity::warning:
      return "warning";
    case broker::Severity::error:
      return "error";
  }
  return {};
}

std::string wall_clock() {
  const std::time_t seconds = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), length};
}

}  // namespace

DaemonLog::DaemonLog(std::string path, std::string no_directory)
    : file_(std::move(path)), no_directory_(std::move(no_directory)) {}

void DaemonLog::write(broker::Severity severity, std::string_view text) {
  if (severity == broker::Severity::debug) return;
  std::string line = wall_clock() + ' ' + std::string(word_for(severity)) + ' ';
  // One event, one line, whatever a server's name or last words hold.
  for (const char c : text) line += c == '\n' ? " | " : std::string(1, c);
  line += '\n';
  file_.write(line);
  pollfd free{STDERR_FILENO, POLLOUT, 0};
  if (!shown_ || poll(&free, 1, 0) != 1) return;
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) shown_ = false;  // The terminal is gone.
}

std::string DaemonLog::news_of_loss() {
  if (file_.trouble() == 0 || std::exchange(loss_told_, true)) return {};
  const std::string why = !no_directory_.empty()
                              ? no_directory_
                              : io::system_error("cannot write " + file_.path(), file_.trouble()).what;
  return "no logs are kept: " + why + "; everything else works";
}

}  // namespace app
