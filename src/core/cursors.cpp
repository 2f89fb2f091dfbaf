#include "core/cursors.h"

#include "base/siphash.h"
#include "core/limits.h"
#include "proto/members.h"

namespace core {
namespace {

// A server that makes two cursors of one digest has fooled nobody but its own clients.
constexpr base::SipKey key{0, 0};

}  // namespace

Cursors::Digest Cursors::digest_of(std::string_view cursor) {
  return base::siphash(key, cursor);
}

void Cursors::remember(Known& known, Digest cursor) {
  if (!known.all.insert(cursor).second) return;
  known.order.push_back(cursor);
  if (known.order.size() <= limits::cursors_per_instance) return;
  known.all.erase(known.order.front());
  known.order.pop_front();
}

void Cursors::issued(std::string_view cursor) {
  if (!cursor.empty()) remember(current_, digest_of(cursor));
}

void Cursors::process_lost() {
  for (const Digest cursor : current_.order) remember(old_, cursor);
  current_ = {};
}

bool Cursors::stale(std::string_view cursor, bool outlived_a_daemon) const {
  if (cursor.empty()) return false;
  const Digest digest = digest_of(cursor);
  if (current_.all.contains(digest)) return false;
  return outlived_a_daemon || old_.all.contains(digest);
}

std::string next_cursor_of(std::string_view raw_result) {
  return proto::text_of(raw_result, "nextCursor");
}

std::string cursor_of(std::string_view raw_params) {
  return proto::text_of(raw_params, "cursor");
}

}  // namespace core
