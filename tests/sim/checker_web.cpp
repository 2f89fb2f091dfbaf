// What must hold for servers that speak HTTP: one process for all who may share it, a conversation for each
// session, and what becomes of a conversation that its server has forgotten.
#include "sim/checker.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

void Checker::starting_web(const broker::StartInstance& start, std::size_t family) {
  const core::ServerSpec& spec = world_.families[family].spec;
  if (!start.address.url.empty() || start.program != spec.program)
    broken("a server is started as its entry says", start.name);
}

// The broker may send it again.
void Checker::turned_away(Server& server, const std::string& text) {
  const Read message(text);
  const std::string id = message.raw(message.find("id"));
  if (message.method().empty() || id.empty()) return;
  server.wire_ids.erase(id);
  const auto found = server.sent.find(id);
  if (found != server.sent.end()) {
    Call& call = *found->second;
    first_of(call).live = false;
    if (first_of(call).run == &call) first_of(call).run = nullptr;
    --call.reached;
    call.server = nullptr;
    server.wire_tokens.erase(call.wire_token);
    server.sent.erase(found);
  }
  const auto asked = server.inquiries.find(id);
  if (asked == server.inquiries.end()) return;
  --inquired_[asked->second->equal];
  server.inquiries.erase(asked);
}

void Checker::forgot(Server& server) {
  server.greeted = server.answered = server.initialized = false;
  server.offered.clear();
  server.initialize_id.clear();
  server.asks.clear();
  server.plain_asks.clear();
  server.roots_asks.clear();
  server.told_roots.reset();
  server.roots_outdated = false;
  server.subscribed.clear();
  server.level.reset();
  ++count_;
  for (const ListKind& kind : list_kinds) server.changed[std::string(kind.method)].push_back(count_);
  for (Client& client : world_.clients) {
    if (world_.hands.server_of(client) != &server) continue;
    std::erase_if(client.news, [](const auto& entry) { return !entry.first.ends_with("/list_changed"); });
    for (auto& [id, listen] : client.listens)
      std::erase_if(listen.news, [](const auto& entry) { return !entry.first.ends_with("/list_changed"); });
  }
}

}  // namespace sim
