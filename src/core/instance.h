// One running server for one share key, as data.
//
// A stdio server is one conversation, and everything here is about it. A server that speaks HTTP has a
// conversation for each of its sessions: a channel, which is an Instance of its own, without a process, that
// lives as long as its session needs it. The instance that the channels belong to is then only started,
// watched and stopped; nothing is said to it.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "core/call_order.h"
#include "core/call_table.h"
#include "core/capabilities.h"
#include "core/conversation.h"
#include "core/cursors.h"
#include "core/given_roots.h"
#include "core/ids.h"
#include "core/listen.h"
#include "core/merging.h"
#include "core/noise.h"
#include "core/offers.h"
#include "core/roots.h"
#include "core/round.h"
#include "core/server_spec.h"
#include "core/subscriptions.h"
#include "core/supervision.h"
#include "core/suspects.h"
#include "core/waiting_queue.h"
#include "proto/message.h"

namespace core {

enum class Life : std::uint8_t {
  stopped,   // No process. One is started when somebody needs it.
  starting,  // Asked for, not yet there.
  greeting,  // The process runs and has not answered initialize; a server with channels: not on its port.
  ready,
  backing_off,  // It crashed; the next attempt has a time.
  stopping,     // Asked to end, not yet gone.
};

// What of a server's could be given to nobody.
enum class Dropped : std::uint8_t { answer, progress, notice };

// What is true of one process, or of one session of a server that speaks HTTP.
struct Process {
  std::int64_t pid = 0;
  std::optional<base::Instant> started;
  std::optional<base::Instant> start_due;    // starting, greeting: give up then.
  std::optional<base::Instant> start_limit;  // However much it speaks.
  bool blocked = false;                      // It does not read what it is sent.
  static constexpr std::size_t fields = 5;
};

// What its sessions make of it: what decides whether it may go when memory is short.
struct Use {
  base::Instant last;            // When it became ready, was sent a call, or answered one.
  base::Duration start_took{0};  // From its start until it was ready.
  static constexpr std::size_t fields = 2;
};

// How far it has been greeted. Its answers are in Known.
struct Greeting {
  int probes = 0;                          // Times that it was asked which era it is of.
  bool initialize_sent = false;            // In this start;
  bool initialize_open = false;            // and has no answer yet.
  std::optional<CallId> probe;             // The call that asked its era, until it is answered.
  std::optional<base::Instant> probe_due;  // Go on without an answer then.
  bool probe_silent = false;               // Over HTTP, the question was given up without an answer.
  // Calls of a conversation that the server has forgotten, cancelled since. Their requests may still be open,
  // and end with a cancellation, which is sent when the server has been greeted.
  std::vector<CallId> cancelled;
  static constexpr std::size_t fields = 7;
};

// What a server said of itself when it was greeted last: sessions are answered from it while it is down.
struct Known {
  std::string initialize_result;  // Raw; empty until it has been ready once. Made up for a modern server.
  std::string discover_result;    // Of a modern one, raw.
  std::string server_version;
  std::string server_info;  // Its own account of itself, raw; empty if it gave none.
  std::string revision;
  std::bitset<3> lists;          // The kinds of list that it has, by ListKind.
  std::bitset<3> tells_lists;    // The kinds whose changes it tells.
  bool tells_resources = false;  // It can be subscribed to.
  bool logging = false;          // It has log levels.
  bool offers_tasks = false;     // Of its own era: tools can be called as tasks.
  static constexpr std::size_t fields = 10;
};

// What has a time because of calls and questions, in order of times. Here and in Conversation queues are
// lists: most are empty in most conversations, and an empty deque holds 0.6 KiB.
struct Times {
  struct AskDue {
    base::Instant due;
    SessionId session;
    AskId ask;
    auto operator<=>(const AskDue&) const = default;
    static constexpr std::size_t fields = 3;
  };
  struct Tombstone {
    base::Instant due;
    CallId call;
    static constexpr std::size_t fields = 2;
  };
  std::set<AskDue> ask_dues;
  std::list<Tombstone> tombstones;
  std::list<base::Instant> endings;       // When calls that were cancelled just now count no more.
  std::optional<base::Instant> turn_due;  // Others may have their turn then, while a person is asked.
  static constexpr std::size_t fields = 4;
};

struct Instance {
  InstanceId id;
  std::uint64_t number = 0;  // In order of creation, from 1; for people.
  ServerSpec spec;
  std::vector<SessionId> sessions;       // In order of arrival.
  std::optional<InstanceId> channel_of;  // Set: this is a channel.
  std::vector<InstanceId> channels;      // In order of creation.
  // Its entry in the configuration has changed since it was started: no session joins it any more.
  bool superseded = false;
  bool opened = false;              // A channel: it was asked for since it was last down.
  bool lists_since_effect = false;  // Not of a channel: one of its conversations leads or keeps some.
  int forgotten = 0;                // A channel: times that its session was forgotten, with no answer since.
  std::uint64_t sessions_ever = 0;  // Since the process started.

