// An invented server of 2026-07-28: how it is greeted, what it wants to know first, and its listens. And what
// a legacy one makes of being asked whether it is such a server.
#include <array>

#include "sim/server.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

constexpr int rounds_most = 4;  // Fewer than Hearth puts up with.

std::string tagged(const std::string& listen) {
  return "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":" + listen + "}";
}

}  // namespace

void Server::take_discover(const std::string& id) {
  if (silent_) return;
  if (speaks == Speaks::legacy) return answer_probe(id);
  world.schedule.after(greeting_time(), [this, id] {
    if (refuses_) {
      ++world.families[family].troubles;
      return write_other(error_line(id, -32603, ""));
    }
    discovered_ = running;
    write(
        {.kind = ServerLine::Kind::discovered,
         .text = result_line(
             id, "{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{" +
                     std::string(common_capabilities) +
                     (world.families[family].tasks ? ",\"extensions\":" + std::string(tasks_extension) : "") +
                     "},\"ttlMs\":0,\"cacheScope\":\"private\",\"_meta\":{"
                     "\"io.modelcontextprotocol/serverInfo\":{\"name\":\"s\",\"version\":\"2\"}}}")});
  });
}

// What it has never heard of, it may answer in any way, or not at all, or die of.
void Server::answer_probe(const std::string& id) {
  Random& random = world.random;
  constexpr std::array<int, 4> codes{-32601, -32602, -32600, 0};
  const std::size_t how = random.below(10);
  if (how == 0) return;
  if (how == 1 && !world.families[family].web) {
    died_of_probe = true;
    // When it takes long enough over this it may be taken for an ordinary crash.
    if (world.schedule.now() - begun > std::chrono::seconds(1)) ++world.families[family].troubles;
    return world.hands.server_ended(*this, "exited with status 1");
  }
  std::string text = error_line(id, random.pick(codes), "");
  if (how == 2) text = error_line(id, -32022, "\"supported\":[\"2025-11-25\"],\"requested\":\"2026-07-28\"");
  if (how == 3) text = result_line(id, "{\"supportedVersions\":[\"2025-11-25\"],\"capabilities\":{}}");
  if (how == 4) text = result_line(id, "{}");
  if (how == 5) {  // It takes whatever comes first for initialize.
    died_of_probe = true;
    text = result_line(id, "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{}}");
  }
  world.schedule.after(random.about(world.options.work), [this, text] { write_other(text); });
}

void Server::take_listen(const Read& message, const std::string& id) {
  Random& random = world.random;
  const bool refused = random.permille(world.options.ends_listen);
  std::set<std::string> granted = filter_of(message);
  if (random.permille(world.options.grants_less) && !granted.empty()) {
    auto chosen = granted.begin();
    std::advance(chosen, random.below(granted.size()));
    granted.erase(chosen);
  }
  world.schedule.after(random.about(world.options.work), [this, id, refused, granted] {
    if (refused) {
      const std::string text = world.random.permille(500)
                                   ? error_line(id, -32603, "")
                                   : result_line(id, "{\"resultType\":\"complete\"," + tagged(id) + "}");
      return write({.kind = ServerLine::Kind::listen_ended, .name = id, .text = text});
    }
    listens_[id] = granted;
    write({.kind = ServerLine::Kind::acknowledged,
           .name = id,
           .granted = granted,
           .text = notice_line("notifications/subscriptions/acknowledged",
                               "\"notifications\":" + filter_text(granted) + "," + tagged(id))});
  });
}

Ask& Server::wanted_ask(Call& call, std::string_view method, bool url) {
  Ask& made = world.truth.ask(*this, method);
  made.owner = &call;
  made.by_round = true;
  made.url = url;
  return made;
}

