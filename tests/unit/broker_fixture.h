// A broker under a test's hand: sessions and servers say lines, and what the broker sends is read back as
// text.
//
// Reads like a transcript: `client.says(…)`, `CHECK(client.hears() == …)`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/broker.h"
#include "proto/journal.h"
#include "proto/json.h"

namespace test {

using Lines = std::vector<std::string>;

struct Page {
  alignas(8) std::vector<std::byte> bytes = std::vector<std::byte>(proto::journal_bytes);
};

class Stage {
 public:
  explicit Stage(broker::Options options = {}) : broker(std::move(options), now) {}
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  virtual ~Stage() = default;

  core::ServerSpec spec() const {
    core::ServerSpec spec;
    spec.name = "files";
    spec.program = "/bin/files";
    spec.directory = spec.scope_directory = "/project";
    return spec;
  }

  core::SessionId open(core::ServerSpec spec, Page* page = nullptr) {
    const core::SessionId id = broker.admit();
    broker.on(broker::SessionOpened{id, std::move(spec),
                                    page != nullptr ? std::span(page->bytes) : std::span<std::byte>(), 7},
              now);
    settle();
    return id;
  }
  core::SessionId open() { return open(spec()); }

  void says(core::SessionId session, std::string text) {
    const std::size_t length = text.size();
    happens(broker::SessionLine{session,
                                {.bytes = base::Bytes::copy(std::move(text)), .length = length, .id = {}}});
  }
  void serves(core::InstanceId instance, std::string text) {
    const std::size_t length = text.size();
    happens(broker::InstanceLine{instance,
                                 {.bytes = base::Bytes::copy(std::move(text)), .length = length, .id = {}}});
  }
  void happens(broker::Event event) {
    deliver(std::move(event));
    settle();
  }
  virtual void deliver(broker::Event event) { broker.on(std::move(event), now); }
  // Time passes, deadline by deadline.
  void passes(base::Duration duration) {
    const base::Instant end = now + duration;
    while (broker.deadline() && *broker.deadline() <= end) {
      now = std::max(now, *broker.deadline());
      broker.tick(now);
      settle();
    }
    now = end;
  }

  // What was sent to it since the last look.
  Lines hears(core::SessionId session) { return std::exchange(to_session[session], {}); }
  Lines hears(core::InstanceId instance) { return std::exchange(to_instance[instance], {}); }

  // A session that is ready on a ready server; what both heard so far is forgotten.
  core::SessionId ready(core::ServerSpec spec, std::string capabilities = "{}",
                        std::string revision = "2025-11-25") {
    const core::SessionId id = open(std::move(spec));
    greet(id, std::move(capabilities), std::move(revision));
    return id;
  }
  core::SessionId ready() { return ready(spec()); }
  void greet(core::SessionId id, std::string capabilities, std::string revision) {
    says(id, R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":")" +
                 revision + R"(","capabilities":)" + capabilities +
                 R"(,"clientInfo":{"name":"test","version":"1"}}})");
    bring_up();
    says(id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    hears(id);
    if (!started.empty()) hears(started.back());
  }
  // The server that was asked for last starts and answers initialize.
  void bring_up(std::string capabilities = R"({"tools":{},"resources":{"subscribe":true},"logging":{}})") {
    if (pending.empty()) return;
    const core::InstanceId id = pending.front();
    pending.erase(pending.begin());
    broker.on(broker::InstanceStarted{id, 100}, now);
    settle();
    const std::string wire = id_of(to_instance[id].back());
    serves(id, R"({"jsonrpc":"2.0","id":)" + wire +
                   R"(,"result":{"protocolVersion":"2025-11-25","capabilities":)" + capabilities +
                   R"(,"serverInfo":{"name":"s","version":"1"}}})");
  }

  core::InstanceId server() const { return started.back(); }

  // The id under which the server knows the message.
  static std::string id_of(const std::string& message) {
    const auto document = proto::json::parse(message);
    const auto* id = document.root->find("id");
    return message.substr(id->at, id->length);
  }

  template <class A>
  std::size_t count() const {
    return static_cast<std::size_t>(
        std::count_if(actions.begin(), actions.end(),
                      [](const broker::Action& a) { return std::holds_alternative<A>(a); }));
  }

  base::Instant now{std::chrono::hours(1)};
  broker::Broker broker;
  std::map<core::SessionId, Lines> to_session;
  std::map<core::InstanceId, Lines> to_instance;
  std::vector<core::InstanceId> started;
  std::vector<core::InstanceId> pending;  // Asked for, and not yet brought up.
  std::vector<broker::Action> actions;    // Everything but what was sent.

 private:
  void settle() {
    for (broker::Action& action : std::exchange(broker.outbox(), {})) {
      if (auto* to = std::get_if<broker::SendToSession>(&action)) {
        to_session[to->session].push_back(to->message.text());
      } else if (auto* wire = std::get_if<broker::SendToInstance>(&action)) {
        to_instance[wire->instance].push_back(wire->message.text());
      } else {
        if (auto* start = std::get_if<broker::StartInstance>(&action)) {
          started.push_back(start->instance);
          pending.push_back(start->instance);
        }
        actions.push_back(std::move(action));
      }
    }
  }
};

}  // namespace test
