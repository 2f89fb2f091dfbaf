// Keeps the daemon's recording: what its broker is told, as lines of a file (record/recording.h).
//
// Each line is on its way to the file before the broker hears of the event, so a daemon that an event kills
// has recorded it. A recording that is full, or whose disk is, ends; the daemon goes on without.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/loop.h"
#include "io/scribe.h"
#include "record/recording.h"

namespace app {

// What is wished for: a file, or a directory for one of each daemon; neither: nothing.
struct RecordWish {
  std::string file;
  std::string directory;
  std::size_t bytes_max = record::bytes_max;
};

class Recorder {
 public:
  // `say` takes sentences for the log.
  static base::Result<std::unique_ptr<Recorder>> start(io::Loop& loop, const RecordWish& wish,
                                                       const record::Header& header,
                                                       std::function<void(std::string)> say);

  void note(const broker::Event& event, base::Instant at);
  void note(const record::What& what, base::Instant at);
  // The daemon ends. Waits a moment for the file.
  void end(base::Instant at);

  const std::string& file() const { return file_; }

 private:
  Recorder(io::Scribe scribe, std::string file, std::size_t bytes_max, record::Mask mask,
           std::function<void(std::string)> say);
  void put(const std::string& line, base::Instant at);
  void look();

  std::string file_;
  std::size_t bytes_max_;
  record::Mask mask_;
  std::function<void(std::string)> say_;
  io::Scribe scribe_;
  io::Watch watch_;
  std::size_t bytes_ = 0;
  bool waits_ = false;  // For room in the scribe's socket.
  bool ended_ = false;
};

}  // namespace app