// It says what it wants to know, and forgets about the call. False: it has nothing to ask.
bool Server::want_input(const std::string& id, Open& open) {
  Random& random = world.random;
  Call& call = *open.call;
  const Client& client = world.clients[static_cast<std::size_t>(call.client)];
  const int before = first_of(call).rounds;
  if (!may_lead_to_questions(call) || before >= rounds_most) return false;
  call.wanted.clear();
  std::string requests;
  const auto add = [&](std::string_view method, Ask* ask, const std::string& params) {
    Wanted wanted{.key = "k" + std::to_string(call.wanted.size()), .method = std::string(method), .ask = ask};
    requests += (requests.empty() ? "\"" : ",\"") + wanted.key + "\":{\"method\":\"" + wanted.method + "\"" +
                params + "}";
    call.wanted.push_back(std::move(wanted));
  };
  const auto params_of = [&](const Ask& ask, const std::string& more) {
    return ",\"params\":{" + marker_of(ask) + "," + marker_of(call) + more + "}";
  };
  if (client.can_form && random.permille(600)) {
    Ask& ask = wanted_ask(call, "elicitation/create", false);
    add("elicitation/create", &ask, params_of(ask, ""));
  }
  if (client.can_url && random.permille(400)) {
    Ask& ask = wanted_ask(call, "elicitation/create", true);
    add("elicitation/create", &ask, params_of(ask, ",\"mode\":\"url\",\"url\":\"http://x\""));
  }
  if (client.can_sampling && random.permille(500)) {
    Ask& ask = wanted_ask(call, "sampling/createMessage", false);
    add("sampling/createMessage", &ask, params_of(ask, ""));
  }
  if (client.can_roots && random.permille(300)) add("roots/list", nullptr, "");
  const bool stateless = !requests.empty() && random.permille(300);
  call.state = stateless
                   ? std::string()
                   : "\"st-" + std::to_string(number) + "-" + id + "-\\\"" + std::to_string(before) + "\"";
  ++first_of(call).rounds;
  std::string result = "{\"resultType\":\"input_required\"";
  if (!requests.empty()) result += ",\"inputRequests\":{" + requests + "}";
  if (!stateless) result += ",\"requestState\":" + call.state;
  result += "}";
  open_.erase(id);
  call.payload = result;
  const std::string text = result_line(id, result);
  const bool twice = random.permille(world.options.twice);
  write({.kind = ServerLine::Kind::answer, .calls = {&call}, .asks = true, .text = text});
  if (twice) write_other(text);
  return true;
}

void Server::modern_hum() {
  Random& random = world.random;
  const Options& options = world.options;
  if (random.permille(options.notes)) log_for_a_call();
  if (random.permille(options.notes)) tell_listens();
  if (random.permille(options.ends_listen)) end_a_listen();
  if (random.permille(options.stray_progress)) stray_progress();
  if (random.permille(options.garbage)) write_other(random.permille(500) ? "Listening on stdio" : "{\"a\":");
  // It must not ask, and nobody may hear of it.
  if (random.permille(options.outside_ask))
    write_other(request_line("17", "elicitation/create", "\"message\":\"?\""));
  if (random.permille(options.server_stops_reading)) pause_reading();
  if (random.permille(options.crash_idle)) random.permille(500) ? crash() : end_idle();
}

void Server::log_for_a_call() {
  std::vector<const Open*> wanting;
  for (const auto& [id, open] : open_) {
    if (open.level) wanting.push_back(&open);
  }
  if (wanting.empty()) return;
  const Open& chosen = *world.random.pick(wanting);
  const std::size_t at = world.random.below(levels.size());
  if (at < *chosen.level) return;
  write_other(notice_line("notifications/message", "\"level\":\"" + std::string(levels[at]) +
                                                       "\",\"data\":{\"proc\":\"p" + std::to_string(number) +
                                                       "\"," + marker_of(*chosen.call) + "}"));
}

// A change is told on every listen that grants it.
void Server::tell_listens() {
  std::set<std::string> names;
  for (const auto& [id, granted] : listens_) names.insert(granted.begin(), granted.end());
  for (const std::string& name : names) {
    if (!world.random.permille(400)) continue;
    const std::string_view below = world.random.permille(250) ? "/sub" : "";
    for (const auto& [id, granted] : listens_) {
      if (granted.contains(name)) tell_listen(id, name, below);
    }
  }
}

void Server::tell_listen(const std::string& id, const std::string& name, std::string_view below) {
  if (name.ends_with("/list_changed")) {
    return write({.kind = ServerLine::Kind::list_changed,
                  .name = name,
                  .listen = id,
                  .text = notice_line(name, tagged(id))});
  }
  const std::string uri = name + std::string(below);
  write({.kind = ServerLine::Kind::updated,
         .name = uri,
         .listen = id,
         .text = notice_line("notifications/resources/updated", "\"uri\":\"" + uri + "\"," + tagged(id))});
}

void Server::end_a_listen() {
  if (listens_.empty()) return;
  const std::string id = listens_.begin()->first;
  listens_.erase(id);
  const std::string text = world.random.permille(500)
                               ? error_line(id, -32603, "")
                               : result_line(id, "{\"resultType\":\"complete\"," + tagged(id) + "}");
  write({.kind = ServerLine::Kind::listen_ended, .name = id, .text = text});
}

}  // namespace sim
