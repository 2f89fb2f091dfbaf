#include "shim/hear.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "io/clock.h"
#include "io/daemon_start.h"
#include "io/unix_socket.h"

namespace shim {

namespace {

// Feeds what comes until the answer is whole or `until`, at least once.
void hear_until(int connection, AnswerReader& answer, base::Instant until) {
  std::array<char, 16384> bytes;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - io::now()).count();
    pollfd readable{connection, POLLIN, 0};
    const int found = ::poll(&readable, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (found == 0 && left <= 0) return;
    if (found <= 0) continue;
    const ssize_t got = ::read(connection, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      answer.end();
    } else {
      answer.feed({bytes.data(), static_cast<std::size_t>(got)});
    }
    if (!is_awaited(answer)) return;
  }
}

// Also where nobody listens any more: a daemon that is ending still answers those it has let in.
bool has_pulse(const io::Paths& paths, base::Duration patience) {
  const base::Result<io::Descriptor> connection = io::connect_existing(paths);
  if (!connection) return connection.error().code != EAGAIN;
  constexpr std::string_view question =
      "GET /ping HTTP/1.1\r\nHost: hearth\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  if (!io::send_all(connection->get(), question)) return true;
  AnswerReader answer;
  hear_until(connection->get(), answer, io::now() + patience);
  return !is_awaited(answer);
}

}  // namespace

AnswerReader hear_answer(const io::Paths& paths, int connection, const Patience& patience) {
  AnswerReader answer;
  const base::Instant give_up = io::now() + patience.whole;
  for (;;) {
    hear_until(connection, answer, std::min(give_up, io::now() + patience.silence));
    if (!is_awaited(answer) || io::now() >= give_up) return answer;
    if (has_pulse(paths, patience.pulse)) continue;
    hear_until(connection, answer, io::now());  // It may have come to life meanwhile.
    return answer;
  }
}

}  // namespace shim
