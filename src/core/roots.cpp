#include "core/roots.h"

#include <set>
#include <utility>

#include "proto/members.h"

namespace core {

void Roots::answered(SessionId session, std::string_view raw_result) {
  Entry entry;
  proto::each_item(proto::member(raw_result, "roots"), [&](std::string_view item) {
    std::string uri = proto::text_of(item, "uri");
    if (!uri.empty()) entry.roots.push_back({std::move(uri), std::string(item)});
  });
  sessions_[session] = std::move(entry);
}

void Roots::forget(SessionId session) {
  sessions_.erase(session);
}

void Roots::invalidate(SessionId session) {
  const auto found = sessions_.find(session);
  if (found != sessions_.end()) found->second.fresh = false;
}

bool Roots::known(SessionId session) const {
  const auto found = sessions_.find(session);
  return found != sessions_.end() && found->second.fresh;
}

std::string Roots::union_result() const {
  std::string text = R"({"roots":[)";
  std::set<std::string_view> seen;
  for (const auto& [session, entry] : sessions_) {
    for (const Root& root : entry.roots) {
      if (!seen.insert(root.uri).second) continue;
      if (seen.size() > 1) text += ',';
      text += root.raw;
    }
  }
  text += "]}";
  return text;
}

}  // namespace core
