#include "shim/shim.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "io/clock.h"
#include "io/confinement.h"
#include "io/inheritance.h"
#include "proto/journal.h"
#include "shim/attach.h"
#include "shim/client.h"
#include "shim/notice.h"
#include "shim/small.h"
#include "shim/stand_in.h"
#include "shim/write.h"

namespace shim {

namespace {

// A daemon that dies sooner than this after taking us may be dying of us.
constexpr auto short_life = std::chrono::seconds(5);
constexpr int short_lives_max = 5;
// So that a crowd of shims does not spin around a dying daemon.
constexpr long pause_after_death_ns = 20'000'000;

// What the client is still owed, for those who end in the middle of it.
proto::Journal journal;

void leave_on_signal(int signal) {
  if (journal.owed() == 0) ::_exit(0);
  constexpr std::string_view note = "hearth: ended by a signal while requests had no answer\n";
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, note.data(), note.size());
  ::_exit(128 + signal);  // As a shell shows a program that the signal ended.
}

void set_signals() {
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGINT, &ignore, nullptr);
  ::sigaction(SIGPIPE, &ignore, nullptr);
  // A limit of file sizes makes an error, which can be told, of what would end us without a word.
  ::sigaction(SIGXFSZ, &ignore, nullptr);
  struct sigaction leave{};
  leave.sa_handler = leave_on_signal;
  ::sigaction(SIGTERM, &leave, nullptr);
  ::sigaction(SIGHUP, &leave, nullptr);
  // A client may have started us with these blocked.
  sigset_t ours;
  ::sigemptyset(&ours);
  for (const int signal : {SIGTERM, SIGHUP, SIGALRM}) ::sigaddset(&ours, signal);
  ::sigprocmask(SIG_UNBLOCK, &ours, nullptr);
}

enum class Rest : std::uint8_t { ended, cut_short, daemon_died, shut_down };

// Says what there is to say. Absent: the session goes on.
std::optional<Rest> hear(NoticeReader& notices, std::string_view bytes) {
  notices.feed(bytes);
  while (const std::optional<Notice> notice = notices.next()) {
    if (notice->kind == Notice::Kind::rest) return Rest::shut_down;
    if (!notice->text.empty()) tell(notice->text);
    if (notice->kind == Notice::Kind::end) return notice->text.empty() ? Rest::ended : Rest::cut_short;
  }
  return std::nullopt;
}

// The client reads no more: there is nobody to answer.
Rest output_closed() {
  const std::size_t owed = journal.owed();
  if (owed == 0) return Rest::ended;
  tell("stdout was closed while requests had no answer: " + std::to_string(owed));
  return Rest::cut_short;
}

// Sleeps until the session ends one way or the other. Stdout is only looked at: a reader that has gone is
// told without being asked for.
Rest rest_on(Attachment attachment, Relay* relay) {
  NoticeReader notices;
  if (const auto over = hear(notices, std::exchange(attachment.early, {}))) return *over;
  const int connection = attachment.connection.get();
  give_back_memory();
  for (;;) {
    if (relay == nullptr) give_back_memory();
    std::array<pollfd, 4> waits = {pollfd{connection, POLLIN, 0}, pollfd{STDOUT_FILENO, 0, 0},
                                   pollfd{-1, 0, 0}, pollfd{-1, 0, 0}};
    if (relay != nullptr) {
      const std::array<pollfd, 2> relayed = relay->interests();
      waits[2] = relayed[0];
      waits[3] = relayed[1];
    }
    if (::poll(waits.data(), relay == nullptr ? 2 : waits.size(), -1) < 0) continue;
    if (relay != nullptr) relay->carry(std::span(waits).last<2>());
    if (waits[0].revents == 0 && waits[1].revents != 0) return output_closed();
    if (waits[0].revents == 0) continue;
    std::array<char, 1024> bytes;
    const ssize_t got = ::read(connection, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Rest::daemon_died;
    if (const auto over = hear(notices, {bytes.data(), static_cast<std::size_t>(got)})) return *over;
  }
}

int leave(Client& client, int status) {
  // What the daemon wrote before it let go is still between us and the client.
  if (client.relay() != nullptr) client.relay()->take_back();
  client.restore();
  return status;
}

Refusal too_many_deaths(const io::Paths& paths) {
  return {Refusal::Kind::unavailable,
          "the daemon dies again and again as soon as it takes this session; see " + paths.daemon_log};
}

Refusal shut_down() {
  return {Refusal::Kind::resting,
          "the daemon was shut down; this session goes on with its client's next request"};
}

int keep_attached(const AttachSpec& spec, Client& client) {
  int short_lives = 0;
  Attached attached = attach(spec);
  for (;;) {
    if (!attached) {
      StandIn stand_in(spec, client, std::move(attached.error()));
      std::expected<Attachment, StandIn::End> taken_over = stand_in.run();
      if (!taken_over) return leave(client, taken_over.error() == StandIn::End::left_at_rest ? 0 : 1);
      attached = std::move(*taken_over);
      short_lives = 0;
    }
    const base::Instant since = io::now();
    const Rest rest = rest_on(std::move(*attached), client.relay());
    if (rest == Rest::ended || rest == Rest::cut_short) return leave(client, rest == Rest::ended ? 0 : 1);
    client.restore();
    if (!client.survives_daemon()) {
      tell(
          "the daemon has ended, and the limit of file sizes left this session no journal to go on from; "
          "start it again, with 'ulimit -f' at 1 MiB or more");
      return leave(client, 1);
    }
    if (rest == Rest::shut_down) {
      attached = std::unexpected(shut_down());
      continue;
    }
    short_lives = io::now() - since < short_life ? short_lives + 1 : 0;
    if (short_lives >= short_lives_max) {
      attached = std::unexpected(too_many_deaths(spec.paths));
      continue;
    }
    const timespec pause{0, pause_after_death_ns * short_lives};
    ::nanosleep(&pause, nullptr);
    attached = attach(spec);
  }
}

}  // namespace

base::Result<int> run(const Wish& wish, const std::optional<std::string>& home) {
  allocate_frugally();
  set_signals();
  const base::Inheritance inheritance = io::own_inheritance();
  io::raise_own_limits();
  Client client = TRY(Client::open());
  journal = proto::Journal(client.page());
  const io::Paths paths = TRY(io::paths_of(home));
  const io::Paths apart = io::paths_apart(paths, io::name_of_surroundings(inheritance));
  // A daemon of ours that others could not use must not stand where they look for theirs.
  const bool limited =
      io::too_limited_for_others(inheritance) && io::too_limited_for_others(io::inheritance_within_reach());
  const AttachSpec spec{.wish = wish,
                        .paths = paths,
                        .paths_apart = apart,
                        .paths_to_start = limited ? apart : paths,
                        .inheritance = inheritance,
                        .client = client};
  return keep_attached(spec, client);
}

}  // namespace shim
