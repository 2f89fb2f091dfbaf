#include "cli/control.h"

#include <cerrno>
#include <ctime>

#include "io/clock.h"
#include "io/daemon_end.h"
#include "io/daemon_start.h"
#include "io/unix_socket.h"
#include "shim/answer.h"
#include "shim/hear.h"

namespace cli {

namespace {

// A connection; or, if so many wait already that there is room for no more, the error of a daemon that hangs.
base::Result<io::Descriptor> connect_patiently(const io::Paths& paths) {
  const base::Instant give_up = io::now() + shim::of_a_person.silence + shim::of_a_person.pulse;
  for (;;) {
    base::Result<io::Descriptor> connection = io::connect_running(paths);
    if (connection || connection.error().code != EAGAIN) return connection;
    if (io::now() >= give_up) return std::unexpected(io::daemon_hangs(paths));
    const timespec pause{0, 50'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

}  // namespace

base::Result<Answer> ask_daemon(const io::Paths& home, const Request& request) {
  const io::Paths paths = io::own_paths(home);
  const io::Descriptor connection = TRY(connect_patiently(paths));
  std::string text(request.method);
  text.append(" ").append(request.target).append(" HTTP/1.1\r\nHost: hearth\r\nConnection: close\r\n");
  if (!request.body.empty()) text += "Content-Type: application/json\r\n";
  text.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n\r\n");
  text += request.body;
  // If the daemon hangs up early, its answer says why.
  (void)io::send_all(connection.get(), text);
  const shim::AnswerReader answer = shim::hear_answer(paths, connection.get(), shim::of_a_person);
  if (shim::is_awaited(answer)) return std::unexpected(io::daemon_hangs(paths));
  if (answer.state() == shim::AnswerReader::State::complete) return Answer{answer.status(), answer.body()};
  return base::failure("the daemon hung up before it had answered");
}

bool means_no_daemon(const base::Error& error) {
  return error.code == ENOENT || error.code == ECONNREFUSED;
}

bool means_hanging_daemon(const base::Error& error) {
  return error.code == ETIMEDOUT;
}

}  // namespace cli
