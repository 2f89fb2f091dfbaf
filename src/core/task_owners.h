// The owners of tasks of the extension of 2026-07-28.
//
// These tasks belong to a principal, not to a session: a client may leave, come back, even after the daemon
// was replaced, and name its task again. The owner is the principal whose call made the task; for every other
// principal the task does not exist. A task that is not remembered, because it is older than the daemon or
// too many were made since, is left to the server, whose ids cannot be guessed.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/fields.h"

namespace core {

class TaskOwners {
 public:
  // `server` is the entry's name; `id` is decoded.
  void created(const std::string& server, const std::string& id, const std::string& principal);
  bool hidden_from(std::string_view principal, const std::string& server, const std::string& id) const;

  static constexpr std::size_t fields = 2;
  friend struct base::Fields;

 private:
  using Key = std::pair<std::string, std::string>;
  std::map<Key, std::string> owners_;
  std::deque<Key> order_;
};

}  // namespace core
