#include "core/id_index.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "numbers.h"

namespace {

using core::IdIndex;

// The calls that hold the strings, and the index over them, as a session has them.
struct Holder {
  IdIndex index;
  std::map<core::CallId, std::string> raw;

  void insert(const std::string& id, core::CallId wire_id) {
    raw[wire_id] = id;
    index.insert(id, wire_id);
  }
  void erase(core::CallId wire_id) {
    index.erase(raw.at(wire_id), wire_id);
    raw.erase(wire_id);
  }
  std::optional<core::CallId> find(std::string_view id) const {
    return index.find(id, [&](core::CallId wire_id) { return std::string_view(raw.at(wire_id)); });
  }
};

TEST_CASE("id index: ids are compared byte for byte") {
  Holder holder;
  CHECK_FALSE(holder.find("1"));
  core::CallId next{10};
  const std::vector<std::string> different{"1",     "\"1\"", "01",          "1.0", "-1",     "\"\"",
                                           "\"a\"", "\"A\"", R"("\u0061")", "1e0", "\" 1\"", "null"};
  for (const std::string& id : different) holder.insert(id, next++);
  CHECK(holder.index.size() == different.size());
  next = 10_call;
  for (const std::string& id : different) CHECK(holder.find(id) == next++);
  CHECK_FALSE(holder.find("2"));
  CHECK_FALSE(holder.find(""));
}

TEST_CASE("id index: an erased id is gone, and may come again") {
  Holder holder;
  holder.insert("1", 5_call);
  holder.erase(5_call);
  CHECK(holder.index.size() == 0);
  CHECK_FALSE(holder.find("1"));
  holder.insert("1", 6_call);
  CHECK(holder.find("1") == 6_call);
}

TEST_CASE("id index: wire ids ascend") {
  Holder holder;
  for (const core::CallId wire_id : {9_call, 2_call, 7_call, 1_call, 300_call, 4_call})
    holder.insert(wire_id.text(), wire_id);
  CHECK(holder.index.wire_ids() ==
        std::vector<core::CallId>{1_call, 2_call, 4_call, 7_call, 9_call, 300_call});
  holder.erase(7_call);
  CHECK(holder.index.wire_ids() == std::vector<core::CallId>{1_call, 2_call, 4_call, 9_call, 300_call});
}

// The gap that an erased entry leaves is where open addressing goes wrong: an entry behind it must still be
// found. Few slots and many ids make runs that wrap around the end.
TEST_CASE("id index: a long history agrees with a map") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    std::uint64_t state = seed * 0x9E3779B97F4A7C15;
    const auto below = [&](std::size_t bound) {
      state ^= state >> 12;
      state ^= state << 25;
      state ^= state >> 27;
      return static_cast<std::size_t>((state * 0x2545F4914F6CDD1D) >> 33) % bound;
    };
    Holder holder;
    std::map<std::string, core::CallId> model;
    core::CallId next{1};
    const std::size_t most = 1 + below(60);
    for (int step = 0; step < 3000; ++step) {
      std::string id = std::to_string(below(100));
      if (below(2) == 0) id = '"' + id + '"';
      const auto found = model.find(id);
      REQUIRE(holder.find(id) == (found == model.end() ? std::nullopt : std::optional(found->second)));
      if (found != model.end()) {
        holder.erase(found->second);
        model.erase(found);
      } else if (model.size() < most) {
        model[id] = next;
        holder.insert(id, next++);
      }
      REQUIRE(holder.index.size() == model.size());
      const bool all_found = std::ranges::all_of(
          model, [&](const auto& entry) { return holder.find(entry.first) == entry.second; });
      REQUIRE(all_found);
    }
  }
}

}  // namespace
