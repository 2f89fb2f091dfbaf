// The parties that a server's question may be for.
#include <algorithm>

#include "sim/checker.h"
#include "sim/world.h"

namespace sim {

const Client* Checker::surely_meant(const Server& server, const Ask& ask) const {
  const auto found = parties(server);
  if (ask.by_task || ask.by_round || found.size() != 1 || found.front().second != nullptr) return nullptr;
  const Client& client = *found.front().first;
  return may_be_asked(client, ask) ? &client : nullptr;
}

const Call* Checker::surely_of(const Server& server, const Ask& ask) const {
  const auto found = parties(server);
  if (ask.method == "acme/ask") return nullptr;  // No answer can say that this is wanted.
  if (ask.by_task || ask.by_round || found.size() != 1 || found.front().second == nullptr) return nullptr;
  return may_be_asked(*found.front().first, ask) ? found.front().second : nullptr;
}

const Call* Checker::only_call(const Server& server) const {
  const auto found = parties(server);
  return found.size() == 1 ? found.front().second : nullptr;
}

// What one of a desk's clients is asked for says nothing of the others.
void Checker::check_desk_roots(const Call* call, const std::string& text) {
  if (call == nullptr) return;
  const Client& client = world_.clients[static_cast<std::size_t>(call->client)];
  for (std::size_t other = 0; client.people > 1 && other < client.people; ++other) {
    const std::string place = "file:///c" + std::to_string(client.number) + "p" + std::to_string(other) + "/";
    if (other != call->person && text.contains(place))
      broken("roots are those of the client whose call it is", text);
  }
}

bool Checker::in_dialog(const Server& server, const Client& client) const {
  const auto open = std::ranges::count_if(server.asks, [&](const auto& entry) {
    const Ask& ask = *entry.second;
    return ask.asked == &client && !ask.by_task && !ask.by_round && !ask.cancelled;
  });
  const auto at_work = std::ranges::count_if(client.pending, [&](const auto& entry) {
    return entry.second->server == &server && entry.second->era == Era::legacy &&
           may_lead_to_questions(*entry.second);
  });
  return open != 0 && open >= at_work;
}

std::vector<std::pair<const Client*, const Call*>> Checker::parties(const Server& server) const {
  std::vector<std::pair<const Client*, const Call*>> found, asked;
  for (const Client& client : world_.clients) {
    const bool live = std::any_of(client.pending.begin(), client.pending.end(), [&](const auto& entry) {
      return entry.second->server == &server && entry.second->era == Era::legacy &&
             may_lead_to_questions(*entry.second);
    });
    if (live) (in_dialog(server, client) ? asked : found).emplace_back(&client, nullptr);
  }
  for (const auto& [id, call] : server.sent) {
    const bool live = call->era == Era::modern && first_of(*call).live && first_of(*call).run == call;
    if (live && may_lead_to_questions(*call))
      found.emplace_back(&world_.clients[static_cast<std::size_t>(call->client)], &first_of(*call));
  }
  return found.empty() ? asked : found;
}

}  // namespace sim
