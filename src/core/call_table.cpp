#include "core/call_table.h"

#include <algorithm>

#include "base/ensure.h"
#include "core/limits.h"

namespace core {

bool ghost(const Call& call, base::Instant now) {
  return call.state == CallState::cancelled && now - call.cancelled_at < limits::ghost;
}

bool ending(const Call& call, base::Instant now) {
  return call.state == CallState::cancelled && now - call.cancelled_at < limits::ending;
}

std::size_t CallTable::place_of(std::int64_t wire_id) const {
  return static_cast<std::size_t>(wire_id) & (ring_.size() - 1);
}

void CallTable::grow() {
  std::vector<Call> old = std::move(ring_);
  ring_ = std::vector<Call>(old.empty() ? 16 : old.size() * 2);
  for (Call& call : old) {
    // Two ids that had places of their own in the small ring have them in the large one.
    if (call.wire_id != 0) ring_[place_of(call.wire_id)] = std::move(call);
  }
}

Call& CallTable::insert(Call call) {
  if (size_ * 2 >= ring_.size()) grow();
  while (ring_[place_of(next_)].wire_id != 0) ++next_;
  call.wire_id = next_++;
  Call& slot = ring_[place_of(call.wire_id)];
  slot = std::move(call);
  ++size_;
  return slot;
}

Call* CallTable::find(std::int64_t wire_id) {
  if (wire_id <= 0 || ring_.empty()) return nullptr;
  Call& slot = ring_[place_of(wire_id)];
  return slot.wire_id == wire_id ? &slot : nullptr;
}

Call CallTable::take(std::int64_t wire_id) {
  Call* found = find(wire_id);
  ensure(found != nullptr);
  Call call = std::move(*found);
  *found = Call{};
  --size_;
  return call;
}

void CallTable::restore(Call call) {
  Call& slot = ring_[place_of(call.wire_id)];
  ensure(slot.wire_id == 0);
  slot = std::move(call);
  ++size_;
}

std::vector<std::int64_t> CallTable::ids() const {
  std::vector<std::int64_t> all;
  all.reserve(size_);
  for (const Call& call : ring_) {
    if (call.wire_id != 0) all.push_back(call.wire_id);
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace core
