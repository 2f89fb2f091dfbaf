// What the decisions cost, without any input or output: events in, actions out.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "broker/broker.h"
#include "proto/journal.h"

namespace {

using broker::Action;
using broker::InstanceId;
using broker::SessionId;

constexpr std::string_view initialize =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
    R"("capabilities":{},"clientInfo":{"name":"bench","version":"1"}}})";
constexpr std::string_view greeting =
    R"(,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},)"
    R"("serverInfo":{"name":"bench","version":"1"}}})";
constexpr std::string_view initialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
constexpr std::string_view list_changed = R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})";

std::string call_with(std::size_t bytes) {
  return R"({"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"echo","arguments":{"text":")" +
         std::string(bytes, 'x') + R"("}}})";
}

std::string answer_tail(std::size_t bytes) {
  return R"(,"result":{"content":[{"type":"text","text":")" + std::string(bytes, 'x') + R"("}]}})";
}

proto::Line line_of(std::string_view text) {
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
  explicit House(std::size_t sessions) : broker_(broker::Options{}, now_) {
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
    on(broker::SessionOpened{session, spec, page, 1});
    on(broker::SessionLine{session, line_of(initialize)});
    start_if_wanted();
    on(broker::SessionLine{session, line_of(initialized)});
    broker_.outbox().clear();
    return session;
  }

  void close(SessionId session) {
    on(broker::SessionClosed{session});
    broker_.outbox().clear();
  }

  void on(broker::Event event) { broker_.on(std::move(event), now_); }

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
    Answer answer(greeting);
    on(broker::InstanceLine{instance_, line_of(answer.with_id(ids.at(0)))});
  }

  base::Instant now_{};
  broker::Broker broker_;
  InstanceId instance_;
  bool started_ = false;
  std::vector<SessionId> sessions_;
  std::vector<Page> pages_;  // By the session's index.
};

// One session after the other sends a call, then the server answers all of them.
void calls(benchmark::State& state, std::size_t sessions, std::size_t per_session, std::size_t bytes) {
  House house(sessions);
  std::vector<std::string> requests;
  for (std::size_t i = 0; i < per_session; ++i) {
    std::string request = call_with(bytes);
    request.replace(request.find("17"), 2, std::to_string(100 + i));
    requests.push_back(std::move(request));
  }
  Answer answer(answer_tail(bytes));
  std::vector<std::string> ids;
  for (auto _ : state) {
    for (const SessionId session : house.sessions()) {
      for (const std::string& request : requests) house.on(broker::SessionLine{session, line_of(request)});
    }
    house.take_wire_ids(ids);
    for (const std::string& id : ids) {
      house.on(broker::InstanceLine{house.instance(), line_of(answer.with_id(id))});
    }
    if (house.take_deliveries() != sessions * per_session) return state.SkipWithError("an answer is missing");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(sessions * per_session));
}

void list_change_to_all(benchmark::State& state) {
  const auto sessions = static_cast<std::size_t>(state.range(0));
  House house(sessions);
  for (auto _ : state) {
    house.on(broker::InstanceLine{house.instance(), line_of(list_changed)});
    house.pass(std::chrono::seconds(1));  // It may be held for a moment, to be joined with others.
    if (house.take_deliveries() != sessions) return state.SkipWithError("a session was not told");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// A session that comes and goes while the server is warm.
void attach(benchmark::State& state) {
  House house(1);
  for (auto _ : state) house.close(house.open());
}

BENCHMARK_CAPTURE(calls, one_small, 1, 1, 100);
BENCHMARK_CAPTURE(calls, 64_in_flight, 1, 64, 100);
BENCHMARK_CAPTURE(calls, 50_sessions, 50, 1, 100);
BENCHMARK_CAPTURE(calls, one_of_1_MB, 1, 1, 1'000'000);
BENCHMARK(list_change_to_all)->Arg(1)->Arg(50);
BENCHMARK(attach);

}  // namespace
