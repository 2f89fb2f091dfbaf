#include "shim/attach.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>

#include "io/clock.h"
#include "io/daemon_start.h"
#include "io/unix_socket.h"
#include "shim/answer.h"
#include "shim/write.h"

namespace shim {

namespace {

constexpr int tries = 8;  // With the pauses below: 1.3 s, far more than a hand-over takes.
constexpr auto first_pause = std::chrono::milliseconds(10);
constexpr auto longest_pause = std::chrono::seconds(1);
// The daemon may be reading a cold disk; it is not hung before.
constexpr auto answer_timeout = std::chrono::seconds(30);
constexpr unsigned speak_after_s = 1;

std::unexpected<Refusal> refused(Refusal::Kind kind, std::string sentence) {
  return std::unexpected(Refusal{kind, std::move(sentence)});
}

// While this lives, a person who has waited for a second is told what for. A signal, because the waiting is
// done in calls that know nothing of it.
class PatienceNote {
 public:
  PatienceNote() {
    struct sigaction action{};
    action.sa_handler = [](int) {
      constexpr std::string_view note = "hearth: starting the daemon\n";
      const int kept = errno;
      [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, note.data(), note.size());
      errno = kept;
    };
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGALRM, &action, nullptr);
    ::alarm(speak_after_s);
  }
  ~PatienceNote() { ::alarm(0); }
  PatienceNote(const PatienceNote&) = delete;
  PatienceNote& operator=(const PatienceNote&) = delete;
};

base::Result<io::Descriptor> reach_daemon(const io::Paths& paths) {
  if (base::Result<io::Descriptor> running = io::connect_existing(paths)) return running;
  const std::string binary = TRY(io::find_daemon_binary());
  const PatienceNote note;
  return io::connect_or_start(paths, binary);
}

// The path, or the end of a sentence that says why there is none. The daemon knows whether it matters.
std::expected<std::string, std::string_view> current_directory() {
  std::string path(PATH_MAX, '\0');
  if (::getcwd(path.data(), path.size()) == nullptr) {
    if (errno == ENOENT) return std::unexpected("is gone");
    if (errno == EACCES) return std::unexpected("lies in one that may not be read");
    return std::unexpected("has a path that is longer than the system allows");
  }
  path.resize(path.find('\0'));
  // The kernel says "(unreachable)" in front of it.
  if (!path.starts_with('/')) return std::unexpected("is on a file system that was unmounted");
  return path;
}

base::Result<void> send_request(const AttachSpec& spec, int connection) {
  const auto directory = current_directory();
  std::size_t count = 0;
  while (environ[count] != nullptr) ++count;
  const AttachRequest request = TRY(
      attach_request(spec.wish, {.pid = ::getpid(),
                                 .directory = directory ? std::string_view(*directory) : std::string_view(),
                                 .directory_lost = directory ? std::string_view() : directory.error(),
                                 .environment = {environ, count},
                                 .inheritance = &spec.inheritance}));
  for (const std::string_view name : request.left_out) {
    tell(std::string(name) + " is not passed on: its value is not UTF-8");
  }
  // A daemon that hung up is noticed when the answer is read; what it still said is worth more than EPIPE.
  (void)io::send_all(connection, request.text, spec.client.passed());
  return {};
}

// Until there is an answer, the end of the connection, or the end of patience.
AnswerReader read_answer(int connection) {
  AnswerReader answer;
  std::array<char, 4096> bytes;
  const base::Instant give_up = io::now() + answer_timeout;
  while (answer.state() == AnswerReader::State::head || answer.state() == AnswerReader::State::body) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - io::now()).count();
    if (left <= 0) break;
    pollfd readable{connection, POLLIN, 0};
    if (::poll(&readable, 1, static_cast<int>(left)) <= 0) continue;
    const ssize_t got = ::read(connection, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      answer.end();
    } else {
      answer.feed({bytes.data(), static_cast<std::size_t>(got)});
    }
  }
  return answer;
}

Attached judge(io::Descriptor connection, const AnswerReader& answer) {
  using State = AnswerReader::State;
  if (answer.state() == State::head || answer.state() == State::body) {
    return refused(Refusal::Kind::unavailable,
                   "the daemon runs but does not answer; stop it with 'hearth shutdown', or kill it");
  }
  if (answer.state() == State::broken || answer.status() == 503) {
    return refused(Refusal::Kind::leaving, "the daemon hangs up on every session; its log may say why");
  }
  if (answer.status() == 101) return Attachment{std::move(connection), std::string(answer.rest())};
  if (answer.status() == 421)
    return refused(Refusal::Kind::elsewhere, problem_in(answer.body(), answer.status()));
  const bool for_good = answer.status() >= 400 && answer.status() < 500;
  return refused(for_good ? Refusal::Kind::for_good : Refusal::Kind::unavailable,
                 problem_in(answer.body(), answer.status()));
}

Attached ask(const AttachSpec& spec, base::Result<io::Descriptor> connection) {
  if (!connection) return refused(Refusal::Kind::unavailable, std::move(connection.error().what));
  if (base::Result<void> sent = send_request(spec, connection->get()); !sent) {
    return refused(Refusal::Kind::for_good, std::move(sent.error().what));
  }
  const AnswerReader answer = read_answer(connection->get());
  return judge(std::move(*connection), answer);
}

}  // namespace

Attached attach_once(const AttachSpec& spec) {
  if (auto apart = io::connect_existing(spec.paths_apart)) return ask(spec, std::move(apart));
  auto usual = io::connect_existing(spec.paths);
  Attached attached = ask(spec, usual ? std::move(usual) : reach_daemon(spec.paths_to_start));
  if (attached || attached.error().kind != Refusal::Kind::elsewhere) return attached;
  const std::string why = std::move(attached.error().sentence);
  attached = ask(spec, reach_daemon(spec.paths_apart));
  if (!attached && attached.error().kind == Refusal::Kind::unavailable) {
    attached.error().sentence =
        why + ", and another one cannot be had here: " + attached.error().sentence +
        "; give this session a HEARTH_HOME of its own, a directory that it can write to";
  }
  return attached;
}

Attached attach(const AttachSpec& spec) {
  std::chrono::nanoseconds pause = first_pause;
  for (int attempt = 1;; ++attempt) {
    Attached attached = attach_once(spec);
    if (attached || attached.error().kind != Refusal::Kind::leaving) return attached;
    if (attempt == tries) {
      attached.error().kind = Refusal::Kind::unavailable;
      return attached;
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(pause);
    const timespec wait{seconds.count(), static_cast<long>((pause - seconds).count())};
    ::nanosleep(&wait, nullptr);
    pause = std::min<std::chrono::nanoseconds>(pause * 2, longest_pause);
  }
}

}  // namespace shim
