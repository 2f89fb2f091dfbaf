#include "core/call_table.h"

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "numbers.h"

namespace {

using core::Call;
using core::CallState;
using core::CallTable;

// xorshift64*: the same numbers with every compiler and library.
struct Dice {
  std::uint64_t state;
  std::uint64_t next() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545F4914F6CDD1D;
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
};

Call named(std::string client_id) {
  Call call;
  call.client_id = std::move(client_id);
  return call;
}

TEST_CASE("call table: an empty table finds nothing") {
  CallTable table;
  for (const core::CallId id : {core::CallId{INT64_MIN}, core::CallId{-1}, core::CallId{0}, core::CallId{1},
                                core::CallId{INT64_MAX}}) {
    CHECK(table.find(id) == nullptr);
  }
  CHECK(table.size() == 0);
  CHECK(table.ids().empty());
}

TEST_CASE("call table: ids begin at 1, grow, and are never used twice") {
  CallTable table;
  CHECK(table.insert(named("a")).wire_id == 1_call);
  CHECK(table.insert(named("b")).wire_id == 2_call);
  CHECK(table.take(2_call).client_id == "b");
  CHECK(table.insert(named("c")).wire_id == 3_call);
  CHECK(table.find(2_call) == nullptr);
  CHECK(table.find(1_call)->client_id == "a");
}

TEST_CASE("call table: what the caller wrote as the wire id does not count") {
  CallTable table;
  Call call = named("a");
  call.wire_id = 99_call;
  CHECK(table.insert(std::move(call)).wire_id == 1_call);
  CHECK(table.find(99_call) == nullptr);
}

TEST_CASE("call table: a number with the same low bits is another call") {
  CallTable table;
  table.insert(named("a"));
  for (const int far : {17, 33, 1 + (1 << 20)}) CHECK(table.find(core::CallId(far)) == nullptr);
}

TEST_CASE("call table: one that is never answered does not stand in the way of others") {
  CallTable table;
  table.insert(named("stuck"));
  core::CallId last{1};
  for (int i = 0; i < 10'000; ++i) {
    const core::CallId id = table.insert(named("short")).wire_id;
    REQUIRE(id > last);
    last = id;
    REQUIRE(table.take(id).client_id == "short");
  }
  CHECK(table.size() == 1);
  CHECK(table.find(1_call)->client_id == "stuck");
}

TEST_CASE("call table: restored calls keep their ids") {
  CallTable table;
  table.insert(named("a"));
  Call taken = table.take(1_call);
  CHECK(table.find(1_call) == nullptr);
  CHECK(table.size() == 0);
  table.restore(std::move(taken));
  CHECK(table.find(1_call)->client_id == "a");
  CHECK(table.size() == 1);
}

TEST_CASE("call table: all are visited in order of ids, also when visited ones are taken out") {
  CallTable table;
  for (int i = 0; i < 40; ++i) table.insert(named(std::to_string(i + 1)));
  core::CallId expected{1};
  table.each([&](const Call& call) {
    CHECK(call.wire_id == expected);
    table.take(expected++);
    if (expected == 30_call) table.take(35_call);  // One that lies ahead is not visited.
    if (expected == 35_call) ++expected;
  });
  CHECK(expected == 41_call);
  CHECK(table.size() == 0);
}

TEST_CASE("call table: a long history agrees with a map") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    Dice dice{seed * 0x9E3779B97F4A7C15};
    CallTable table;
    std::map<core::CallId, std::string> model;
    core::CallId newest;
    for (int step = 0; step < 4000; ++step) {
      // Phases of growing and of shrinking, so that the ring fills, grows and empties.
      const std::size_t bias = (step / 500) % 2 == 0 ? 7 : 3;
      if (model.empty() || dice.below(10) < bias) {
        const std::string name = std::to_string(dice.next());
        const core::CallId id = table.insert(named(name)).wire_id;
        REQUIRE(id > newest);
        newest = id;
        model[id] = name;
      } else {
        auto victim = model.begin();
        std::advance(victim, static_cast<std::ptrdiff_t>(dice.below(model.size())));
        REQUIRE(table.find(victim->first) != nullptr);
        Call taken = table.take(victim->first);
        REQUIRE(taken.client_id == victim->second);
        if (dice.below(4) == 0) {
          table.restore(std::move(taken));
        } else {
          model.erase(victim);
        }
      }
      REQUIRE(table.size() == model.size());
      const auto probe = static_cast<std::int64_t>(dice.below(static_cast<std::size_t>(newest.value) + 20));
      REQUIRE((table.find(core::CallId(probe)) != nullptr) == model.contains(core::CallId(probe)));
    }
    std::vector<core::CallId> expected;
    for (const auto& [id, name] : model) {
      expected.push_back(id);
      CHECK(table.find(id)->client_id == name);
    }
    CHECK(table.ids() == expected);
  }
}

