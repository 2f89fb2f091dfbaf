// What one half keeps for an id that the other has given out (slot_map.h): found by index, checked by
// generation.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/slot_map.h"

namespace base {

template <class Tag, class T>
class IdTable {
 public:
  using Key = Id<Tag>;

  T& put(Key key, std::unique_ptr<T> value) {
    if (key.index >= rows_.size()) rows_.resize(key.index + 1);
    rows_[key.index] = {key.generation, std::move(value)};
    return *rows_[key.index].value;
  }
  T* find(Key key) const {
    if (key.index >= rows_.size() || rows_[key.index].generation != key.generation) return nullptr;
    return rows_[key.index].value.get();
  }
  std::unique_ptr<T> take(Key key) {
    if (find(key) == nullptr) return nullptr;
    return std::move(rows_[key.index].value);
  }
  std::size_t size() const {
    std::size_t count = 0;
    each([&](const T&) { ++count; });
    return count;
  }
  template <class F>
  void each(F&& f) const {
    for (const Row& row : rows_) {
      if (row.value) f(*row.value);
    }
  }

 private:
  struct Row {
    std::uint32_t generation = 0;
    std::unique_ptr<T> value;
  };
  std::vector<Row> rows_;
};

}  // namespace base
