// What a chronicle costs: a call through the broker without and with one, beginnings included.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bench/house.h"
#include "record/chronicle.h"

namespace {

using bench::Answer;
using bench::House;
using bench::line_of;

// The outside half's part of a chronicle.
class Chronicler {
 public:
  void begin(House& house) { (void)chronicle_.begin({}, house.broker().save()); }
  void note(const broker::Event& event, House& house) { (void)chronicle_.note(event, house.now()); }
  void carried(House& house) {
    for (const broker::Action& action : house.broker().outbox()) chronicle_.carried(chronicle_.after(action));
  }
  void turn_ends(House& house) {
    if (chronicle_.due()) begin(house);
  }

 private:
  std::vector<std::uint64_t> memory_ = std::vector<std::uint64_t>(std::size_t{8} << 20);
  record::Chronicle chronicle_{std::as_writable_bytes(std::span(memory_))};
};

struct None {
  void begin(House&) {}
  void note(const broker::Event&, House&) {}
  void carried(House&) {}
  void turn_ends(House&) {}
};

// Each session sends a call, then the server answers all of them.
template <class Kept>
void calls(benchmark::State& state, std::size_t sessions, std::size_t bytes) {
  House house(sessions);
  Kept kept;
  kept.begin(house);
  const auto on = [&](broker::Event event) {
    kept.note(event, house);
    house.on(std::move(event));
  };
  const std::string request = bench::call_with(bytes);
  Answer answer(bench::answer_tail(bytes));
  std::vector<std::string> ids;
  for (auto _ : state) {
    for (const broker::SessionId session : house.sessions())
      on(broker::SessionLine{session, line_of(request)});
    kept.carried(house);
    house.take_wire_ids(ids);
    for (const std::string& id : ids) on(broker::InstanceLine{house.instance(), line_of(answer.with_id(id))});
    kept.carried(house);
    if (house.take_deliveries() != sessions) return state.SkipWithError("an answer is missing");
    kept.turn_ends(house);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(sessions));
}

constexpr auto without = calls<None>;
constexpr auto with_chronicle = calls<Chronicler>;
BENCHMARK_CAPTURE(without, one_small, 1, 100);
BENCHMARK_CAPTURE(with_chronicle, one_small, 1, 100);
BENCHMARK_CAPTURE(without, 50_sessions, 50, 100);
BENCHMARK_CAPTURE(with_chronicle, 50_sessions, 50, 100);
BENCHMARK_CAPTURE(without, of_10_kB, 1, 10'000);
BENCHMARK_CAPTURE(with_chronicle, of_10_kB, 1, 10'000);
BENCHMARK_CAPTURE(without, of_1_MB, 1, 1'000'000);
BENCHMARK_CAPTURE(with_chronicle, of_1_MB, 1, 1'000'000);

}  // namespace