template <std::size_t... I>
core::StateOfCall::Data as_data(CallState state, std::index_sequence<I...> /*all*/) {
  core::StateOfCall::Data data;
  (void)((static_cast<std::size_t>(state) == I && (data.emplace<I>(), true)) || ...);
  return data;
}

core::StateOfCall::Data as_data(CallState state) {
  return as_data(state, std::make_index_sequence<core::call_states>());
}

TEST_CASE("call table: calls of one state are found in the order in which they came into it") {
  CallTable table;
  Dice dice{7};
  std::map<core::CallId, CallState> states;
  std::vector<core::CallId> order;  // Of becoming what they are, oldest first.
  const auto newest_of = [&](CallState state) {
    std::vector<core::CallId> ids;
    for (auto id = order.rbegin(); id != order.rend(); ++id) {
      if (states.at(*id) == state) ids.push_back(*id);
    }
    return ids;
  };
  const auto found = [&](CallState state) {
    std::vector<core::CallId> ids;
    table.newest_first(state, [&](const Call& call) {
      ids.push_back(call.wire_id);
      return true;
    });
    return ids;
  };
  for (int i = 0; i < 3000; ++i) {
    const auto state = static_cast<CallState>(dice.below(core::call_states));
    if (order.empty() || dice.below(3) == 0) {
      const core::CallId id = table.insert(named("a"), as_data(state)).wire_id;
      states[id] = state;
      order.push_back(id);
    } else {
      const core::CallId id = order[dice.below(order.size())];
      std::erase(order, id);
      if (dice.below(3) == 0) {
        table.take(id);
        states.erase(id);
      } else if (dice.below(4) == 0) {
        table.restore(table.take(id));
        order.push_back(id);
      } else {
        table.become(*table.find(id), as_data(state));
        states[id] = state;
        order.push_back(id);
      }
    }
    const auto looked_at = static_cast<CallState>(dice.below(core::call_states));
    REQUIRE(found(looked_at) == newest_of(looked_at));
  }
}

TEST_CASE("call table: the call that was cancelled first is found by its session and by its principal") {
  core::Accounts accounts(core::Allowances{});
  CallTable table;
  const core::Account one = accounts.open("token");
  const core::Account two = accounts.open("token");
  const auto cancel = [&](core::Account account, int seconds) {
    Call& made = table.insert(named("a"), core::Sent{});
    const core::CallId id = made.wire_id;
    table.become(made, core::Cancelled{base::Instant(std::chrono::seconds(seconds)),
                                       account.charge(core::Kept::cancelled, 1)});
    return id;
  };
  const core::CallId middle = cancel(one, 9);
  const core::CallId last = cancel(one, 10);
  const core::CallId first = cancel(two, 8);
  CHECK(table.longest_cancelled(one.id())->wire_id == middle);
  CHECK(table.longest_cancelled(one.widest().id())->wire_id == first);
  table.restore(table.take(first));
  CHECK(two.kept(core::Kept::cancelled) == core::Amount{1, 1});
  table.take(first);
  table.take(middle);
  CHECK(two.kept(core::Kept::cancelled) == core::Amount{});
  CHECK(table.longest_cancelled(two.id()) == nullptr);
  CHECK(table.longest_cancelled(one.widest().id())->wire_id == last);
}

}  // namespace
