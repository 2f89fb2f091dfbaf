// What the decisions cost, without any input or output: events in, actions out.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <vector>

#include "bench/house.h"

namespace {

using bench::Answer;
using bench::Era;
using bench::House;
using bench::line_of;
using broker::SessionId;

constexpr std::string_view list_changed = R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})";

// One session after the other sends a call, then the server answers all of them.
void calls(benchmark::State& state, std::size_t sessions, std::size_t per_session, std::size_t bytes,
           Era clients = Era::legacy, Era server = Era::legacy) {
  House house(sessions, clients, server);
  std::vector<std::string> requests;
  for (std::size_t i = 0; i < per_session; ++i) {
    std::string request = bench::call_with(bytes, clients);
    request.replace(request.find("17"), 2, std::to_string(100 + i));
    requests.push_back(std::move(request));
  }
  Answer answer(bench::answer_tail(bytes, server));
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

// What is idle costs nothing: a call is as dear beside one idle server as beside a thousand.
void call_beside_idle_servers(benchmark::State& state) {
  House house(1);
  house.add_idle_servers(static_cast<std::size_t>(state.range(0)));
  const std::string request = bench::call_with(100);
  Answer answer(bench::answer_tail(100));
  std::vector<std::string> ids;
  for (auto _ : state) {
    house.on(broker::SessionLine{house.sessions().front(), line_of(request)});
    house.take_wire_ids(ids);
    house.on(broker::InstanceLine{house.instance(), line_of(answer.with_id(ids.front()))});
    benchmark::DoNotOptimize(house.deadline());
    if (house.take_deliveries() != 1) return state.SkipWithError("an answer is missing");
  }
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
// From era to era: what a call costs that has to be rewritten, against one that goes through.
BENCHMARK_CAPTURE(calls, legacy_to_legacy, 1, 16, 100, Era::legacy, Era::legacy);
BENCHMARK_CAPTURE(calls, modern_to_legacy, 1, 16, 100, Era::modern, Era::legacy);
BENCHMARK_CAPTURE(calls, legacy_to_modern, 1, 16, 100, Era::legacy, Era::modern);
BENCHMARK_CAPTURE(calls, modern_to_modern, 1, 16, 100, Era::modern, Era::modern);
BENCHMARK_CAPTURE(calls, modern_to_legacy_1_MB, 1, 1, 1'000'000, Era::modern, Era::legacy);
BENCHMARK_CAPTURE(calls, legacy_to_modern_1_MB, 1, 1, 1'000'000, Era::legacy, Era::modern);
BENCHMARK(call_beside_idle_servers)->Arg(1)->Arg(1000);
BENCHMARK(list_change_to_all)->Arg(1)->Arg(50);
BENCHMARK(attach);

}  // namespace
