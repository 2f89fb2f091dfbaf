// Which notices a session may be told: log lines, updates, changed lists, progress, the end of a question.
#include <algorithm>

#include "sim/checker.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

// A client that set no level hears everything, until another makes the server more talkative than that.
std::size_t Checker::least_for(const Client& client, const std::string& text) const {
  if (client.level) return *client.level;
  const auto numbers = named_numbers(text, "proc");
  const bool asked = !numbers.empty() && world_.servers[static_cast<std::size_t>(numbers.front())].level;
  return asked ? 1 : 0;
}

Delivery::Part Checker::notice_to(Client& client, const Read& message, const std::string& text) {
  const auto* meta = message.find("_meta", "params");
  const auto* listen = meta == nullptr ? nullptr : meta->find("io.modelcontextprotocol/subscriptionId");
  if (listen != nullptr) return told(client, message.raw(listen), message, text);
  legacy_notice_to(client, message, text);
  return {};
}

void Checker::legacy_notice_to(Client& client, const Read& message, const std::string& text) {
  const std::string method = message.method();
  if (method == "notifications/progress") return check_progress(client, message, text);
  if (method == "notifications/message") {
    const auto* level = message.find("level", "params");
    if (level != nullptr && wants_log_line(client, place_of_level(level->text))) return;
    if (!client.initialize_fed) return broken("a modern client hears log lines that it wants", text);
    const bool changing = std::any_of(client.pending.begin(), client.pending.end(), [](const auto& entry) {
      return entry.second->method == "logging/setLevel";
    });
    if (client.level_vague || changing || level == nullptr) return;
    const auto procs = named_numbers(text, "proc");
    const bool modern =
        !procs.empty() && world_.servers[static_cast<std::size_t>(procs.front())].era == Era::modern;
    if (modern && !client.level) broken("a modern server's log lines go to those that want them", text);
    if (place_of_level(level->text) < least_for(client, text)) {
      broken("a session hears nothing below its level", text);
    }
    return;
  }
  if (method == "notifications/resources/updated") {
    const auto* uri = message.find("uri", "params");
    const std::string name = uri == nullptr ? "" : uri->text;
    client.news[name].told = world_.schedule.now();
    for (const auto& [whole, by] : client.uris) {
      if (is_part_of(name, whole)) client.news[what_is_in + whole].told = world_.schedule.now();
    }
    ++client.updates_told;
    const bool wanted = std::any_of(client.uris.begin(), client.uris.end(),
                                    [&](const auto& entry) { return is_part_of(name, entry.first); });
    if (!wanted) broken("updates go to subscribers", text);
    return;
  }
  if (method.ends_with("/list_changed")) {
    client.news[method].told = world_.schedule.now();
    if (!client.initialize_fed) return broken("a modern client hears what it listens to", text);
  }
  if (method == "notifications/subscriptions/acknowledged")
    broken("an acknowledgement names its listen", text);
  if (method != "notifications/cancelled") return;
  const std::string id = message.raw(message.find("requestId", "params"));
  if (!client.asked.contains(id) && !client.roots_asked.contains(id)) {
    broken("a session is told of the end of questions it was asked", text);
  }
  client.asked.erase(id);
  client.roots_asked.erase(id);
}

void Checker::check_progress(Client& client, const Read& message, const std::string& text) {
  const auto markers = named_numbers(text, "marker");
  const std::string token = message.raw(message.find("progressToken", "params"));
  if (markers.size() != 1) return broken("progress reaches the owner of its token, and nobody else", text);
  Call& call = world_.truth.calls[static_cast<std::size_t>(markers.front())];
  ++call.progress_told;
  for (const auto& [id, pending] : client.pending) {
    if (&first_of(*pending) == &call && pending->token == token) return;
  }
  if (call.token != token) return broken("progress carries the client's own token", text);
  const auto [first, last] = client.pending.equal_range(call.id);
  const bool live = std::any_of(first, last, [&](const auto& entry) { return entry.second == &call; });
  if (!live && call.task_id.empty()) broken("there is progress only while the call is in flight", text);
}

}  // namespace sim
