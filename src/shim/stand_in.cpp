#include "shim/stand_in.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "io/clock.h"
#include "shim/write.h"

namespace shim {

namespace {

constexpr std::size_t line_max = std::size_t{64} << 20;  // As the daemon's default.
// Each try may start a daemon that reads its configuration and fails; a client may send many requests at
// once.
constexpr auto try_interval = std::chrono::seconds(3);

std::span<std::byte> map_journal(int fd) {
  void* page = ::mmap(nullptr, proto::journal_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) return {};
  return {static_cast<std::byte*>(page), proto::journal_bytes};
}

}  // namespace

StandIn::StandIn(const AttachSpec& spec, Client& client, Refusal refusal)
    : spec_(spec),
      client_(client),
      apology_{.server = std::string(spec.wish.server()), .sentence = {}, .retryable = false},
      page_(map_journal(client.journal())),
      journal_(page_),
      lines_(line_max),
      last_try_(io::now()),
      taken_over_(std::unexpected(Refusal{})) {
  adopt(std::move(refusal));
}

StandIn::~StandIn() {
  if (!page_.empty()) ::munmap(page_.data(), page_.size());
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
  pollfd readable{STDIN_FILENO, POLLIN, 0};
  if (::poll(&readable, 1, -1) < 0) return {};
  const std::span<char> room = lines_.room();
  const ssize_t got = ::read(STDIN_FILENO, room.data(), room.size());
  if (got > 0) lines_.filled(static_cast<std::size_t>(got));
  if (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN))) return {};
  return std::unexpected(End::client_left);
}

void StandIn::answer_lines() {
  while (const std::optional<proto::Line> line = lines_.next()) {
    if (!line->overlong && is_request(*line) && may_try()) try_again(*line);
    if (taken_over_) return;
    write_all(STDOUT_FILENO, apology_for(*line, apology_));
  }
}

bool StandIn::may_try() const {
  return kind_ != Refusal::Kind::for_good && io::now() - last_try_ >= try_interval;
}

// The request and what has been read behind it go to the daemon first.
void StandIn::try_again(const proto::Line& line) {
  std::string held(line.bytes.text);
  held.append("\n").append(lines_.unfinished_bytes());
  if (!client_.put_back(held)) return;
  taken_over_ = attach_once(spec_);
  last_try_ = io::now();
  if (taken_over_) return;
  // Still ours to answer.
  client_.relay()->take_back();
  adopt(std::move(taken_over_.error()));
}

}  // namespace shim
