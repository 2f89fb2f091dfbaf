// Writes a file in a process of its own, so that a slow or full disk stops nobody.
//
// What is given to it goes through a socket: what the system has taken of that reaches the file even if this
// process is killed the moment after, and what the socket does not take at once waits here, where the owner
// bounds it. If the file takes nothing more, the process cuts it back to whole lines, puts a last one there,
// which it makes itself, and ends; the owner learns why. The process also ends when it has written everything
// and nobody holds the other end.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "io/descriptor.h"

namespace io {

// A file that was not there before: mode 0600, nothing is followed and nothing overwritten.
base::Result<Descriptor> make_new_file(const std::string& path);

class Scribe {
 public:
  // `last_line` is called in the other process, with an errno; what it returns ends with a newline.
  // Forks. Early: what is allocated before is shared with it.
  static base::Result<Scribe> start(Descriptor file, const std::function<std::string(int code)>& last_line);

  Scribe(Scribe&&) noexcept = default;
  Scribe& operator=(Scribe&&) noexcept = default;

  // Whole lines. Never blocks. After trouble they are dropped.
  void write(std::string_view lines);
  // What waits, again; when the socket is ready for it.
  void flush();
  std::size_t waiting() const { return waiting_.size() - sent_; }

  // An errno: from now on nothing is written.
  std::optional<int> trouble();

  // To be watched: for room while something waits, and for a hang-up.
  int socket() const { return socket_.get(); }

  // Nothing more comes, and nothing waits: the process ends by itself.
  void no_more();
  // The same, but blocks until everything is in the file, `patience` at most.
  void finish(base::Duration patience);

 private:
  explicit Scribe(Descriptor socket) : socket_(std::move(socket)) {}
  void send();
  void forget();

  Descriptor socket_;
  std::string waiting_;
  std::size_t sent_ = 0;  // Of that: it is cut off where much of it is gone.
  std::optional<int> trouble_;
  bool ending_ = false;   // Nothing more comes.
  bool written_ = false;  // Everything is in the file.
};

}  // namespace io
