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
  explicit Stage(broker::Options options = {});
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  virtual ~Stage();

  core::ServerSpec spec() const;

  core::SessionId open(core::ServerSpec spec, Page* page = nullptr);
  core::SessionId open();

  void says(core::SessionId session, std::string text);
  void serves(core::InstanceId instance, std::string text);
  void happens(broker::Event event);
  virtual void deliver(broker::Event event);
  // Time passes, deadline by deadline.
  void passes(base::Duration duration);

  // What was sent to it since the last look.
  Lines hears(core::SessionId session);
  Lines hears(core::InstanceId instance);

  // A session that is ready on a ready server; what both heard so far is forgotten.
  core::SessionId ready(core::ServerSpec spec, std::string capabilities = "{}",
                        std::string revision = "2025-11-25");
  core::SessionId ready();
  void greet(core::SessionId id, std::string capabilities, std::string revision);
  // The server that was asked for last starts and answers initialize.
  void bring_up(std::string capabilities = R"({"tools":{},"resources":{"subscribe":true},"logging":{}})");

  core::InstanceId server() const { return started.back(); }

  // The id under which the server knows the message.
  static std::string id_of(const std::string& message);

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
  void settle();
};

}  // namespace test
