// Whose a task of the extension of 2026-07-28 is.
//
// Such a task is nobody's session's: its client may go and come back, even after the daemon was replaced, and
// names it again. It belongs to the principal whose call it was made for; for every other principal it does
// not exist. One that is not remembered, because it is of before the daemon or too many have been made since,
// is left to the server, whose ids cannot be guessed.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace core {

class TaskOwners {
 public:
  // `server` is the entry's name; `id` is decoded.
  void created(const std::string& server, const std::string& id, const std::string& principal);
  bool hidden_from(std::string_view principal, const std::string& server, const std::string& id) const;

 private:
  using Key = std::pair<std::string, std::string>;
  std::map<Key, std::string> owners_;
  std::deque<Key> order_;
};

}  // namespace core
