// Entities that are named by an id and may be gone when somebody asks.
//
// An id is an index and a generation. A stale id finds nothing, which is normal and not an error: the holder
// of an id never has to be told that the entity went away. Iteration is in order of index, so it is the same
// in every run.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/ensure.h"
#include "base/fields.h"

namespace base {

template <class Tag>
struct Id {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // 0 names nothing.

  explicit operator bool() const { return generation != 0; }
  auto operator<=>(const Id&) const = default;
  static constexpr std::size_t fields = 2;
};

template <class Tag, class T>
class SlotMap {
 public:
  using Key = Id<Tag>;

  Key insert(T value) {
    if (free_.empty()) {
      slots_.push_back({});
      free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = slots_[index];
    ++slot.generation;
    slot.value.emplace(std::move(value));
    ++size_;
    return {index, slot.generation};
  }

  void erase(Key key) {
    ensure(find(key) != nullptr);
    slots_[key.index].value.reset();
    free_.push_back(key.index);
    --size_;
  }

  T* find(Key key) {
    if (key.index >= slots_.size()) return nullptr;
    Slot& slot = slots_[key.index];
    return slot.generation == key.generation && slot.value ? &*slot.value : nullptr;
  }
  const T* find(Key key) const { return const_cast<SlotMap*>(this)->find(key); }

  T& at(Key key) {
    T* found = find(key);
    ensure(found != nullptr);
    return *found;
  }
  const T& at(Key key) const { return const_cast<SlotMap*>(this)->at(key); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // f(Key, T&) for every entity. Entities may be erased meanwhile, also the current one; those inserted
  // meanwhile may or may not be visited.
  template <class F>
  void each(F&& f) {
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].value) f(Key{i, slots_[i].generation}, *slots_[i].value);
    }
  }
  template <class F>
  void each(F&& f) const {
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].value) f(Key{i, slots_[i].generation}, *slots_[i].value);
    }
  }

  static constexpr std::size_t fields = 3;
  friend struct base::Fields;

 private:
  struct Slot {
    std::uint32_t generation = 0;
    std::optional<T> value;
    static constexpr std::size_t fields = 2;
  };
  std::deque<Slot> slots_;  // References to entities stay good while others come.
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

}  // namespace base
