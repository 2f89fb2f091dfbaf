#include "core/cursors.h"

#include "core/limits.h"
#include "proto/json.h"

namespace core {
namespace {

std::string member(std::string_view raw, std::string_view name) {
  // Most results have no such member, and some are large.
  if (raw.find(name) == std::string_view::npos) return {};
  const proto::json::Document document = proto::json::parse(raw);
  return document.root ? std::string(document.root->string_or(name, "")) : std::string();
}

}  // namespace

void Cursors::remember(Known& known, std::string cursor) {
  if (known.all.size() >= limits::cursors_per_instance) {
    known.all.erase(known.order.front());
    known.order.pop_front();
  }
  if (known.all.insert(cursor).second) known.order.push_back(std::move(cursor));
}

void Cursors::issued(std::string cursor) {
  if (!cursor.empty()) remember(current_, std::move(cursor));
}

void Cursors::process_lost() {
  for (std::string& cursor : current_.order) remember(old_, std::move(cursor));
  current_ = {};
}

bool Cursors::stale(std::string_view cursor, bool outlived_a_daemon) const {
  if (cursor.empty() || current_.all.contains(cursor)) return false;
  return outlived_a_daemon || old_.all.contains(cursor);
}

std::string next_cursor_of(std::string_view raw_result) {
  return member(raw_result, "nextCursor");
}

std::string cursor_of(std::string_view raw_params) {
  return member(raw_params, "cursor");
}

}  // namespace core
