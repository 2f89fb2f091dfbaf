// Which servers refuse initialize for the revision that is offered first, and what they take instead.
//
// It may be another after an upgrade. So a note is good for a day, and only as long as its program's file is
// older. Each is one small file, whose name is a hash of what is run, or of the URL, and which holds the
// revision.
#pragma once

#include <optional>
#include <string>

#include "broker/action.h"
#include "core/server_spec.h"
#include "proto/revision.h"

namespace app {

class RevisionNotes {
 public:
  explicit RevisionNotes(std::string directory) : directory_(std::move(directory)) {}

  // What to offer it first; absent: the newest.
  std::optional<proto::Revision> offer_for(const core::ServerSpec& spec) const;
  // Without a note the server refuses once more: nothing is lost by a failure.
  void note(const broker::NoteOffer& taken) const;

 private:
  std::string directory_;
};

}  // namespace app
