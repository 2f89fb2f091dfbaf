// What the broker wants done, in the order in which it is to be done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/server_spec.h"
#include "proto/message.h"

namespace broker {

using core::InstanceId;
using core::SessionId;

struct SendToSession {
  SessionId session;
  proto::Message message;
  // The journal's slot of the call that this answers: it ends when the last byte has been written, so that a
  // crash before still owes the client an answer.
  std::optional<std::uint16_t> ends_call = std::nullopt;
  // For a session with many streams: the client's own id, raw, of the call that this is about. Empty: none,
  // or it says so itself, as an answer does.
  std::string concerns = {};
  static constexpr std::size_t fields = 4;
};
// An earlier life of this session may have left half a line in the client's pipe: end it first.
struct EndPartialLine {
  SessionId session;
  static constexpr std::size_t fields = 1;
};
struct SendToInstance {
  InstanceId instance;
  proto::Message message;
  static constexpr std::size_t fields = 2;
};
// Write out what is queued for the session, as far as it takes it, then forget it. Its journal is not touched
// again.
struct CloseSession {
  SessionId session;
  std::string reason;  // For the client's person; empty when the client itself left.
  static constexpr std::size_t fields = 2;
};
// A sentence for the client's person, beside the protocol.
struct TellSession {
  SessionId session;
  std::string text;
  static constexpr std::size_t fields = 2;
};
// Stop or go on reading what the client writes.
struct PauseSession {
  SessionId session;
  static constexpr std::size_t fields = 1;
};
struct ResumeSession {
  SessionId session;
  static constexpr std::size_t fields = 1;
};
// Spawn the process; or open the channel, which is Started as soon as it can be sent to. Answered by
// InstanceStarted or InstanceStartFailed. A server that is not ours to start is Started and Answers at once.
struct StartInstance {
  InstanceId instance;
  std::optional<InstanceId> channel_of = std::nullopt;
  std::string name;
  std::string program;
  std::vector<std::string> args;
  std::string directory;
  core::Environment environment;
  base::Inheritance inheritance = {};
  core::Link link = core::Link::stdio;
  core::Address address = {};
  std::size_t message_bytes_max = 0;
  base::ResourceLimits limits = {};
  static constexpr std::size_t fields = 12;
};
// Close stdin, then SIGTERM, then SIGKILL, to everything the instance started; or close the channel. Answered
// by InstanceExited.
struct StopInstance {
  InstanceId instance;
  static constexpr std::size_t fields = 1;
};
// The server ended, or said nothing, when it was asked whether it is a modern one, and came up without: not
// to be asked for a while, also by those who start it later.
struct NoteNoProbe {
  std::string program;  // Or the URL of one that is elsewhere.
  std::vector<std::string> args;
  static constexpr std::size_t fields = 2;
};
// The server has asked a client something because of a call: when it is started again, calls take turns from
// the start.
struct NoteAsks {
  std::string program;
  std::vector<std::string> args;
  static constexpr std::size_t fields = 2;
};
// The server has asked for roots: when it is started again, only sessions with equal ones share it.
struct NoteRoots {
  std::string program;
  std::vector<std::string> args;
  static constexpr std::size_t fields = 2;
};
// The server refuses initialize for the revision that is offered first, and takes this one: to be offered
// first for a while. `url`: of one that is not ours to start.
struct NoteOffer {
  std::string program;
  std::vector<std::string> args;
  std::string url;
  proto::Revision revision = proto::newest_legacy;
  static constexpr std::size_t fields = 4;
};
// The instance's id will not be used again.
struct ForgetInstance {
  InstanceId instance;
  static constexpr std::size_t fields = 1;
};

enum class Severity : std::uint8_t { debug, info, warning, error };
// One line for the daemon's log. Never holds environment values or credentials, nor more of a payload than
// the beginning of a message that goes to nobody.
struct Log {
  Severity severity = Severity::info;
  std::string text;
  static constexpr std::size_t fields = 2;
};
// End the daemon: no session has needed it for its whole idle time.
struct Retire {};

using Action = std::variant<SendToSession, EndPartialLine, SendToInstance, CloseSession, TellSession,
                            PauseSession, ResumeSession, StartInstance, StopInstance, NoteNoProbe, NoteAsks,
                            NoteRoots, NoteOffer, ForgetInstance, Log, Retire>;

}  // namespace broker
