// A session's calls in flight, by the ids its client gave them.
//
// Open addressing over the raw bytes of the id. Needed on every request (is this id already in use?) and on
// every cancellation; the strings themselves stay in the calls, the index only knows where.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace core {

class IdIndex {
 public:
  // `raw_of` gives the raw client id of a wire id that was inserted before.
  template <class RawOf>
  std::optional<std::int64_t> find(std::string_view raw, RawOf&& raw_of) const {
    if (slots_.empty()) return std::nullopt;
    const std::uint32_t hash = hash_of(raw);
    for (std::size_t i = hash & mask(); slots_[i].wire_id != 0; i = (i + 1) & mask()) {
      if (slots_[i].hash == hash && raw_of(slots_[i].wire_id) == raw) return slots_[i].wire_id;
    }
    return std::nullopt;
  }

  void insert(std::string_view raw, std::int64_t wire_id);
  void erase(std::string_view raw, std::int64_t wire_id);

  std::size_t size() const { return size_; }
  std::vector<std::int64_t> wire_ids() const;  // Ascending.

 private:
  struct Slot {
    std::int64_t wire_id = 0;  // 0: free.
    std::uint32_t hash = 0;
  };

  static std::uint32_t hash_of(std::string_view raw);
  std::size_t mask() const { return slots_.size() - 1; }
  void place(Slot slot);

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace core
