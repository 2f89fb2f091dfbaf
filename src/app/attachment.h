// A session's hold on the world: the client's pipes, the shim's connection, the journal.
//
// The client's bytes are read and written here directly; the shim that passed the pipes sleeps. Ends in one
// of three ways: the client closes its stdin and has all its answers, the shim's connection or the client's
// stdout breaks, or the broker closes the session.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "core/ids.h"
#include "io/descriptor.h"
#include "io/loop.h"
#include "io/mapped_page.h"
#include "io/passed.h"
#include "io/stream.h"
#include "proto/journal.h"

namespace app {

class Attachment {
 public:
  struct Parts {
    core::SessionId session;
    io::Descriptor input;
    io::Descriptor output;
    io::Descriptor journal;
    io::Descriptor connection;
    std::size_t line_max = 0;
  };
  struct Events {
    std::function<void(proto::Line&&)> on_line;
    std::function<void()> on_read;  // After the lines of one read.
    std::function<void()> on_drained;
    std::function<void()> on_gone;         // There is nobody to talk to any more.
    std::function<void()> on_output_gone;  // The client's stdout cannot be written to any more.
    std::function<void()> on_input_end;    // After a last line, even one without its newline.
  };

  static base::Result<std::unique_ptr<Attachment>> open(io::Loop& loop, Parts parts, Events events);

  // For the program that this one becomes (app/daemon_state.h).
  struct Saved {
    core::SessionId session;
    io::Passed journal;
    std::string page;  // What no file keeps of the journal.
    io::Passed connection;
    io::Reader::Saved reader;
    io::Writer::Saved writer;
    bool congested = false;
    bool input_ended = false;
    bool noted_unread = false;
    static constexpr std::size_t fields = 9;
  };
  bool settled() const { return !writer_->about_to_report(); }
  Saved saved() const;
  static base::Result<std::unique_ptr<Attachment>> resume(io::Loop& loop, Saved saved, Events events);

  // Tells the shim that it may sleep.
  void accept();
  // A line that an earlier daemon had begun to read is gone on with.
  void resume_unread();
  // Keeps what of the client's next line has come so far where a next daemon finds it.
  void note_unread();

  void say(std::string_view text);
  // Flushes, lets go of the client's pipes, then tells the shim that the session is over, or that it comes
  // back with its client's next request. Nothing is called back afterwards.
  void end(std::string_view reason) { let_go("end", reason); }
  void rest(std::string_view reason) { let_go("rest", reason); }

  io::Reader& reader() { return *reader_; }
  io::Writer& writer() { return *writer_; }
  std::span<std::byte> page() const { return page_.bytes(); }
  core::SessionId session() const { return session_; }

  bool dirty = false;      // Has something to flush in this turn.
  bool congested = false;  // The broker was told that it is blocked.
  bool input_ended = false;

 private:
  Attachment(core::SessionId session, io::Descriptor journal, io::MappedPage page, io::Descriptor connection,
             Events events);
  base::Result<void> watch_connection(io::Loop& loop);
  io::Reader::Events reader_events();
  io::Writer::Events writer_events();
  void connection_ready();
  void input_end();
  void let_go(std::string_view how, std::string_view reason);

  core::SessionId session_;
  io::Descriptor journal_file_;
  io::MappedPage page_;
  proto::Journal journal_;
  io::Descriptor connection_;
  io::Watch connection_watch_;
  Events events_;
  std::unique_ptr<io::Reader> reader_;
  std::unique_ptr<io::Writer> writer_;
  bool noted_unread_ = false;
};

}  // namespace app
