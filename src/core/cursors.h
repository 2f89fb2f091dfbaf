// Cursors of paged lists, and the process that made them.
//
// A cursor is the server's own and means nothing to another process, not even of the same server: with one
// from before a restart a client would get pages of two lists. Cursors go through untouched; they are only
// remembered, to refuse those that are certainly old. A cursor may be as long as a message, so what is
// remembered is a digest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <set>
#include <string>
#include <string_view>

#include "base/fields.h"

namespace core {

class Cursors {
 public:
  // The server handed it out.
  void issued(std::string_view cursor);
  // The server is gone.
  void process_lost();

  // Whether it comes from an earlier process. `outlived_a_daemon`: the session that uses it is older than
  // this daemon, so that a cursor it knows and we do not is an old one.
  bool stale(std::string_view cursor, bool outlived_a_daemon) const;

  static constexpr std::size_t fields = 2;
  friend struct base::Fields;

 private:
  using Digest = std::uint64_t;
  struct Known {
    std::set<Digest> all;
    std::list<Digest> order;
    static constexpr std::size_t fields = 2;
  };
  static Digest digest_of(std::string_view cursor);
  static void remember(Known& known, Digest cursor);

  Known current_;
  Known old_;
};

// The nextCursor of a list's result; empty when there is none.
std::string next_cursor_of(std::string_view raw_result);
// The cursor among a request's params; empty when there is none.
std::string cursor_of(std::string_view raw_params);

}  // namespace core
