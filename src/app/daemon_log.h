// The daemon's own log: one line an event, with its time. Never holds payload, environment values or
// credentials.
#pragma once

#include <string>
#include <string_view>

#include "broker/action.h"
#include "io/rotating_file.h"

namespace app {

class DaemonLog {
 public:
  // `no_directory`: why there is none for it; empty: there is.
  explicit DaemonLog(std::string path, std::string no_directory = {});

  // In the foreground: on stderr too, as far as it takes it without waiting.
  void show() { shown_ = true; }

  void write(broker::Severity severity, std::string_view text);
  // A sentence once the file takes nothing, the first time that anybody asks; else empty.
  std::string news_of_loss();
  void info(std::string_view text) { write(broker::Severity::info, text); }
  void warning(std::string_view text) { write(broker::Severity::warning, text); }

 private:
  io::RotatingFile file_;
  std::string no_directory_;
  bool shown_ = false;
  bool loss_told_ = false;
};

}  // namespace app
