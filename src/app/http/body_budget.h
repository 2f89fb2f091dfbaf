// How much of requests that are not complete may be held, for all connections together and for each
// principal.
//
// A body that would go over a limit waits in its socket until others are complete or gone. The oldest body of
// a principal never waits, so that there is always one that can come to its end: beyond the limits there is
// one body for each principal at most. Small bodies never wait, so that calls go on while large ones do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace app {

struct BodyLimits {
  // A body that comes as fast as a machine sends it is here for milliseconds: few are at a time.
  std::size_t all = std::size_t{64} << 20;
  std::size_t each_principal = std::size_t{32} << 20;
  // Nearly every call fits in here; with as many connections as a port takes it comes to 16 MiB.
  std::size_t small = std::size_t{32} << 10;
};

class BodyBudget {
 public:
  using Key = std::uint64_t;  // Of a connection.

  explicit BodyBudget(BodyLimits limits = {}) : limits_(limits) {}

  // So much of its body is held by now, and there is more to come.
  void note(Key key, const std::string& principal, std::size_t held);
  // Its body is complete, or will not come.
  void forget(Key key);

  bool may_go_on(Key key) const;
  std::size_t held() const { return held_; }

 private:
  struct Body {
    std::string principal;
    std::size_t held = 0;
    std::uint64_t since = 0;  // In order of their first bytes.
  };

  BodyLimits limits_;
  std::map<Key, Body> bodies_;
  std::map<std::string, std::size_t> by_principal_;
  std::size_t held_ = 0;
  std::uint64_t seen_ = 0;
};

}  // namespace app
