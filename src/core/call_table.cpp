#include "core/call_table.h"

#include <algorithm>

#include "base/ensure.h"
#include "core/limits.h"

namespace core {

bool ghost(const Call& call, base::Instant now) {
  return call.state == CallState::cancelled && now - call.state.as<Cancelled>().at < limits::ghost;
}

bool ending(const Call& call, base::Instant now) {
  return call.state == CallState::cancelled && now - call.state.as<Cancelled>().at < limits::ending;
}

void CallTable::grow() {
  std::vector<Slot> old = std::move(ring_);
  ring_ = std::vector<Slot>(old.empty() ? 2 : old.size() * 2);
  for (Slot& slot : old) {
    // Two ids that had places of their own in the small ring have them in the large one.
    if (slot.call.wire_id != CallId()) slot_of(slot.call.wire_id) = std::move(slot);
  }
}

void CallTable::link(Slot& slot) {
  const Call& call = slot.call;
  CallId& newest = newest_[index_of(call.state)];
  slot.newer = {};
  slot.older = newest;
  if (newest != CallId()) slot_of(newest).newer = call.wire_id;
  newest = call.wire_id;
  if (call.state == CallState::cancelled) link_cancelled(call);
}

namespace {

// Of the session that it is charged to, and of all that share its limits.
std::array<AccountId, 2> accounts_of(const Cancelled& cancelled) {
  const Account account = cancelled.charge.account();
  return {account.id(), account.widest().id()};
}

}  // namespace

void CallTable::link_cancelled(const Call& call) {
  const Cancelled& cancelled = call.state.as<Cancelled>();
  for (const AccountId account : accounts_of(cancelled)) {
    if (account) cancelled_[account].emplace(cancelled.at, call.wire_id);
  }
}

void CallTable::unlink_cancelled(const Call& call) {
  const Cancelled& cancelled = call.state.as<Cancelled>();
  for (const AccountId account : accounts_of(cancelled)) {
    const auto found = cancelled_.find(account);
    if (found == cancelled_.end()) continue;
    found->second.erase({cancelled.at, call.wire_id});
    if (found->second.empty()) cancelled_.erase(found);
  }
}

void CallTable::unlink(Slot& slot) {
  const Call& call = slot.call;
  if (slot.older != CallId()) slot_of(slot.older).newer = slot.newer;
  if (slot.newer != CallId()) {
    slot_of(slot.newer).older = slot.older;
  } else {
    newest_[index_of(call.state)] = slot.older;
  }
  if (call.state == CallState::cancelled) unlink_cancelled(call);
}

Call& CallTable::insert(Call call, StateOfCall::Data state) {
  if (size_ * 2 >= ring_.size()) grow();
  while (slot_of(next_).call.wire_id != CallId()) ++next_;
  call.wire_id = next_;
  ++next_;
  call.state.data_ = std::move(state);
  Slot& slot = slot_of(call.wire_id);
  slot.call = std::move(call);
  link(slot);
  ++size_;
  return slot.call;
}

Call* CallTable::find(CallId wire_id) {
  if (wire_id <= CallId() || ring_.empty()) return nullptr;
  Slot& slot = slot_of(wire_id);
  return slot.call.wire_id == wire_id ? &slot.call : nullptr;
}

Call CallTable::take(CallId wire_id) {
  ensure(find(wire_id) != nullptr);
  Slot& slot = slot_of(wire_id);
  unlink(slot);
  Call call = std::move(slot.call);
  slot = Slot{};
  --size_;
  return call;
}

void CallTable::restore(Call call) {
  Slot& slot = slot_of(call.wire_id);
  ensure(slot.call.wire_id == CallId());
  slot.call = std::move(call);
  link(slot);
  ++size_;
}

void CallTable::become(Call& call, StateOfCall::Data state) {
  Slot& slot = slot_of(call.wire_id);
  ensure(&slot.call == &call);
  unlink(slot);
  call.state.data_ = std::move(state);
  link(slot);
}

std::vector<CallId> CallTable::ids() const {
  std::vector<CallId> all;
  all.reserve(size_);
  for (const Slot& slot : ring_) {
    if (slot.call.wire_id != CallId()) all.push_back(slot.call.wire_id);
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<CallId> CallTable::ids_of(std::initializer_list<CallState> states) const {
  std::vector<CallId> all;
  for (const CallState state : states) {
    newest_first(state, [&](const Call& call) {
      all.push_back(call.wire_id);
      return true;
    });
  }
  std::sort(all.begin(), all.end());
  return all;
}

const Call* CallTable::longest_cancelled(AccountId account) const {
  const auto found = cancelled_.find(account);
  return found != cancelled_.end() ? find(found->second.begin()->second) : nullptr;
}

}  // namespace core
