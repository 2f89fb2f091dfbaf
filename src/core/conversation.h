// What was said between Hearth and a server, as far as no later conversation may build on it.
//
// It begins when the server has been greeted and is destroyed as a whole: when the process ends, or when a
// server that speaks HTTP forgets its session. The next one is made from what the sessions wish
// (subscriptions, listens, levels, roots), which is kept beside it.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "core/cache.h"
#include "core/capabilities.h"
#include "core/ids.h"
#include "core/levels.h"
#include "core/list_changes.h"
#include "core/tasks.h"
#include "core/upstream_listen.h"

namespace core {

// What the server was told of roots. The roots themselves are the sessions' (core/roots.h).
struct RootsTold {
  std::vector<std::string> waiting;  // Its own questions that wait until the sessions have answered, raw ids.
  std::optional<base::Instant> give_up_at;  // They are answered then, whatever is known.
  bool cared_for = false;                   // It has asked at least once.
  std::string told;                         // Last: the union, or the name of the common ones.
  bool outdated = false;  // It was told that they are others, and is expected to ask for them.
  bool outlived = false;  // It did not ask again then: it goes by the old ones.
  static constexpr std::size_t fields = 6;
};

// A question that may be a cancelled call's, until that has ended or the time has come.
struct HeldQuestion {
  base::Bytes bytes;
  base::Instant until;
  static constexpr std::size_t fields = 2;
};

struct Conversation {
  std::optional<Capabilities> told;  // What a legacy server was told that clients can do.
  std::optional<Level> level;        // The log level that it was told last.
  RootsTold roots;
  UpstreamListen upstream;  // Ours, at a modern server.
  ListChanges list_changes;
  Cache cache;
  std::set<std::string, std::less<>> read_only_tools;  // Tools with readOnlyHint.
  std::map<std::string, bool, std::less<>>
      task_tools;  // Legacy: tools that may be tasks, and whether they must.
  bool task_tools_asked = false;
  Tasks tasks;
  std::list<HeldQuestion> held_questions;
  std::list<std::pair<std::string, SessionId>>
      elicitations;  // By elicitationId: whom its completion concerns.
  static constexpr std::size_t fields = 12;
};

// Notes the session that the completion of a URL elicitation will concern. Forgets the oldest ids if there
// are too many.
void remember_elicitation(Conversation& talk, std::string elicitation_id, SessionId session);

}  // namespace core
