// A session's calls in flight, by the ids its client gave them.
//
// Open addressing over the raw bytes of the id. Needed on every request (is this id already in use?) and on
// every cancellation; the strings themselves stay in the calls, the index only knows where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "core/ids.h"

namespace core {

class IdIndex {
 public:
  // `raw_of` gives the raw client id of a wire id that was inserted before.
  template <class RawOf>
  std::optional<CallId> find(std::string_view raw, RawOf&& raw_of) const {
    if (slots_.empty()) return std::nullopt;
    const std::uint32_t hash = hash_of(raw);
    for (std::size_t i = hash & mask(); slots_[i].wire_id != CallId(); i = (i + 1) & mask()) {
      if (slots_[i].hash == hash && raw_of(slots_[i].wire_id) == raw) return slots_[i].wire_id;
    }
    return std::nullopt;
  }

  void insert(std::string_view raw, CallId wire_id);
  void erase(std::string_view raw, CallId wire_id);

  std::size_t size() const { return size_; }
  std::vector<CallId> wire_ids() const;  // Ascending.

  static constexpr std::size_t fields = 2;
  friend struct base::Fields;

 private:
  struct Slot {
    CallId wire_id;  // Default: free.
    std::uint32_t hash = 0;
    static constexpr std::size_t fields = 2;
  };

  static std::uint32_t hash_of(std::string_view raw);
  std::size_t mask() const { return slots_.size() - 1; }
  void place(Slot slot);

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace core
