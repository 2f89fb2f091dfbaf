#include "base/slot_map.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>

namespace {

using Map = base::SlotMap<struct TestTag, std::string>;
using Key = Map::Key;

TEST_CASE("slot map: an id of nothing is false and finds nothing") {
  const Key none;
  CHECK_FALSE(none);
  Map map;
  CHECK(map.find(none) == nullptr);
  map.insert("a");
  CHECK(map.find(none) == nullptr);
}

TEST_CASE("slot map: a stale id finds nothing, also when the place is taken again") {
  Map map;
  const Key first = map.insert("first");
  CHECK(first);
  CHECK(map.at(first) == "first");
  map.erase(first);
  CHECK(map.find(first) == nullptr);
  CHECK(map.empty());
  const Key second = map.insert("second");
  CHECK(second.index == first.index);
  CHECK(second != first);
  CHECK(map.find(first) == nullptr);
  CHECK(*map.find(second) == "second");
}

TEST_CASE("slot map: an id from elsewhere finds nothing") {
  Map map;
  const Key key = map.insert("a");
  CHECK(map.find({key.index + 1, 1}) == nullptr);
  CHECK(map.find({UINT32_MAX, 1}) == nullptr);
  CHECK(map.find({key.index, key.generation + 1}) == nullptr);
}

TEST_CASE("slot map: an erased value is destroyed at once") {
  base::SlotMap<struct OtherTag, std::shared_ptr<int>> map;
  const auto watched = std::make_shared<int>(1);
  const auto key = map.insert(watched);
  CHECK(watched.use_count() == 2);
  map.erase(key);
  CHECK(watched.use_count() == 1);
}

TEST_CASE("slot map: visited in order of places, also while some are erased") {
  Map map;
  std::vector<Key> keys;
  for (const char* name : {"a", "b", "c", "d"}) keys.push_back(map.insert(name));
  map.erase(keys[1]);
  map.insert("B");
  std::string seen;
  map.each([&](Key key, std::string& value) {
    seen += value;
    if (value == "B") map.erase(keys[2]);  // Ahead.
    if (value == "a") map.erase(key);      // The current one.
  });
  CHECK(seen == "aBd");
  CHECK(map.size() == 2);
}

TEST_CASE("slot map: a long history agrees with a map, and no id names two things") {
  std::uint64_t state = 0x9E3779B97F4A7C15;
  const auto below = [&](std::size_t bound) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return static_cast<std::size_t>((state * 0x2545F4914F6CDD1D) >> 33) % bound;
  };
  Map map;
  std::map<Key, std::string> model;
  std::vector<Key> gone;
  for (int step = 0; step < 5000; ++step) {
    if (model.empty() || below(2) == 0) {
      const std::string value = std::to_string(step);
      const Key key = map.insert(value);
      REQUIRE(model.emplace(key, value).second);
      REQUIRE(std::find(gone.begin(), gone.end(), key) == gone.end());
    } else {
      auto victim = model.begin();
      std::advance(victim, static_cast<std::ptrdiff_t>(below(model.size())));
      map.erase(victim->first);
      gone.push_back(victim->first);
      model.erase(victim);
    }
    REQUIRE(map.size() == model.size());
  }
  for (const Key key : gone) CHECK(map.find(key) == nullptr);
  for (const auto& [key, value] : model) CHECK(map.at(key) == value);
}

}  // namespace
