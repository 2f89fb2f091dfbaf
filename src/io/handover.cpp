#include "io/handover.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <utility>

#include "io/clock.h"
#include "io/daemon_lock.h"
#include "io/memory_file.h"
#include "io/packets.h"
#include "io/system_error.h"

namespace io {

namespace {

constexpr std::size_t words_max = 8192;
constexpr std::string_view wish_word = "hand over";
constexpr std::string_view state_word = "state";
constexpr std::string_view number_word = "number";
constexpr std::string_view final_word = "final";
constexpr std::string_view go_word = "go";

// For the other to place what it was sent, or for the daemon to come to a quiet moment, with the trial.
constexpr base::Duration placing = std::chrono::seconds(2);
constexpr base::Duration all_of_it = std::chrono::seconds(45);

base::Error unanswered(int code) {
  return system_error("the process that was to take its place does not answer", code);
}

// A message, or why there is none in time.
base::Result<Packet> next_packet(int peer, base::Instant deadline) {
  pollfd readable{peer, POLLIN, 0};
  int found = 0;
  do {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now()).count();
    found = poll(&readable, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
  } while (found < 0 && errno == EINTR);
  if (found <= 0) return base::failure("no answer came in time", ETIMEDOUT);
  auto packet = receive_packet(peer, words_max, Wait::no);
  if (!packet) return system_failure("cannot hear from the other process", packet.error());
  if (packet->bytes.empty()) return base::failure("it hung up", ECONNRESET);
  return std::move(*packet);
}

std::vector<int> numbers_in(std::string_view words) {
  std::vector<int> numbers;
  while (!words.empty()) {
    words.remove_prefix(std::min(words.find_first_of("0123456789"), words.size()));
    int number = 0;
    const auto [end, error] = std::from_chars(words.data(), words.data() + words.size(), number);
    if (error != std::errc()) break;
    numbers.push_back(number);
    words.remove_prefix(static_cast<std::size_t>(end - words.data()));
  }
  return numbers;
}

struct Numbered {
  int number = -1;
  Descriptor descriptor;
};

// Ours first, then what came: two that want each other's number must not meet.
base::Result<void> move_above(Descriptor& descriptor, int highest) {
  if (!descriptor || descriptor.get() > highest) return {};
  Descriptor moved(fcntl(descriptor.get(), F_DUPFD_CLOEXEC, highest + 1));
  if (!moved) return system_failure("there is no room for the descriptors of the daemon");
  descriptor = std::move(moved);
  return {};
}

base::Result<void> place(std::vector<Numbered> all, const std::vector<Descriptor*>& own) {
  int highest = STDERR_FILENO;
  for (const Numbered& one : all) highest = std::max(highest, one.number);
  for (Descriptor* const descriptor : own) TRY(move_above(*descriptor, highest));
  for (Numbered& one : all) TRY(move_above(one.descriptor, highest));
  for (const Numbered& one : all) {
    // What is there already belongs to nobody: a file that a library has opened, say, would be one.
    if (fcntl(one.number, F_GETFD) >= 0)
      return base::failure("descriptor " + std::to_string(one.number) + " is in use");
    if (dup3(one.descriptor.get(), one.number, O_CLOEXEC) < 0)
      return system_failure("there is no room for the descriptors of the daemon");
  }
  return {};
}

}  // namespace

bool hands_over(const Paths& paths) {
  // A daemon that is no more may have left the file.
  return !lock_is_free(paths) && connect_for_packets_to(paths.handover).has_value();
}

HandoverListener::HandoverListener(Loop& loop, std::string path, Asked asked)
    : loop_(loop), path_(std::move(path)), asked_(std::move(asked)) {}

// What is there already belonged to a daemon that has died: this one holds the lock.
base::Result<std::unique_ptr<HandoverListener>> HandoverListener::open(Loop& loop, const Paths& paths,
                                                                       Asked asked) {
  unlink(paths.handover.c_str());
  Descriptor socket = TRY(listen_for_packets_on(paths.handover));
  std::unique_ptr<HandoverListener> made(new HandoverListener(loop, paths.handover, std::move(asked)));
  HandoverListener* const self = made.get();
  made->listener_ = TRY(Listener::open(
      loop, std::move(socket), [self](Descriptor peer, Peer) { self->connected(std::move(peer)); },
      [](const base::Error&) {}));
  return made;
}

HandoverListener::~HandoverListener() {
  unlink(path_.c_str());
}

void HandoverListener::connected(Descriptor peer) {
  watch_ = Watch();
  peer_ = std::move(peer);
  if (auto watch = loop_.watch(peer_.get(), Interest::read, [this] { readable(); }))
    watch_ = std::move(*watch);
}

void HandoverListener::readable() {
  const auto packet = receive_packet(peer_.get(), words_max, Wait::no);
  if (!packet && packet.error() == EAGAIN) return;
  watch_ = Watch();
  Descriptor peer = std::move(peer_);
  if (packet && packet->bytes == wish_word) asked_(std::move(peer));
}

OtherProcess::OtherProcess(Loop& loop, Descriptor peer)
    : Successor(loop), peer_(std::move(peer)), patience_(loop, [this] {
        end(base::Error{"the process that was to take its place did not read the state in time", EAGAIN});
      }) {
  const timeval limit{std::chrono::duration_cast<std::chrono::seconds>(placing).count(), 0};
  setsockopt(peer_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

base::Result<void> OtherProcess::try_it(const Descriptor& state, base::Duration patience, Told told) {
  const int file = state.get();
  if (const auto sent = send_packet(peer_.get(), state_word, {&file, 1}, Wait::no); !sent)
    return std::unexpected(unanswered(sent.error()));
  told_ = std::move(told);
  watch_ = TRY(loop().watch(peer_.get(), Interest::read, [this] { readable(); }));
  patience_.set(now() + patience);
  return {};
}

void OtherProcess::readable() {
  const auto answer = receive_packet(peer_.get(), words_max, Wait::no);
  if (!answer && answer.error() == EAGAIN) return;
  if (answer && answer->bytes == "ok") return end(std::nullopt);
  if (!answer || answer->bytes.empty()) return end(unanswered(answer ? ECONNRESET : answer.error()));
  end(base::Error{answer->bytes});
}

void OtherProcess::end(std::optional<base::Error> why) {
  watch_ = Watch();
  patience_.clear();
  if (const Told told = std::exchange(told_, nullptr)) told(std::move(why));
}

base::Error OtherProcess::take_over(const Descriptor& state, std::vector<int> descriptors) {
  const std::span<const int> all(descriptors);
  for (std::size_t at = 0; at < all.size(); at += packet_descriptors_max) {
    const auto some = all.subspan(at, std::min(packet_descriptors_max, all.size() - at));
    std::string words(number_word);
    for (const int number : some) words.append(" ").append(std::to_string(number));
    if (const auto sent = send_packet(peer_.get(), words, some, Wait::yes); !sent)
      return unanswered(sent.error());
  }
  const int file = state.get();
  if (const auto sent = send_packet(peer_.get(), final_word, {&file, 1}, Wait::yes); !sent)
    return unanswered(sent.error());
  const auto answer = next_packet(peer_.get(), now() + placing);
  if (!answer) return answer.error();
  if (answer->bytes != "taken") return {answer->bytes};
  if (const auto sent = send_packet(peer_.get(), go_word, {}, Wait::yes); !sent)
    return unanswered(sent.error());
  _exit(0);
}

void OtherProcess::refuse(const base::Error& why) {
  static_cast<void>(send_packet(peer_.get(), why.what.substr(0, words_max), {}, Wait::no));
}

base::Result<std::string> take_over_from(
    Descriptor& peer, const std::function<base::Result<void>(const std::string&)>& can_go_on,
    std::vector<Descriptor*> own) {
  std::vector<Numbered> all;
  const base::Instant give_up = now() + all_of_it;
  own.push_back(&peer);
  const auto say = [&](std::string_view words) -> base::Result<void> {
    if (const auto sent = send_packet(peer.get(), words.substr(0, words_max), {}, Wait::yes); !sent)
      return system_failure("the daemon that runs does not listen", sent.error());
    return {};
  };
  const auto refuse = [&](const base::Error& why) {
    static_cast<void>(say(why.what));
    return std::unexpected(why);
  };
  std::string state;
  TRY(say(wish_word));
  for (;;) {
    Packet packet = TRY(next_packet(peer.get(), give_up));
    const bool file = packet.descriptors.size() == 1;
    if (packet.bytes == state_word && file) {
      const auto text = contents_of(packet.descriptors.front());
      if (!text) return refuse(text.error());
      if (const auto can = can_go_on(*text); !can) return refuse(can.error());
      TRY(say("ok"));
    } else if (packet.bytes.starts_with(number_word)) {
      const std::vector<int> numbers = numbers_in(packet.bytes);
      if (numbers.size() != packet.descriptors.size())
        return refuse({"not all descriptors came along", EMFILE});
      for (std::size_t i = 0; i < numbers.size(); ++i)
        all.push_back({numbers[i], std::move(packet.descriptors[i])});
    } else if (packet.bytes == final_word && file) {
      auto text = contents_of(packet.descriptors.front());
      packet.descriptors.clear();
      if (!text) return refuse(text.error());
      if (const auto placed = place(std::exchange(all, {}), own); !placed) return refuse(placed.error());
      state = std::move(*text);
      TRY(say("taken"));
    } else if (packet.bytes == go_word && !state.empty()) {
      // Its end frees what marks the daemon for others (io/daemon_end.h).
      static_cast<void>(next_packet(peer.get(), now() + placing));
      return state;
    } else {
      return base::failure(packet.bytes);
    }
  }
}

}  // namespace io
