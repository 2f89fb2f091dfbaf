// Answers of one server that may be given again without asking it.
//
// Kept are results as the server wrote them, each under what was asked, as far as the answer can depend on
// it. The cache knows no protocol: how long a result is good for, and for whom, is decided by those who keep
// it. It is bounded in entries and in bytes; what was used longest ago goes first.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/fields.h"
#include "base/time.h"
#include "core/list_changes.h"
#include "proto/method.h"

namespace core {

// What is asked. Two requests with equal keys may have the same answer.
struct CacheKey {
  proto::Method method = proto::Method::other;
  std::string uri;                       // resources/read: which resource.
  std::string cursor = {};               // Of a page.
  std::string params;                    // The value without _meta, or a name for it.
  std::string circumstances;             // What else the answer can depend on.
  std::optional<std::string> principal;  // For whom only; none: for everybody.

  auto operator<=>(const CacheKey&) const = default;
  static constexpr std::size_t fields = 6;
};

// Whether a change of that list, or of that resource, makes its answer old. A resource counts as changed with
// those that it is part of, and with its parts.
bool about(const CacheKey& key, ListKind kind);
bool about(const CacheKey& key, std::string_view uri);

class Cache {
 public:
  struct Kept {
    std::string result;  // Raw.
    base::Instant until;
    static constexpr std::size_t fields = 2;
  };

  // Null if there is none that is still good. Valid until the cache changes.
  const Kept* find(const CacheKey& key, base::Instant now);
  void keep(CacheKey key, Kept kept, base::Instant now);

  // f(const CacheKey&) says which are not good any more.
  template <class F>
  void forget(F&& f) {
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      entry = f(entry->first) ? erase(entry) : std::next(entry);
    }
  }
  void clear();

  std::size_t size() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }

  static constexpr std::size_t fields = 3;
  friend struct base::Fields;

 private:
  struct Entry {
    Kept kept;
    std::uint64_t used = 0;
    static constexpr std::size_t fields = 2;
  };
  using Entries = std::map<CacheKey, Entry>;

  static std::size_t size_of(const CacheKey& key, const Kept& kept);
  Entries::iterator erase(Entries::iterator entry);

  Entries entries_;
  std::size_t bytes_ = 0;
  std::uint64_t uses_ = 0;
};

}  // namespace core
