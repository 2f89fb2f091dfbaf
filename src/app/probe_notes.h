// Which servers are not to be asked whether they are modern ones, because they ended, or said nothing, when
// they were.
//
// Such a server is a legacy one today; it may be another after an upgrade. So a note is good for a day, and
// only as long as its program's file is older. It lasts in one empty file each, whose name is a hash of what
// is run, or of the URL of a server that is elsewhere.
#pragma once

#include <string>

#include "core/server_spec.h"

namespace app {

class ProbeNotes {
 public:
  explicit ProbeNotes(std::string directory) : directory_(std::move(directory)) {}

  bool may_ask(const core::ServerSpec& spec) const;
  // Without a note the server ends once more, or is waited for: nothing is lost by a failure.
  void note(const std::string& program, const std::vector<std::string>& args) const;

 private:
  std::string file_of(const std::string& program, const std::vector<std::string>& args) const;

  std::string directory_;
};

}  // namespace app
