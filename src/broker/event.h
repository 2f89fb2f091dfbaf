// What can happen, as the broker sees it.
//
// The outside half turns the world into these; the simulation invents them. A recorded sequence of events
// with their times is a complete bug report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/server_spec.h"
#include "proto/envelope.h"
#include "proto/lines.h"
#include "proto/message.h"

namespace broker {

using core::InstanceId;
using core::SessionId;

// A client's conversation begins. The broker has handed out `session` by Broker::admit(). `journal` is the
// session's shared page (proto/journal.h); if it holds an earlier life, the session goes on where that ended.
struct SessionOpened {
  SessionId session;
  core::ServerSpec spec;
  std::span<std::byte> journal;  // Outlives the session.
  std::int64_t client_pid = 0;   // For people.
  bool many_streams = false;     // It wants to know which of its calls a message concerns (SendToSession).
  std::string principal = {};    // The owner of the session; empty: this user.
  static constexpr std::size_t fields = 6;
};
struct SessionLine {
  SessionId session;
  proto::Line line;
  // What proto::scan() says of it, where that is known: a long line is not read twice.
  std::optional<proto::Envelope> envelope = {};
  static constexpr std::size_t fields = 3;
};
// The client writes nothing more, and may still read: what it has asked for is answered.
struct SessionInputEnded {
  SessionId session;
  static constexpr std::size_t fields = 1;
};
// The client went away, or the outside half gave up on it.
struct SessionClosed {
  SessionId session;
  std::string reason = {};  // For people, where something is lost by it.
  static constexpr std::size_t fields = 2;
};
// The session's client has no connection left and may come back, or has come back. A session begins with its
// client connected.
struct SessionAway {
  SessionId session;
  static constexpr std::size_t fields = 1;
};
struct SessionBack {
  SessionId session;
  static constexpr std::size_t fields = 1;
};
// The session's outgoing queue rose above its soft limit, or fell back to empty.
struct SessionBlocked {
  SessionId session;
  static constexpr std::size_t fields = 1;
};
struct SessionUnblocked {
  SessionId session;
  static constexpr std::size_t fields = 1;
};
// The session's outgoing queue rose above its hard limit: it does not read.
struct SessionOverflowed {
  SessionId session;
  std::size_t queued_bytes = 0;
  static constexpr std::size_t fields = 2;
};
// The configuration has another server for the session than before: its calls go there from now on. Calls in
// flight end where they are. A server that is refused (ServerSpec::refusal) is none: calls fail, until
// another of these events comes.
struct SessionRespecified {
  SessionId session;
  core::ServerSpec spec;
  static constexpr std::size_t fields = 2;
};
// The same server, with other times.
struct SessionRetimed {
  SessionId session;
  core::Timing timing;
  static constexpr std::size_t fields = 2;
};
// What the configuration says of that name is not what it was. Servers that run for nobody are stopped; those
// of sessions have events of their own.
struct EntryChanged {
  std::string name;
  static constexpr std::size_t fields = 1;
};

// The process runs; nothing has been said yet.
struct InstanceStarted {
  InstanceId instance;
  std::int64_t pid = 0;
  static constexpr std::size_t fields = 2;
};
// There will be no process. `why` is a sentence for people.
struct InstanceStartFailed {
  InstanceId instance;
  std::string why;
  static constexpr std::size_t fields = 2;
};
struct InstanceLine {
  InstanceId instance;
  proto::Line line;
  std::int64_t call = 0;  // Over HTTP: the request, by our id, on whose stream it came. 0: on none.
  static constexpr std::size_t fields = 3;
};
// A server that speaks HTTP takes connections now. Comes after InstanceStarted; channels never get it.
struct InstanceAnswers {
  InstanceId instance;
  static constexpr std::size_t fields = 1;
};
// A channel's server has forgotten the session that initialize had opened. The channel stays: what is sent
// next opens another one. `refused` were turned away for that reason and have had no effect.
struct InstanceForgot {
  InstanceId instance;
  std::vector<proto::Message> refused;
  bool session_lost = true;  // False: that was said before; only these were still on their way.
  static constexpr std::size_t fields = 3;
};
// The process was a launcher: it has ended, and the server goes on as another one.
struct InstanceMoved {
  InstanceId instance;
  std::int64_t pid = 0;
  static constexpr std::size_t fields = 2;
};
// The server wrote on stderr: it is alive, if slow.
struct InstanceSpoke {
  InstanceId instance;
  static constexpr std::size_t fields = 1;
};
// The queue towards the server rose above its limit, or fell back to empty.
struct InstanceBlocked {
  InstanceId instance;
  static constexpr std::size_t fields = 1;
};
struct InstanceUnblocked {
  InstanceId instance;
  static constexpr std::size_t fields = 1;
};
// The process and everything it started are gone; the last lines of its stdout have been delivered.
struct InstanceExited {
  InstanceId instance;
  std::string how;         // "exited with status 1", "killed by SIGSEGV".
  std::string last_words;  // The last lines of its stderr, or empty.
  bool clean = false;      // By itself, with status 0.
  // What it was sent and has not read a byte of: it had no effect.
  std::vector<proto::Message> unread = {};
  static constexpr std::size_t fields = 5;
};

// A server is to run although nobody needs it yet.
struct StartWanted {
  core::ServerSpec spec;
  static constexpr std::size_t fields = 1;
};
// The daemon ends: every server is stopped and none is started any more.
struct DaemonLeaves {
  enum class Sessions : std::uint8_t {
    find_the_next,  // They go on with the next daemon, which answers an initialize that has no answer yet.
    rest,           // They wait for their clients' next requests: what is open is answered now.
  };
  Sessions sessions = Sessions::find_the_next;
  static constexpr std::size_t fields = 1;
};
// A server does not read what it has asked for, and the queue towards it rose above its hard limit, or does
// not shrink.
struct InstanceOverflowed {
  InstanceId instance;
  std::size_t queued_bytes = 0;
  static constexpr std::size_t fields = 2;
};
// The servers hold more than they may together, or the machine is short of memory: something is to go.
struct MemoryShort {
  struct Holding {
    InstanceId instance;
    std::uint64_t bytes = 0;
    static constexpr std::size_t fields = 2;
  };
  std::vector<Holding> holdings;  // Of those that run and could be counted.
  std::uint64_t used = 0;         // By all of them.
  std::uint64_t budget = 0;       // 0: it is the machine.
  static constexpr std::size_t fields = 3;
};
// A person's wishes, by server name; `project`: only what serves that project directory, if not empty.
struct StopWanted {
  std::string name;
  std::string project = {};
  static constexpr std::size_t fields = 2;
};
struct RestartWanted {
  std::string name;
  std::string project = {};
  static constexpr std::size_t fields = 2;
};

using Event = std::variant<SessionOpened, SessionLine, SessionInputEnded, SessionClosed, SessionAway,
                           SessionBack, SessionBlocked, SessionUnblocked, SessionOverflowed,
                           SessionRespecified, SessionRetimed, EntryChanged, InstanceStarted,
                           InstanceStartFailed, InstanceLine, InstanceAnswers, InstanceForgot, InstanceSpoke,
                           InstanceMoved, InstanceBlocked, InstanceUnblocked, InstanceExited, StartWanted,
                           StopWanted, RestartWanted, DaemonLeaves, InstanceOverflowed, MemoryShort>;

}  // namespace broker
