// Which servers are known to ask their clients something, because they did.
//
// The calls of such a server take turns from the start, so that not even its first question is uncertain. A
// note is good for a month after the server was last seen asking. It lasts in one empty file each, whose name
// is a hash of what is run.
#pragma once

#include <string>
#include <vector>

#include "core/server_spec.h"

namespace app {

class AsksNotes {
 public:
  explicit AsksNotes(std::string directory) : directory_(std::move(directory)) {}

  bool asks(const core::ServerSpec& spec) const;
  // Without a note one question is uncertain again: nothing else is lost by a failure.
  void note(const std::string& program, const std::vector<std::string>& args) const;

 private:
  std::string file_of(const std::string& program, const std::vector<std::string>& args) const;

  std::string directory_;
};

}  // namespace app
