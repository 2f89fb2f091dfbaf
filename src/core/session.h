// One client's conversation with one server, as data.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/account.h"
#include "core/capabilities.h"
#include "core/given_roots.h"
#include "core/id_index.h"
#include "core/ids.h"
#include "core/levels.h"
#include "core/server_spec.h"
#include "core/share_key.h"
#include "proto/journal.h"
#include "proto/revision.h"

namespace core {

enum class Phase : std::uint8_t {
  fresh,     // Nothing but pings and discover may come.
  asked,     // initialize came and is not answered.
  answered,  // The client has the answer; it may already call, and need not be told anything yet.
  ready,     // initialized came.
};

// A question of the server's that this session is to answer.
struct Ask {
  std::string server_id;  // Raw, as the server wrote it.
  proto::Method method = proto::Method::other;
  std::string token;  // The progress token the server put into it, raw; empty when none.
  std::optional<CallId> call =
      {};  // Of a modern server: which call of the session's it needs the answer for.
  base::Instant due;
  bool by_task = false;  // It is a task's: no call waits for it.
  Charge charge = {};

  bool for_roots() const { return server_id.empty() && !call; }  // A question of ours.
  static constexpr std::size_t fields = 7;
};

// Why a session is not read from. Reading goes on when the last reason is gone.
enum class Pause : std::uint8_t {
  server_full,  // Its server does not take what it is sent.
  client_full,  // The client does not take what it is sent.
  calls,        // Too many calls unanswered.
  waiting,      // Too many bytes held back until the server is ready.
};

// The id of a call that is longer than a slot of the journal: the slot says so, the id is kept with the
// set-up. Valid as long as its slot is taken and says so.
struct LongId {
  std::uint16_t slot = 0;
  std::string raw;
  bool operator==(const LongId&) const = default;
  static constexpr std::size_t fields = 2;
};

struct HeldUpdate {
  std::string notice;  // The whole notification.
  Charge charge;
  static constexpr std::size_t fields = 2;
};

// Notices held back while the client does not read: only the newest of each is worth keeping.
struct HeldBack {
  std::map<CallId, std::string> progress;     // By call: the whole notification.
  std::map<std::string, HeldUpdate> updated;  // By resource.
  static constexpr std::size_t fields = 2;
};

struct Session {
  SessionId id;
  std::string server;  // The entry's name.
  Scope scope = Scope::project;
  std::string project;  // Directory; empty: the server is the user's, in whatever project it is used.
  std::int64_t client_pid = 0;
  bool many_streams = false;  // What is sent to it has to say which of its calls it concerns.
  base::Instant opened;
  std::optional<base::Instant> away_since;  // Set while no client is connected to it.
  // Until it is placed. After that the instance has one that serves; but it is kept where what decides about
  // sharing is not the same in both.
  std::optional<ServerSpec> spec;

  Phase phase = Phase::fresh;
  bool initialized_early = false;  // initialized came before we had answered initialize.
  std::string initialize_line;     // As the client wrote it: the journal keeps it.
  std::string initialize_id;       // Raw.
  // Of the journal, until the client is known to have the answer.
  std::optional<std::uint16_t> initialize_slot;
  proto::Revision revision = proto::newest_legacy;
  Capabilities capabilities;
  std::string client;  // "name version".
  // What a modern client said of itself with its last request, raw, and what that means.
  std::string hello;
  // What a legacy client's initialize said of it, as a modern server wants to hear it with each request.
  std::string claim;
  Capabilities modern_capabilities;
  std::string principal;  // The owner of the session; empty: this user.
  Account account;        // Of what is kept because of it.
  std::optional<Level> level;
  std::optional<GivenRoots> roots;  // Only where a server cares for them, and once they are known.

  std::optional<InstanceId> instance;
  bool has_called = false;  // Anything but lists: it has used its server.
  bool unsettled = false;   // It belongs elsewhere, and is moved when it has nothing at its server any more.
  std::vector<Difference> ignored;  // What differed from its instance and was judged irrelevant.
  // The configuration has this for it now; it is moved there as soon as that is possible.
  std::optional<ServerSpec> next;
  // Set: this is no session, but what of that one is still with the server that it had before.
  std::optional<SessionId> remnant_of;

  IdIndex calls;
  std::vector<LongId> long_ids;  // Ids that the journal's slots cannot hold.
  std::map<AskId, Ask> asks;     // By the id under which the client knows them.
  AskId next_ask{1};
  std::uint32_t life = 0;  // How many daemons this session has outlived.

  bool input_ended = false;  // The client says nothing more, and answers nothing.
  std::bitset<4> pauses;
  bool blocked = false;  // Its outgoing queue is over the soft limit.
  HeldBack held_back;
  std::bitset<3> lists_changed;  // To be told when it is ready and reads.

  proto::Journal journal;
  static constexpr std::size_t fields = 41;
};

}  // namespace core
