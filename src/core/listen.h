// One subscriptions/listen of a modern client: what it asked for and was granted.
//
// It is a call that stays open; its id is the subscription's. What the filter says cannot change: a client
// that wants something else opens another (2026-07-28, subscriptions).
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/account.h"
#include "core/ids.h"

namespace core {

struct Filter {
  std::bitset<3> lists;  // By ListKind.
  std::set<std::string> uris;
  std::set<std::string> tasks;  // Ids, decoded (the tasks extension).

  bool operator==(const Filter&) const = default;
  bool empty() const { return lists.none() && uris.empty() && tasks.empty(); }
  static constexpr std::size_t fields = 3;
};

struct Listen {
  CallId call;  // Ours.
  SessionId session;
  std::string client_id;                  // Raw.
  std::string line;                       // As the client wrote it: the journal keeps it.
  Filter filter;                          // Asked for; once it is acknowledged, granted.
  std::set<std::string> undecided;        // Resources that the server has not answered for,
  std::set<std::string> undecided_tasks;  // and tasks.
  bool begun = false;  // The filter is held to what the server can tell, and this client may hear.
  bool acknowledged = false;
  bool silently = false;  // The client was told so by an earlier daemon.
  Charge charge;
  std::vector<Charge> resources;  // Until it begins: then each subscription has its own.
  // Held back while the client does not read.
  std::bitset<3> lists_changed;
  std::map<std::string, Charge> updated;
  std::map<std::string, std::string> tasks_told;  // By task: the params of the newest notice.
  static constexpr std::size_t fields = 15;
};

}  // namespace core
