#include "core/id_index.h"

#include <algorithm>

#include "base/ensure.h"

namespace core {

// FNV-1a with a final mix: ids are short, and a client that collides its own ids slows only itself.
std::uint32_t IdIndex::hash_of(std::string_view raw) {
  std::uint32_t hash = 2166136261U;
  for (const char c : raw) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 16777619U;
  }
  return hash ^ (hash >> 15);
}

void IdIndex::place(Slot slot) {
  std::size_t i = slot.hash & mask();
  while (slots_[i].wire_id != CallId()) i = (i + 1) & mask();
  slots_[i] = slot;
}

void IdIndex::insert(std::string_view raw, CallId wire_id) {
  if (size_ * 2 >= slots_.size()) {
    std::vector<Slot> old = std::move(slots_);
    slots_ = std::vector<Slot>(old.empty() ? 8 : old.size() * 2);
    for (const Slot& slot : old) {
      if (slot.wire_id != CallId()) place(slot);
    }
  }
  place({wire_id, hash_of(raw)});
  ++size_;
}

void IdIndex::erase(std::string_view raw, CallId wire_id) {
  ensure(!slots_.empty());
  std::size_t hole = hash_of(raw) & mask();
  while (slots_[hole].wire_id != wire_id) {
    ensure(slots_[hole].wire_id != CallId());
    hole = (hole + 1) & mask();
  }
  // Close the gap, so that no look-up ends too early: whoever may live in the hole moves into it.
  for (std::size_t i = (hole + 1) & mask(); slots_[i].wire_id != CallId(); i = (i + 1) & mask()) {
    const std::size_t home = slots_[i].hash & mask();
    if (((i - home) & mask()) >= ((i - hole) & mask())) {
      slots_[hole] = slots_[i];
      hole = i;
    }
  }
  slots_[hole] = Slot{};
  --size_;
}

std::vector<CallId> IdIndex::wire_ids() const {
  std::vector<CallId> all;
  for (const Slot& slot : slots_) {
    if (slot.wire_id != CallId()) all.push_back(slot.wire_id);
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace core
