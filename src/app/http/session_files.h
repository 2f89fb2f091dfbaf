// The files of HTTP sessions, by which a next daemon finds them again: a record and a journal each.
//
// A client over HTTP comes back with its session id only; whoever answers has to know what the session is
// about. The files are in a directory of ours (0700) and end with the session, or when nobody has asked for
// them for `keep_for`. A journal is sparse: it takes a few pages of the disk unless a session sets up much.
#pragma once

#include <compare>
#include <cstddef>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/mapped_page.h"

namespace app {

struct SessionRecord {
  std::string server;           // The entry's name.
  std::string project;          // Directory, or empty.
  std::string caller;           // The owner of the session: see SessionRegistry.
  std::string revision;         // Agreed with the client; empty until then.
  std::string sse_client = {};  // Of HTTP+SSE: which program the client is; else empty.
  static constexpr std::size_t fields = 5;
};

class SessionFiles {
 public:
  explicit SessionFiles(std::string directory) : directory_(std::move(directory)) {}

  // 32 characters that nobody can guess.
  static std::string new_id();

  base::Result<io::MappedPage> create(const std::string& id, const SessionRecord& record) const;
  void update(const std::string& id, const SessionRecord& record) const;  // Also: it was asked for just now.
  struct Found {
    SessionRecord record;
    io::MappedPage page;
  };
  std::optional<Found> find(std::string_view id) const;
  // The journal alone, for a session that is known.
  base::Result<io::MappedPage> reopen(const std::string& id) const;
  void forget(const std::string& id) const;
  // Sessions that no client has asked for in that time, half-written ones of a dead daemon included.
  std::vector<std::string> older_than(base::Duration keep_for) const;
  // The oldest, without which `most` are left.
  std::vector<std::string> oldest_beyond(std::size_t most) const;
  bool any() const { return !all_by_age().empty(); }

 private:
  struct Aged {
    std::time_t used = 0;
    std::string id;
    auto operator<=>(const Aged&) const = default;
  };
  std::vector<Aged> all_by_age() const;

  std::string directory_;
};

}  // namespace app
