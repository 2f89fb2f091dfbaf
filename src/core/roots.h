// The roots of all sessions of one instance, as the one list its server is given.
//
// A legacy server holds one list for the whole process, so it gets the union: in order of the sessions, the
// first name of a URI wins. Sessions are asked only once a server has shown that it cares.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "core/ids.h"

namespace core {

class Roots {
 public:
  // `raw_result` is what a session answered to roots/list. What is not a list of roots counts as none.
  void answered(SessionId session, std::string_view raw_result);
  void forget(SessionId session);      // It left.
  void invalidate(SessionId session);  // It said that its roots changed.
  bool known(SessionId session) const;

  std::string union_result() const;  // {"roots":[…]}

  static constexpr std::size_t fields = 1;
  friend struct base::Fields;

 private:
  struct Root {
    std::string uri;
    std::string raw;
    static constexpr std::size_t fields = 2;
  };
  struct Entry {
    bool fresh = true;
    std::vector<Root> roots;
    static constexpr std::size_t fields = 2;
  };
  std::map<SessionId, Entry> sessions_;
};

}  // namespace core
