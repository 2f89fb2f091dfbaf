// What is kept of HTTP sessions so that a next daemon finds them again: a record and a journal each, in
// files.
//
// A client over HTTP comes back with its session id only; whoever answers has to know what the session is
// about. The files are in a directory of ours (0700) and end with the session, or when nobody has asked for
// them for `keep_for`. A journal takes a megabyte of the runtime directory, reserved when it is made: stores
// into a page that a full disk cannot back would end the daemon.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/mapped_page.h"

namespace app {

struct SessionRecord {
  std::string server;    // The entry's name.
  std::string project;   // Directory, or empty.
  std::string caller;    // Whose session it is: see HttpSessions.
  std::string revision;  // Agreed with the client; empty until then.
};

class KeptSessions {
 public:
  explicit KeptSessions(std::string directory) : directory_(std::move(directory)) {}

  // 32 characters that nobody can guess.
  static std::string new_id();

  base::Result<io::MappedPage> create(const std::string& id, const SessionRecord& record) const;
  void update(const std::string& id, const SessionRecord& record) const;  // Also: it was asked for just now.
  struct Found {
    SessionRecord record;
    io::MappedPage page;
  };
  std::optional<Found> find(std::string_view id) const;
  void forget(const std::string& id) const;
  // Those that were not asked for in that time.
  std::vector<std::string> older_than(base::Duration keep_for) const;

 private:
  std::string directory_;
};

}  // namespace app
