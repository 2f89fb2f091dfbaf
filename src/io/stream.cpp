#include "io/stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/ensure.h"
#include "io/clock.h"
#include "io/gathered.h"
#include "io/system_error.h"

namespace io {

namespace {

// A message smaller than this is copied out of the read buffer it shares when it has to wait: it may keep
// 64 KiB or more.
constexpr std::size_t worth_pinning = 4096;

// Kept of what was queued for a pipe that failed: twice what may wait for a server before its sessions are no
// longer read, and more is an effort that nobody misses.
constexpr std::size_t unwritten_max = std::size_t{512} << 10;

// The queue's own memory that an idle writer keeps.
constexpr std::size_t idle_entries_max = 128;

}  // namespace

Borrowed::Borrowed(Descriptor descriptor) : descriptor_(std::move(descriptor)) {
  struct stat status{};
  socket_ = fstat(fd(), &status) == 0 && S_ISSOCK(status.st_mode);
  if (socket_) return;
  const int flags = fcntl(fd(), F_GETFL);
  restore_ = flags >= 0 && (flags & O_NONBLOCK) == 0 && fcntl(fd(), F_SETFL, flags | O_NONBLOCK) == 0;
}

Borrowed::Borrowed(Descriptor taken, const Saved& saved)
    : descriptor_(std::move(taken)), restore_(saved.restore) {
  struct stat status{};
  socket_ = fstat(fd(), &status) == 0 && S_ISSOCK(status.st_mode);
}

Borrowed::~Borrowed() {
  if (!descriptor_ || !restore_) return;
  const int flags = fcntl(fd(), F_GETFL);
  if (flags >= 0) fcntl(fd(), F_SETFL, flags & ~O_NONBLOCK);
}

// --- Reader

Reader::Reader(Loop& loop, Borrowed source, std::size_t line_max, Events events)
    : source_(std::move(source)),
      lines_(line_max, loop.read_buffer()),
      events_(std::move(events)),
      next_turn_(loop, [this] { deliver(lines_per_turn); }),
      line_max_(line_max) {}

base::Result<std::unique_ptr<Reader>> Reader::open(Loop& loop, Descriptor source, std::size_t line_max,
                                                   Events events) {
  std::unique_ptr<Reader> reader(new Reader(loop, Borrowed(std::move(source)), line_max, std::move(events)));
  Reader* self = reader.get();
  reader->watch_ = TRY(loop.watch(reader->source_.fd(), Interest::read, [self] { self->ready(); }));
  return reader;
}

Reader::Saved Reader::saved() const {
  return {.source = source_.saved(),
          .lines = lines_.saved(),
          .line_max = line_max_,
          .held = held_,
          .paused = paused_,
          .ended = ended_};
}

base::Result<std::unique_ptr<Reader>> Reader::resume(Loop& loop, Saved saved, Events events) {
  Descriptor taken = TRY(take(saved.source.descriptor));
  std::unique_ptr<Reader> reader(
      new Reader(loop, Borrowed(std::move(taken), saved.source), saved.line_max, std::move(events)));
  Reader* self = reader.get();
  reader->lines_.resume(std::move(saved.lines));
  reader->paused_ = saved.paused;
  reader->ended_ = saved.ended;
  reader->watch_ = TRY(loop.watch(reader->source_.fd(), Interest::none, [self] { self->ready(); }));
  if (saved.held) reader->serve_held();
  reader->set_interest();
  return reader;
}

void Reader::set_interest() {
  watch_.set(ended_ || paused_ || held_ ? Interest::none : Interest::read);
}

void Reader::pause() {
  paused_ = true;
  set_interest();
}

void Reader::resume() {
  paused_ = false;
  set_interest();
}

bool Reader::waits() const {
  pollfd readable{source_.fd(), POLLIN, 0};
  return !ended_ && (held_ || poll(&readable, 1, 0) > 0);
}

void Reader::close() {
  ended_ = true;
  next_turn_.clear();
  set_interest();
}

void Reader::serve_held() {
  if (ended_) return;
  held_ = true;
  next_turn_.set(now());
  set_interest();
}

void Reader::ready() {
  std::size_t count = 0;
  read_once(count, lines_per_turn);
}

void Reader::drain(std::size_t bytes_max) {
  if (held_ && !ended_) deliver(SIZE_MAX);
  std::size_t total = 0;
  while (!ended_ && total < bytes_max) {
    std::size_t count = 0;
    if (read_once(count, SIZE_MAX) != Outcome::more) return;
    total += count;
  }
}

Reader::Outcome Reader::read_once(std::size_t& count, std::size_t lines_max) {
  if (ended_) return Outcome::end;
  const std::span<char> all = lines_.room();
  const std::span<char> room = all.first(std::min(all.size(), read_max));
  ssize_t got = 0;
  do {
    got = source_.is_socket() ? recv(source_.fd(), room.data(), room.size(), MSG_DONTWAIT)
                              : read(source_.fd(), room.data(), room.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return Outcome::nothing;
  if (got <= 0) {
    const int code = got < 0 ? errno : 0;
    close();
    if (code == 0 && events_.on_end) events_.on_end();
    if (code != 0 && events_.on_error) events_.on_error(system_error("cannot read", code));
    return Outcome::end;
  }
  count = static_cast<std::size_t>(got);
  lines_.filled(count);
  deliver(lines_max);
  return Outcome::more;
}

void Reader::deliver(std::size_t lines_max) {
  const bool held_before = std::exchange(held_, false);
  for (std::size_t served = 0; !ended_; ++served) {
    if (served == lines_max) {
      held_ = true;
      break;
    }
    auto line = lines_.next();
    if (!line) break;
    events_.on_line(std::move(*line));
  }
  if (ended_) return;
  if (held_) next_turn_.set(now());
  if (held_ != held_before) set_interest();
  if (events_.on_turn) events_.on_turn();
}

// --- Writer

Writer::Writer(Loop& loop, Borrowed target, Events events)
    : loop_(loop), target_(std::move(target)), events_(std::move(events)) {}

base::Result<std::unique_ptr<Writer>> Writer::open(Loop& loop, Descriptor target, Events events) {
  std::unique_ptr<Writer> writer(new Writer(loop, Borrowed(std::move(target)), std::move(events)));
  Writer* self = writer.get();
  writer->watch_ = TRY(loop.watch(writer->target_.fd(), Interest::none, [self] { self->ready(); }));
  return writer;
}

Writer::Saved Writer::saved() const {
  ensure(!about_to_report());
  const auto head = queue_.begin() + static_cast<std::ptrdiff_t>(head_);
  return {.target = target_.saved(),
          .queue = {head, queue_.end()},
          .written_of_first = written_of_first_,
          .keeps_unread = keeps_unread_,
          .unwritten = unwritten_,
          .failed = failed_,
          .used = used_};
}

base::Result<std::unique_ptr<Writer>> Writer::resume(Loop& loop, Saved saved, Events events) {
  Descriptor taken = TRY(take(saved.target.descriptor));
  std::unique_ptr<Writer> writer(
      new Writer(loop, Borrowed(std::move(taken), saved.target), std::move(events)));
  Writer* self = writer.get();
  writer->queue_ = std::move(saved.queue);
  for (const Entry& entry : writer->queue_) writer->queued_bytes_ += entry.bytes;
  writer->queued_bytes_ -= saved.written_of_first;
  writer->written_of_first_ = saved.written_of_first;
  writer->keeps_unread_ = saved.keeps_unread;
  writer->unwritten_ = std::move(saved.unwritten);
  writer->failed_ = saved.failed;
  writer->used_ = saved.used;
  // What is left has not been taken; whether it would be now is found out by the loop.
  writer->blocked_ = !writer->queue_.empty();
  writer->watch_ = TRY(loop.watch(writer->target_.fd(), writer->blocked_ ? Interest::write : Interest::none,
                                  [self] { self->ready(); }));
  return writer;
}

void Writer::queue(proto::Message message) {
  push({.message = std::move(message)});
}

void Writer::queue_answer(proto::Message message, std::uint16_t slot) {
  push({.message = std::move(message), .ends_call = slot});
}

void Writer::queue_raw(proto::Message message) {
  push({.message = std::move(message), .line = false});
}

void Writer::push(Entry entry) {
  if (failed_) return keep(entry);
  entry.bytes = entry.message.size() + (entry.line ? 1 : 0);
  if (entry.bytes == 0) return;
  used_ = true;
  queued_bytes_ += entry.bytes;
  queue_.push_back(std::move(entry));
}

void Writer::flush() {
  if (failed_ || head_ == queue_.size()) return;
  if (!blocked_) write_out();
  if (blocked_) unpin();
}

std::size_t Writer::unread_bytes() const {
  int count = 0;
  return ioctl(target_.fd(), FIONREAD, &count) == 0 ? static_cast<std::size_t>(count) : 0;
}

void Writer::ready() {
  if (failed_ || !blocked_) return;
  blocked_ = false;
  write_out();
  if (blocked_ || failed_) return;
  watch_.set(Interest::none);
  if (events_.on_drained) events_.on_drained();
}

void Writer::write_out() {
  if (journal_ != nullptr) journal_->set_writing(true);
  while (head_ < queue_.size() && write_some()) {
  }
  if (failed_) return;
  if (journal_ != nullptr) journal_->set_writing(half_written());
  if (blocked_) watch_.set(Interest::write);
  forget_written();
}

// One write. False when there is no point in another one now.
bool Writer::write_some() {
  Gathered pieces(written_of_first_);
  for (std::size_t i = head_; i < queue_.size() && pieces.has_room(); ++i) {
    queue_[i].message.each_piece([&](std::string_view piece) { pieces.add(piece); });
    if (queue_[i].line) pieces.add("\n");
  }
  const ssize_t put = target_.is_socket() ? pieces.send_to(target_.fd()) : pieces.write_to(target_.fd());
  if (put < 0 && errno != EAGAIN) {
    fail(errno);
    return false;
  }
  if (put > 0) written(static_cast<std::size_t>(put));
  blocked_ = put < 0 || static_cast<std::size_t>(put) < pieces.size();
  return !blocked_;
}

void Writer::written(std::size_t count) {
  queued_bytes_ -= count;
  while (count > 0) {
    Entry& entry = queue_[head_];
    const std::size_t left = entry.bytes - written_of_first_;
    if (count < left) {
      written_of_first_ += count;
      return;
    }
    count -= left;
    if (entry.ends_call && journal_ != nullptr) journal_->call_ended(*entry.ends_call);
    entry.message = proto::Message();
    written_of_first_ = 0;
    ++head_;
  }
}

// What stays queued for a while should not keep whole read buffers alive.
void Writer::keep(const Entry& entry) {
  if (!keeps_unread_) return;
  if (unwritten_.size() + entry.message.size() > unwritten_max) {
    keeps_unread_ = false;
    unwritten_.clear();
    return;
  }
  unwritten_ += entry.message.text();
  if (entry.line) unwritten_ += '\n';
}

std::string Writer::take_unread() {
  std::string unread;
  // The reading end is gone, but the pipe is there as long as we hold the other.
  const std::string pipe = "/proc/self/fd/" + std::to_string(target_.fd());
  const Descriptor again(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::array<char, std::size_t{16} << 10> part{};
  for (ssize_t got = 1; again && got > 0 && unread.size() < unwritten_max;) {
    got = ::read(again.get(), part.data(), part.size());
    if (got > 0) unread.append(part.data(), static_cast<std::size_t>(got));
  }
  if (!failed_) fail(EPIPE);
  report_.reset();
  return unread + std::exchange(unwritten_, {});
}

void Writer::unpin() {
  for (std::size_t i = std::max(unpinned_, head_); i < queue_.size(); ++i) {
    Entry& entry = queue_[i];
    if (entry.bytes < worth_pinning && entry.message.bytes().owner != nullptr) {
      entry.message = proto::Message(entry.message.text());
    }
  }
  unpinned_ = queue_.size();
}

void Writer::forget_written() {
  if (head_ == queue_.size()) {
    queue_.clear();
    head_ = unpinned_ = 0;
    if (queue_.capacity() > idle_entries_max) queue_.shrink_to_fit();
  } else if (head_ >= 64 && head_ * 2 > queue_.size()) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(head_));
    unpinned_ -= std::min(unpinned_, head_);
    head_ = 0;
  }
}

void Writer::fail(int code) {
  failed_ = true;
  blocked_ = false;
  for (std::size_t i = head_; i < queue_.size(); ++i) keep(queue_[i]);
  unwritten_.erase(0, std::min(written_of_first_, unwritten_.size()));
  queue_.clear();
  queue_.shrink_to_fit();
  head_ = unpinned_ = 0;
  queued_bytes_ = 0;
  watch_.set(Interest::none);
  report_ = std::make_unique<Timer>(loop_, [this, code] {
    report_.reset();
    if (events_.on_error) events_.on_error(system_error("cannot write", code));
  });
  report_->set(now());
}

}  // namespace io
