#include "cli/control.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "io/clock.h"
#include "io/daemon_start.h"
#include "io/system_error.h"
#include "io/unix_socket.h"
#include "shim/answer.h"

namespace cli {

namespace {

constexpr auto patience = std::chrono::seconds(60);  // Stopping a stubborn server takes its time.

using shim::AnswerReader;

bool expects_more(const AnswerReader& answer) {
  return answer.state() == AnswerReader::State::head || answer.state() == AnswerReader::State::body;
}

base::Result<AnswerReader> read_answer(int connection) {
  AnswerReader answer;
  std::array<char, 16384> bytes;
  const base::Instant give_up = io::now() + patience;
  while (expects_more(answer)) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - io::now()).count();
    if (left <= 0) return base::failure("the daemon runs but does not answer");
    pollfd readable{connection, POLLIN, 0};
    if (::poll(&readable, 1, static_cast<int>(left)) <= 0) continue;
    const ssize_t got = ::read(connection, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != ECONNRESET) return io::system_failure("cannot read the daemon's answer");
    if (got <= 0) {
      answer.end();
    } else {
      answer.feed({bytes.data(), static_cast<std::size_t>(got)});
    }
  }
  if (answer.state() == AnswerReader::State::complete) return answer;
  return base::failure("the daemon hung up before it had answered");
}

}  // namespace

base::Result<Answer> ask_daemon(const io::Paths& paths, const Request& request) {
  const io::Descriptor connection = TRY(io::connect_own(paths));
  std::string text(request.method);
  text.append(" ").append(request.target).append(" HTTP/1.1\r\nHost: hearth\r\nConnection: close\r\n");
  if (!request.body.empty()) text += "Content-Type: application/json\r\n";
  text.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n\r\n");
  text += request.body;
  // If the daemon hangs up early, its answer says why.
  (void)io::send_all(connection.get(), text);
  const AnswerReader answer = TRY(read_answer(connection.get()));
  return Answer{answer.status(), answer.body()};
}

bool means_no_daemon(const base::Error& error) {
  return error.code == ENOENT || error.code == ECONNREFUSED;
}

}  // namespace cli
