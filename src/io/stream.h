// Lines in, messages out, on descriptors that may belong to somebody else.
//
// A Reader reads once per readiness and cuts lines; a peer that sends many small ones has a number of them
// served in each turn of the loop, and is not read until the last is. A Writer gathers everything queued in a
// turn into one write. A message's bytes are never copied on their way through. Sockets are used with
// MSG_DONTWAIT and their flags never touched; pipes are made non-blocking, and set back when the stream ends,
// because the other users of the same open file description (the client, its shell) know nothing of us.
//
// Callbacks come from the loop, never from within a call of queue(), flush() or the like, so nothing
// re-enters. A stream that is let go from inside a callback must be retired through the loop, not destroyed
// on the spot.
//
// A stream goes on in the program that this one becomes (io/successor.h): saved() is called between two
// turns, and changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/descriptor.h"
#include "io/loop.h"
#include "io/passed.h"
#include "proto/journal.h"
#include "proto/lines.h"
#include "proto/message.h"

namespace io {

// How reads and writes on a descriptor are kept from blocking.
class Borrowed {
 public:
  explicit Borrowed(Descriptor descriptor);
  struct Saved {
    Passed descriptor;
    bool restore = false;
    static constexpr std::size_t fields = 2;
  };
  Borrowed(Descriptor taken, const Saved& saved);
  Saved saved() const { return {pass(descriptor_), restore_}; }
  Borrowed(Borrowed&&) noexcept = default;
  Borrowed& operator=(Borrowed&&) = delete;
  ~Borrowed();  // Sets the flags back, then closes.

  int fd() const { return descriptor_.get(); }
  bool is_socket() const { return socket_; }

 private:
  Descriptor descriptor_;
  bool socket_ = false;
  bool restore_ = false;  // We set O_NONBLOCK, so we clear it.
};

class Reader {
 public:
  // Of one reader in one turn. Calls in flight of ten busy sessions come in one read, and their answers leave
  // in one write; a read full of empty objects would keep everybody else waiting for tens of milliseconds.
  static constexpr std::size_t lines_per_turn = 256;
  // Of one read: what has been read and not been served must fit into what a journal keeps of it.
  static constexpr std::size_t read_max = std::size_t{64} << 10;

  struct Events {
    std::function<void(proto::Line&&)> on_line = {};
    std::function<void()> on_turn = {};              // After the lines of one turn. May be empty.
    std::function<void()> on_end = {};               // End of file. Nothing follows.
    std::function<void(base::Error)> on_error = {};  // Nothing follows.
  };

  static base::Result<std::unique_ptr<Reader>> open(Loop& loop, Descriptor source, std::size_t line_max,
                                                    Events events);

  // Lines that have been read already are still delivered.
  void pause();
  void resume();
  void close();  // No callback after this one, not even for lines that have been read.

  // Reads whatever is there now, up to `bytes_max`, without waiting for readiness and even if paused: the
  // last words of a process that has exited. Delivers lines, and on_end: the one member that calls back.
  void drain(std::size_t bytes_max);

  // There may be lines in lines() already: they are served from the next turn on.
  void serve_held();

  proto::LineReader& lines() { return lines_; }
  bool ended() const { return ended_; }
  bool waits() const;  // There is something to read, or the end.

  struct Saved {
    Borrowed::Saved source;
    proto::LineReader::Saved lines;
    std::size_t line_max = 0;
    bool held = false;
    bool paused = false;
    bool ended = false;
    static constexpr std::size_t fields = 6;
  };
  Saved saved() const;
  static base::Result<std::unique_ptr<Reader>> resume(Loop& loop, Saved saved, Events events);

 private:
  Reader(Loop& loop, Borrowed source, std::size_t line_max, Events events);
  enum class Outcome : std::uint8_t { more, nothing, end };
  void ready();
  Outcome read_once(std::size_t& count, std::size_t lines_max);
  void deliver(std::size_t lines_max);
  void set_interest();

  Borrowed source_;
  Watch watch_;
  proto::LineReader lines_;
  Events events_;
  Timer next_turn_;
  std::size_t line_max_ = 0;
  bool held_ = false;  // Lines that have been read wait for the next turn.
  bool paused_ = false;
  bool ended_ = false;
};

class Writer {
 public:
  struct Events {
    std::function<void()> on_drained = {};           // The queue is empty after having been blocked.
    std::function<void(base::Error)> on_error = {};  // Nothing more is written; what is queued is lost.
  };

  static base::Result<std::unique_ptr<Writer>> open(Loop& loop, Descriptor target, Events events);

  // Whether something half written has ever to be repaired: see proto/journal.h. The journal outlives the
  // writer.
  void mirror_into(proto::Journal* journal) { journal_ = journal; }

  void queue(proto::Message message);  // Followed by "\n". An empty message ends somebody else's half line.
  void queue_answer(proto::Message message,
                    std::uint16_t slot);   // Ends that call of the journal when written.
  void queue_raw(proto::Message message);  // As it is.

  // Writes as much as the other side takes. Once per turn, for every writer that was queued to.
  void flush();

  std::size_t queued_bytes() const { return queued_bytes_; }
  std::size_t queued_messages() const { return queue_.size() - head_; }
  std::size_t unread_bytes() const;          // Written into a pipe, and not yet read from it.
  bool blocked() const { return blocked_; }  // The other side does not take more for now.
  bool failed() const { return failed_; }
  bool used() const { return used_; }  // Something was queued, at some time.
  bool half_written() const { return written_of_first_ != 0; }
  bool about_to_report() const { return report_ != nullptr; }  // on_error comes in the next turn.

  struct Entry {
    proto::Message message;
    std::size_t bytes = 0;  // With its terminator.
    bool line = true;
    std::optional<std::uint16_t> ends_call = std::nullopt;
    static constexpr std::size_t fields = 4;
  };
  // Not while it is about to report.
  struct Saved {
    Borrowed::Saved target;
    std::vector<Entry> queue;
    std::size_t written_of_first = 0;
    bool keeps_unread = false;
    std::string unwritten;
    bool failed = false;
    bool used = false;
    static constexpr std::size_t fields = 7;
  };
  Saved saved() const;
  static base::Result<std::unique_ptr<Writer>> resume(Loop& loop, Saved saved, Events events);

  // Of a pipe: what is queued when it fails is kept for take_unread(), up to a limit.
  void keep_unread() { keeps_unread_ = true; }
  // Once nobody reads it any more: what was queued and has not been read, in order. The first message may
  // lack its beginning. Nothing more is written.
  std::string take_unread();

 private:
  Writer(Loop& loop, Borrowed target, Events events);
  void push(Entry entry);
  void ready();
  void write_out();
  bool write_some();
  void written(std::size_t count);
  void unpin();
  void keep(const Entry& entry);
  void forget_written();
  void fail(int code);

  Loop& loop_;
  Borrowed target_;
  Watch watch_;
  Events events_;
  proto::Journal* journal_ = nullptr;
  std::unique_ptr<Timer> report_;  // Carries an error found by flush() into a callback.
  std::vector<Entry> queue_;       // From head_ on; those before are written.
  std::size_t head_ = 0;
  std::size_t unpinned_ = 0;          // Entries before this one do not hold on to anybody's read buffer.
  std::size_t written_of_first_ = 0;  // Bytes of the entry at head_ that are written.
  std::size_t queued_bytes_ = 0;
  bool keeps_unread_ = false;
  std::string unwritten_;  // Once failed: what was queued.
  bool blocked_ = false;
  bool failed_ = false;
  bool used_ = false;
};

}  // namespace io
