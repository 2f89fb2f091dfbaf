// What earlier starts of servers have shown, for their next ones.
//
// Which servers are not to be asked whether they are modern ones, because they ended, or said nothing, when
// they were; what revision they take where they refuse the one that is offered first; which ones ask their
// clients something; and which ask for roots. The first two may be otherwise after an upgrade, so such a note
// is good for a day, and only as long as the program's file is older; the others are good for a month. Each
// note is one small file, whose name is a hash of what is run, or of the URL of a server that is elsewhere.
// Without a note something is learnt once more: nothing is lost by a failure.
#pragma once

#include <string>

#include "broker/action.h"
#include "core/server_spec.h"

namespace app {

class Learnt {
 public:
  // Directories of notes are made below it when they are needed.
  explicit Learnt(std::string state_directory) : directory_(std::move(state_directory)) {}

  // What is known of the server is filled in.
  void recall(core::ServerSpec& spec) const;

  void note(const broker::NoteNoProbe& learnt) const;
  void note(const broker::NoteAsks& learnt) const;
  void note(const broker::NoteRoots& learnt) const;
  void note(const broker::NoteOffer& learnt) const;

 private:
  std::string directory_;
};

}  // namespace app
