#include "core/cache.h"

#include <algorithm>

#include "core/limits.h"

namespace core {

bool about(const CacheKey& key, ListKind kind) {
  switch (kind) {
    case ListKind::tools:
      return key.method == proto::Method::tools_list;
    case ListKind::prompts:
      return key.method == proto::Method::prompts_list;
    case ListKind::resources:
      return key.method == proto::Method::resources_list ||
             key.method == proto::Method::resources_templates_list;
  }
  return false;
}

bool about(const CacheKey& key, std::string_view uri) {
  if (key.method != proto::Method::resources_read) return false;
  return key.uri.starts_with(uri) || uri.starts_with(key.uri);
}

std::size_t Cache::size_of(const CacheKey& key, const Kept& kept) {
  return kept.result.size() + key.uri.size() + key.cursor.size() + key.params.size() +
         key.circumstances.size();
}

Cache::Entries::iterator Cache::erase(Entries::iterator entry) {
  bytes_ -= size_of(entry->first, entry->second.kept);
  return entries_.erase(entry);
}

const Cache::Kept* Cache::find(const CacheKey& key, base::Instant now) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  if (found->second.kept.until <= now) {
    erase(found);
    return nullptr;
  }
  found->second.used = ++uses_;
  return &found->second.kept;
}

void Cache::keep(CacheKey key, Kept kept, base::Instant now) {
  if (const auto found = entries_.find(key); found != entries_.end()) erase(found);
  const std::size_t size = size_of(key, kept);
  if (kept.until <= now || size > limits::cache_bytes_each) return;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    entry = entry->second.kept.until <= now ? erase(entry) : std::next(entry);
  }
  while (entries_.size() >= limits::cache_entries || bytes_ + size > limits::cache_bytes) {
    erase(std::ranges::min_element(entries_, {}, [](const auto& entry) { return entry.second.used; }));
  }
  bytes_ += size;
  entries_.emplace(std::move(key), Entry{std::move(kept), ++uses_});
}

void Cache::clear() {
  entries_.clear();
  bytes_ = 0;
}

}  // namespace core
