// config.json as the daemon reads it: anew for each session, and without ever waiting long for it.
//
// The file is read in a process of its own (io/aside.h). When that takes too long, because the file lies on a
// mount whose server is gone, what was read before is used for a while, with a complaint.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "base/time.h"

namespace app {

class ConfigFile {
 public:
  explicit ConfigFile(std::string path) : path_(std::move(path)) {}

  Config load();

  // What is wrong with it and was not the last time: for the log, which is to have each complaint once.
  std::vector<std::string> news(const Config& config);

 private:
  Config as_before() const;

  std::string path_;
  std::optional<std::string> text_;  // As it was when it could be read last.
  std::set<std::string> told_;
  std::optional<base::Instant> not_before_;  // It did not answer: do not try again before.
};

}  // namespace app
