#include "shim/attach.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>

#include "io/daemon_end.h"
#include "io/daemon_start.h"
#include "io/unix_socket.h"
#include "shim/answer.h"
#include "shim/hear.h"
#include "shim/write.h"

namespace shim {

namespace {

constexpr int tries = 8;  // With the pauses below: 1.3 s, far more than a hand-over takes.
constexpr auto first_pause = std::chrono::milliseconds(10);
constexpr auto longest_pause = std::chrono::seconds(1);
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

base::Result<void> send_request(const AttachSpec& spec, const io::Paths& paths, int connection) {
  const auto directory = current_directory();
  const std::string daemon = io::find_daemon_binary().value_or("");
  std::size_t count = 0;
  while (environ[count] != nullptr) ++count;
  const AttachRequest request = TRY(
      attach_request(spec.wish, {.pid = ::getpid(),
                                 .directory = directory ? std::string_view(*directory) : std::string_view(),
                                 .directory_lost = directory ? std::string_view() : directory.error(),
                                 .environment = {environ, count},
                                 .inheritance = &spec.inheritance,
                                 .daemon = daemon}));
  for (const std::string_view name : request.left_out) {
    tell(std::string(name) + " is not passed on: its value is not UTF-8");
  }
  // A daemon that hung up is noticed when the answer is read; what it still said is worth more than EPIPE.
  const auto sent = io::send_all(connection, request.text, spec.client.passed());
  if (!sent && sent.error().code == ETIMEDOUT) return std::unexpected(io::daemon_hangs(paths));
  return {};
}

Attached judge(const io::Paths& paths, io::Descriptor connection, const AnswerReader& answer) {
  using State = AnswerReader::State;
  if (is_awaited(answer)) return refused(Refusal::Kind::unavailable, io::daemon_hangs(paths).what);
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

Attached ask(const AttachSpec& spec, const io::Paths& paths, base::Result<io::Descriptor> connection) {
  if (!connection) return refused(Refusal::Kind::unavailable, std::move(connection.error().what));
  if (base::Result<void> sent = send_request(spec, paths, connection->get()); !sent) {
    const bool hangs = sent.error().code == ETIMEDOUT;
    return refused(hangs ? Refusal::Kind::unavailable : Refusal::Kind::for_good,
                   std::move(sent.error().what));
  }
  const AnswerReader answer = hear_answer(paths, connection->get(), of_a_session);
  return judge(paths, std::move(*connection), answer);
}

}  // namespace

Attached attach_once(const AttachSpec& spec) {
  if (auto apart = io::connect_existing(spec.paths_apart)) {
    return ask(spec, spec.paths_apart, std::move(apart));
  }
  auto usual = io::connect_existing(spec.paths);
  const io::Paths& paths = usual ? spec.paths : spec.paths_to_start;
  Attached attached = ask(spec, paths, usual ? std::move(usual) : reach_daemon(spec.paths_to_start));
  if (attached || attached.error().kind != Refusal::Kind::elsewhere) return attached;
  const std::string why = std::move(attached.error().sentence);
  attached = ask(spec, spec.paths_apart, reach_daemon(spec.paths_apart));
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
