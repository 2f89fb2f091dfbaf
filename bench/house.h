// A broker with one running server and sessions of either era that are ready to call: what the measurements
// of the pure half have in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/broker.h"
#include "proto/journal.h"
#include "proto/revision.h"

namespace bench {

using broker::Action;
using broker::InstanceId;
using broker::SessionId;
using proto::Era;

inline constexpr std::string_view initialize =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
    R"("capabilities":{},"clientInfo":{"name":"bench","version":"1"}}})";
inline constexpr std::string_view greeting =
    R"(,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},)"
    R"("serverInfo":{"name":"bench","version":"1"}}})";
inline constexpr std::string_view initialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
// What a modern client says of itself with each request.
inline const std::string claim = R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                                 R"("io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},)"
                                 R"("io.modelcontextprotocol/clientCapabilities":{}})";
inline constexpr std::string_view discovered =
    R"(,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},)"
    R"("ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{)"
    R"("name":"bench","version":"1"}}}})";

inline std::string call_with(std::size_t bytes, Era client = Era::legacy) {
  const std::string meta = client == Era::modern ? ',' + claim : "";
  return R"({"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"echo","arguments":{"text":")" +
         std::string(bytes, 'x') + R"("})" + meta + "}}";
}

inline std::string answer_tail(std::size_t bytes, Era server = Era::legacy) {
  const std::string type = server == Era::modern ? R"("resultType":"complete",)" : "";
  return R"(,"result":{)" + type +
         R"("content":[{"type":"text",)"
         R"("text":")" +
         std::string(bytes, 'x') + R"("}]}})";
}

inline proto::Line line_of(std::string_view text) {
  return {.bytes = base::Bytes::literal(text),
          .overlong = false,
          .length = text.size(),
          .id = {},
          .has_method = false};
}

// A line of the server's whose id changes. The digits are written right in front of the tail.
class Answer {
 public:
  explicit Answer(std::string_view tail) : text_(std::string(room, ' ') + std::string(tail)) {}

  std::string_view with_id(std::string_view id) {
    const std::size_t at = room - id.size() - prefix.size();
    std::memcpy(text_.data() + at, prefix.data(), prefix.size());
    std::memcpy(text_.data() + at + prefix.size(), id.data(), id.size());
    return std::string_view(text_).substr(at);
  }

 private:
  static constexpr std::size_t room = 64;
  static constexpr std::string_view prefix = R"({"jsonrpc":"2.0","id":)";
  std::string text_;
};

// A broker with one running server and a number of sessions that are ready to call.
class House {
 public:
  explicit House(std::size_t sessions, Era clients = Era::legacy, Era server = Era::legacy)
      : clients_(clients), server_(server), broker_(broker::Options{}, now_) {
    while (sessions_.size() < sessions) sessions_.push_back(open());
  }

  SessionId open() {
    const SessionId session = broker_.admit();
    if (pages_.size() <= session.index) pages_.resize(session.index + 1);
    Page& page = pages_[session.index];
    page.resize(proto::journal_bytes);
    std::fill_n(page.begin(), 4096, std::byte{0});  // Its head says that nothing else in it counts.
    core::ServerSpec spec;
    spec.name = "bench";
    spec.program = "/bin/bench";
    spec.directory = "/";
    spec.scope = core::Scope::user;
    spec.probe = server_ == Era::modern;
    on(broker::SessionOpened{session, spec, page, 1});
    if (clients_ == Era::modern) {
      on(broker::SessionLine{session, line_of(discover_)});
      start_if_wanted();
    } else {
      on(broker::SessionLine{session, line_of(initialize)});
      start_if_wanted();
      on(broker::SessionLine{session, line_of(initialized)});
    }
    broker_.outbox().clear();
    return session;
  }

  // Servers of their own that have come up, and that nobody has a session with any more.
  void add_idle_servers(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      core::ServerSpec spec;
      spec.name = spec.program = "/bin/idle" + std::to_string(i);
      spec.directory = "/";
      spec.scope = core::Scope::user;
      const SessionId session = broker_.admit();
      on(broker::SessionOpened{session, std::move(spec), {}, 1});
      on(broker::SessionLine{session, line_of(initialize)});
      InstanceId idle;
      for (const Action& action : broker_.outbox()) {
        if (const auto* start = std::get_if<broker::StartInstance>(&action)) idle = start->instance;
      }
      broker_.outbox().clear();
      on(broker::InstanceStarted{idle, 1});
      std::vector<std::string> ids;
      take_wire_ids(ids);
      Answer answer(greeting);
      on(broker::InstanceLine{idle, line_of(answer.with_id(ids.at(0)))});
      close(session);
    }
  }

  void close(SessionId session) {
    on(broker::SessionClosed{session});
    broker_.outbox().clear();
  }

  void on(broker::Event event) { broker_.on(std::move(event), now_); }

  std::optional<base::Instant> deadline() const { return broker_.deadline(); }

  void pass(base::Duration time) {
    now_ += time;
    broker_.tick(now_);
  }

  // The ids under which the calls in the outbox go to the server; empties it.
  void take_wire_ids(std::vector<std::string>& ids) {
    ids.clear();
    for (const Action& action : broker_.outbox()) {
      if (const auto* send = std::get_if<broker::SendToInstance>(&action))
        ids.push_back(id_in(send->message));
    }
    broker_.outbox().clear();
  }

  // How many messages go to sessions; they count as written, and the outbox is empty.
  std::size_t take_deliveries() {
    std::size_t count = 0;
    for (const Action& action : broker_.outbox()) {
      const auto* send = std::get_if<broker::SendToSession>(&action);
      if (send == nullptr) continue;
      ++count;
      if (send->ends_call) proto::Journal(pages_[send->session.index]).call_ended(*send->ends_call);
    }
    broker_.outbox().clear();
    return count;
  }

  InstanceId instance() const { return instance_; }
  broker::Broker& broker() { return broker_; }
  base::Instant now() const { return now_; }
  const std::vector<SessionId>& sessions() const { return sessions_; }

 private:
  using Page = std::vector<std::byte>;

  static std::string id_in(const proto::Message& message) {
    const std::string text = message.text();
    const std::size_t from = text.find("\"id\":") + 5;
    return text.substr(from, text.find_first_of(",}", from) - from);
  }

  void start_if_wanted() {
    for (const Action& action : std::vector<Action>(std::move(broker_.outbox()))) {
      if (const auto* start = std::get_if<broker::StartInstance>(&action)) instance_ = start->instance;
    }
    broker_.outbox().clear();
    if (started_) return;
    started_ = true;
    on(broker::InstanceStarted{instance_, 1});
    std::vector<std::string> ids;
    take_wire_ids(ids);
    Answer answer(server_ == Era::modern ? discovered : greeting);
    on(broker::InstanceLine{instance_, line_of(answer.with_id(ids.at(0)))});
  }

  Era clients_;
  Era server_;
  std::string discover_ = R"({"jsonrpc":"2.0","id":0,"method":"server/discover","params":{)" + claim + "}}";
  base::Instant now_{};
  broker::Broker broker_;
  InstanceId instance_;
  bool started_ = false;
  std::vector<SessionId> sessions_;
  std::vector<Page> pages_;  // By the session's index.
};

}  // namespace bench
