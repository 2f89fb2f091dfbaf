#include "shim/stand_in.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "io/clock.h"
#include "shim/small.h"
#include "shim/write.h"

namespace shim {

namespace {

constexpr std::size_t line_max = std::size_t{64} << 20;  // As the daemon's default.
// Each try may start a daemon that reads its configuration and fails; a client may send many requests at
// once.
constexpr auto try_interval = std::chrono::seconds(3);
// Of what is said while the session rests: `initialized` and the like. More is not kept.
constexpr std::size_t said_at_rest_max = std::size_t{64} << 10;

}  // namespace

StandIn::StandIn(const AttachSpec& spec, Client& client, Refusal refusal)
    : spec_(spec),
      client_(client),
      apology_{.server = std::string(spec.wish.server()), .sentence = {}, .retryable = false},
      journal_(client.page()),
      lines_(line_max),
      last_try_(io::now()),
      taken_over_(std::unexpected(Refusal{})) {
  adopt(std::move(refusal));
}

void StandIn::adopt(Refusal refusal) {
  if (refusal.sentence != apology_.sentence) tell(refusal.sentence);
  kind_ = refusal.kind;
  apology_.sentence = std::move(refusal.sentence);
  apology_.retryable = kind_ != Refusal::Kind::for_good;
}

std::expected<Attachment, StandIn::End> StandIn::run() {
  client_.restore();
  tidy_up();
  for (;;) {
    answer_lines();
    if (taken_over_) return std::move(*taken_over_);
    if (std::expected<void, End> read = read_more(); !read) return std::unexpected(read.error());
  }
}

void StandIn::tidy_up() {
  const std::string relayed = client_.relay() == nullptr ? std::string() : client_.relay()->take_back();
  std::string text;
  if (journal_.writing()) text += '\n';
  text += apology_for_lost(journal_.calls(), apology_.server);
  if (!text.empty()) write_all(STDOUT_FILENO, text);
  journal_.set_writing(false);
  journal_.forget_calls();

  const std::optional<std::string_view> unread = journal_.unread();
  if (unread) {
    lines_.resume(std::string(*unread) + relayed);
  } else {
    lines_.resume_lost();
    const std::span<char> room = lines_.room();
    const std::size_t fits = relayed.copy(room.data(), room.size());
    lines_.filled(fits);
  }
  journal_.set_unread("");
}

std::expected<void, StandIn::End> StandIn::read_more() {
  if (kind_ == Refusal::Kind::resting) give_back_memory();
  // Stdout is only looked at: a reader that has gone is told without being asked for.
  std::array<pollfd, 2> waits = {pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{STDOUT_FILENO, 0, 0}};
  if (::poll(waits.data(), waits.size(), -1) < 0) return {};
  if (waits[1].revents != 0) return std::unexpected(left());
  const std::span<char> room = lines_.room();
  const ssize_t got = ::read(STDIN_FILENO, room.data(), room.size());
  if (got > 0) lines_.filled(static_cast<std::size_t>(got));
  if (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN))) return {};
  // A last line without its newline is one, too.
  if (lines_.unfinished() != 0) {
    lines_.room().front() = '\n';
    lines_.filled(1);
    return {};
  }
  return std::unexpected(left());
}

void StandIn::answer_lines() {
  while (const std::optional<proto::Line> line = lines_.next()) {
    if (!line->overlong && is_request(*line) && may_try()) try_again(*line);
    if (taken_over_) return;
    const std::string answer = apology_for(*line, apology_);
    if (answer.empty() && kind_ == Refusal::Kind::resting) keep(line->bytes.text);
    write_all(STDOUT_FILENO, answer);
  }
}

void StandIn::keep(std::string_view line) {
  if (said_at_rest_.size() + line.size() < said_at_rest_max) said_at_rest_.append(line).append("\n");
}

bool StandIn::may_try() const {
  if (kind_ == Refusal::Kind::resting) return true;
  return kind_ != Refusal::Kind::for_good && io::now() - last_try_ >= try_interval;
}

// The request and what has been read behind it go to the daemon first.
void StandIn::try_again(const proto::Line& line) {
  std::string held = std::exchange(said_at_rest_, {});
  held.append(line.bytes.text).append("\n").append(lines_.unfinished_bytes());
  if (!client_.put_back(held)) return;
  // The daemon that was shut down may be on its way out still.
  taken_over_ = kind_ == Refusal::Kind::resting ? attach(spec_) : attach_once(spec_);
  last_try_ = io::now();
  if (taken_over_) return;
  // Still ours to answer.
  client_.relay()->take_back();
  adopt(std::move(taken_over_.error()));
}

StandIn::End StandIn::left() const {
  return kind_ == Refusal::Kind::resting ? End::left_at_rest : End::left_unserved;
}

}  // namespace shim
