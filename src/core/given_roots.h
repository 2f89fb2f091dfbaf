// The roots of one session, as they decide who shares a server with it and what that server is told.
//
// Roots are access rights: a server that cares for them serves only sessions that have given the same ones.
// Roots are the same when they name the same places, in whatever order and however they are called. Having
// none to give (the client does not declare roots) is another thing than giving an empty list.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/ids.h"

namespace core {

struct GivenRoots {
  std::string name;        // Equal exactly for those who may share; says nothing else.
  std::string raw_result;  // What the server hears to roots/list; empty: raw_error.
  std::string raw_error;

  bool same_as(const GivenRoots& other) const { return name == other.name; }
  bool declared() const;  // Whether the server would be told directly that its client has roots.
  static constexpr std::size_t fields = 3;
};

// Of a client that does not declare them.
GivenRoots no_roots();
// What a client answered to roots/list; an empty `raw_result` is an error or no answer at all, which nobody
// else has given.
GivenRoots given_roots(std::string_view raw_result, SessionId by);

// For people: "file:///a, file:///b".
std::string shown(const GivenRoots& roots);

}  // namespace core
