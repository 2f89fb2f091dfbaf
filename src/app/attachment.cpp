#include "app/attachment.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "proto/json.h"

namespace app {
namespace {

// A begun line longer than this is not kept for a next daemon: it would be copied again with every read.
constexpr std::size_t unread_kept_max = std::size_t{64} << 10;

std::string notice(std::string_view key, std::string_view text) {
  proto::json::Writer line;
  line.object();
  line.key(key).string(text);
  line.end();
  return line.text() + '\n';
}

}  // namespace

Attachment::Attachment(core::SessionId session, io::Descriptor journal, io::MappedPage page,
                       io::Descriptor connection, Events events)
    : session_(session),
      journal_file_(std::move(journal)),
      page_(std::move(page)),
      journal_(page_.bytes()),
      connection_(std::move(connection)),
      events_(std::move(events)) {}

base::Result<std::unique_ptr<Attachment>> Attachment::open(io::Loop& loop, Parts parts, Events events) {
  io::MappedPage page = TRY(io::MappedPage::map(parts.journal, proto::journal_bytes));
  std::unique_ptr<Attachment> made(new Attachment(parts.session, std::move(parts.journal), std::move(page),
                                                  std::move(parts.connection), std::move(events)));
  TRY(made->watch_connection(loop));
  made->reader_ = TRY(io::Reader::open(loop, std::move(parts.input), parts.line_max, made->reader_events()));
  made->writer_ = TRY(io::Writer::open(loop, std::move(parts.output), made->writer_events()));
  made->writer_->mirror_into(&made->journal_);
  return made;
}

Attachment::Saved Attachment::saved() const {
  return {.session = session_,
          .journal = io::pass(journal_file_),
          .page = page_.not_in(journal_file_),
          .connection = io::pass(connection_),
          .reader = reader_->saved(),
          .writer = writer_->saved(),
          .congested = congested,
          .input_ended = input_ended,
          .noted_unread = noted_unread_};
}

base::Result<std::unique_ptr<Attachment>> Attachment::resume(io::Loop& loop, Saved saved, Events events) {
  io::Descriptor journal = TRY(io::take(saved.journal));
  io::Descriptor connection = TRY(io::take(saved.connection));
  io::MappedPage page = TRY(io::MappedPage::map(journal, proto::journal_bytes));
  std::memcpy(page.bytes().data(), saved.page.data(), std::min(saved.page.size(), page.bytes().size()));
  std::unique_ptr<Attachment> made(new Attachment(saved.session, std::move(journal), std::move(page),
                                                  std::move(connection), std::move(events)));
  made->congested = saved.congested;
  made->input_ended = saved.input_ended;
  made->noted_unread_ = saved.noted_unread;
  TRY(made->watch_connection(loop));
  made->reader_ = TRY(io::Reader::resume(loop, std::move(saved.reader), made->reader_events()));
  made->writer_ = TRY(io::Writer::resume(loop, std::move(saved.writer), made->writer_events()));
  made->writer_->mirror_into(&made->journal_);
  return made;
}

base::Result<void> Attachment::watch_connection(io::Loop& loop) {
  connection_watch_ = TRY(loop.watch(connection_.get(), io::Interest::read, [this] { connection_ready(); }));
  return {};
}

io::Reader::Events Attachment::reader_events() {
  return {.on_line = [this](proto::Line&& line) { events_.on_line(std::move(line)); },
          .on_turn = [this] { events_.on_read(); },
          .on_end = [this] { input_end(); },
          .on_error = [this](const base::Error&) { events_.on_gone(); }};
}

io::Writer::Events Attachment::writer_events() {
  return {.on_drained = [this] { events_.on_drained(); },
          .on_error = [this](const base::Error&) { events_.on_output_gone(); }};
}

void Attachment::connection_ready() {
  std::array<char, 256> ignored{};
  const ssize_t got = recv(connection_.get(), ignored.data(), ignored.size(), MSG_DONTWAIT);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
  events_.on_gone();
}

// `printf` and the like leave out the last newline. What is cut off in the middle is no JSON and is refused.
void Attachment::input_end() {
  proto::LineReader& lines = reader_->lines();
  if (lines.unfinished() != 0) {
    lines.room().front() = '\n';
    lines.filled(1);
    while (auto line = lines.next()) events_.on_line(std::move(*line));
    events_.on_read();
  }
  input_ended = true;
  events_.on_input_end();
}

void Attachment::accept() {
  constexpr std::string_view answer =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: hearth-session/1\r\n\r\n";
  (void)send(connection_.get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Attachment::resume_unread() {
  if (const auto unread = journal_.unread()) {
    if (unread->empty()) return;
    reader_->lines().resume(*unread);
    reader_->serve_held();  // Whole lines among them, too, if the daemon before did not come to serve them.
  } else {
    reader_->lines().resume_lost();
  }
}

void Attachment::note_unread() {
  const std::size_t unfinished = reader_->lines().unfinished();
  if (unfinished == 0 && !noted_unread_) return;
  noted_unread_ = unfinished != 0;
  if (unfinished > unread_kept_max) {
    journal_.set_unread_lost();
  } else {
    journal_.set_unread(reader_->lines().unfinished_bytes());
  }
}

void Attachment::say(std::string_view text) {
  const std::string line = notice("say", text);
  // The shim reads at once or is stopped; what does not fit is only a word for a person.
  (void)send(connection_.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Attachment::let_go(std::string_view how, std::string_view reason) {
  writer_->flush();
  reader_.reset();
  writer_.reset();
  connection_watch_ = {};
  const std::string line = notice(how, reason);
  (void)send(connection_.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  connection_.reset();
}

}  // namespace app