  // Its life.
  Life life = Life::stopped;
  Process process;
  Use use;
  std::optional<base::Instant> idle_due;    // No sessions: stop then.
  std::optional<base::Instant> forget_due;  // Failed and unwanted: forget then.
  Supervision supervision;
  bool failed = false;   // stopped: because it did not come up, or did not stay up.
  bool gave_up = false;  // stopping: because it did not start as it should.
  // It ended by itself, with status 0 and nothing to do, and is what it was: no crash, and no news missed.
  bool ended_idle = false;
  bool ends_idle = false;       // A channel, stopping: its server ended so.
  bool restart_wanted = false;  // stopping: start again when gone.
  std::uint32_t restarts = 0;
  std::string trouble;      // Why it is not well; for people.
  std::string stopped_for;  // stopping: what will be its trouble then, if people are to know.
  Suspects suspects;        // Calls that it died of.
  // Of a server that speaks HTTP: calls whose connection broke, which may be the first that is heard of its
  // death.
  std::list<std::pair<base::Instant, Suspects::Running>> lost_lately;
  Noise noise;                  // Lines that were no messages.
  std::uint64_t dropped = 0;    // Messages that belonged to no session.
  std::bitset<3> drops_logged;  // By Dropped: the log has one already. Of a server, not of its channels.

  // How it is greeted, and what it said.
  proto::Era era = proto::Era::legacy;  // As its process has shown itself.
  Greeting greeting;
  Offers offers;               // Of this greeting.
  std::string refusal;         // The server's first error object to initialize, raw.
  bool probe_in_vain = false;  // It ended, or said nothing, when it was asked: do not ask again.
  Capabilities first;          // Of the session that made us start it, for our own requests.
  Known known;

  Conversation talk;

  // Calls and their turns.
  CallTable calls;
  WaitingQueue waiting;
  Merging merging;
  std::map<CallId, Round> rounds;  // Of calls that wait for answers first, by call.
  Times times;
  CallOrder order;           // As its spec has it.
  bool interactive = false;  // Asks without saying whom: calls are serialised across sessions.
  bool asks = false;         // Has asked something because of a call: nobody's read is another's.
  Cursors cursors;
  std::uint64_t calls_total = 0;
  std::uint64_t from_cache = 0;  // Calls that were answered with what was kept,
  std::uint64_t merged = 0;      // and with another call's answer.

  // What its sessions wish.
  Subscriptions subscriptions;
  std::map<CallId, Listen> listens;   // By call.
  std::vector<CallId> level_waiters;  // setLevel calls to be answered when the server has answered ours.
  Roots roots;
  std::optional<GivenRoots> common_roots;  // Of its sessions, where only those with equal ones share it.
  static constexpr std::size_t fields = 55;
};

}  // namespace core
