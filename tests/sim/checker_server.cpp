// What a server may be sent, and what it is owed.
#include <algorithm>

#include "sim/checker.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

constexpr std::size_t attempts_most = 7;  // Within
constexpr auto attempts_window = std::chrono::minutes(1);

// It has asked to be unsubscribed, or is about to leave.
bool leaving(const Client& client, const std::string& uri) {
  return std::any_of(client.pending.begin(), client.pending.end(), [&](const auto& entry) {
    return entry.second->method == "resources/unsubscribe" && entry.second->uri == uri;
  });
}

}  // namespace

void Checker::starting(const broker::StartInstance& start, std::size_t family) {
  const core::ServerSpec& spec = world_.families[family].spec;
  const std::string key = share_key(start);
  const bool alone = spec.scope == core::Scope::session || spec.interactive == core::Interactive::split;
  const bool by_roots = spec.cares_for_roots && spec.roots == core::RootsRule::equal;
  for (const Server& server : world_.servers) {
    if (server.exited || alone || by_roots || server.key != key) continue;
    broken("there is one process for one share key", start.name);
  }
  // The breaker: attempts that led to nothing become rare.
  const base::Instant now = world_.schedule.now();
  std::size_t attempts = 1;
  for (const Server& server : world_.servers) {
    const bool same = server.start.instance == start.instance && server.life == world_.hands.life();
    const bool lately = now - server.begun < attempts_window && server.begun > forgiven_;
    const bool in_vain = !server.answered && !server.died_of_probe;
    attempts += same && lately && in_vain ? 1U : 0U;
    // One that works between is tried again at once.
    const bool worked =
        std::any_of(server.sent.begin(), server.sent.end(),
                    [](const auto& entry) { return entry.second->answered && !entry.second->failed; }) ||
        std::any_of(server.inquiries.begin(), server.inquiries.end(),
                    [](const auto& entry) { return entry.second->told.has_value(); });
    if (same && worked) attempts = 1;
  }
  if (attempts > attempts_most) broken("a server that does not come up is not started for ever", start.name);
}

void Checker::fed(Server& server, ServerLine& line) {
  ++count_;
  const base::Instant now = world_.schedule.now();
  switch (line.kind) {
    case ServerLine::Kind::initialize:
      if (line.error) server.greeted = false;  // It may be offered another revision.
      server.answered = server.answered || !line.error;
      return;
    case ServerLine::Kind::discovered:
      if (!server.answered) server.era = Era::modern;
      server.answered = true;
      if (server.era == Era::modern) server.initialized = true;
      return;
    case ServerLine::Kind::acknowledged:
      return acknowledged(server, line);
    case ServerLine::Kind::listen_ended:
      return listen_ended(server, line);
    case ServerLine::Kind::ask:
      line.ask->fed = true;
      if (line.ask->method == "ping" || line.ask->method == "roots/list") {
        server.plain_asks.insert(line.ask->id);
        line.ask->sure_call = only_call(server);
        if (line.ask->method == "roots/list") server.roots_asks[line.ask->id] = line.ask;
      } else {
        server.asks[line.ask->id] = line.ask;
        line.ask->sure = surely_meant(server, *line.ask);
        line.ask->sure_call = surely_of(server, *line.ask);
      }
      return;
    case ServerLine::Kind::cancel:
      line.ask->cancelled = !line.ask->answered;
      server.plain_asks.erase(line.ask->id);
      return;
    case ServerLine::Kind::other:
      if (line.error) subscription_refused(server, server.settings[line.name]);
      return;
    case ServerLine::Kind::task:
      return task_made(server, line);
    case ServerLine::Kind::task_asks:
      return task_asks(line);
    case ServerLine::Kind::progress:
      line.calls.front()->progress_told = 0;
      return;
    case ServerLine::Kind::told:
      line.inquiry->told = now;
      return;
    case ServerLine::Kind::answer:
      for (Call* call : line.calls) {
        if (may_have_effect(*call)) server.effects.push_back(count_);
        first_of(*call).live = false;
        call->asking = line.asks && call->era == Era::legacy;
        if (!line.asks) continue;
        for (const Wanted& wanted : call->wanted) {
          if (wanted.ask != nullptr) wanted.ask->fed = true;
        }
      }
      return;
    case ServerLine::Kind::list_changed:
    case ServerLine::Kind::updated:
      break;
  }
  if (line.listen != server.listen) return;  // Another is told the same.
  if (server.stopping) return;               // It is no longer listened to; what comes after it begins anew.
  server.changed[line.name].push_back(count_);
  const bool whole_news = is_wished(line.name);
  listens_are_due(server, line.name);
  for (Client& client : world_.clients) {
    if (!client.session || !client.initialize_answered || !client.initialized_fed) continue;
    if (world_.hands.server_of(client) != &server) continue;
    const auto wish = client.uris.find(line.name);
    const bool granted =
        wish != client.uris.end() && wish->second == nullptr && !client.vague_uris.contains(line.name);
    if (line.kind == ServerLine::Kind::list_changed || granted) client.news[line.name].due = now;
    for (const auto& [uri, by] : client.uris) {
      if (!whole_news && by == nullptr && is_part_of(line.name, uri) && !client.vague_uris.contains(uri))
        client.news[what_is_in + uri].due = now;
    }
  }
}

// The server says no, perhaps when it is asked again after a crash: then it is nobody's fault.
void Checker::subscription_refused(Server& server, const std::string& uri) {
  server.subscribed.erase(uri);
  for (Client& client : world_.clients) {
    for (auto& [id, listen] : client.listens) {
      if (!listen.acknowledged || world_.hands.server_of(client) != &server) continue;
      listen.vague.insert(uri);
      listen.news.erase(uri);
    }
    const auto wish = client.uris.find(uri);
    const bool granted = wish != client.uris.end() && wish->second == nullptr;
    if (!granted || world_.hands.server_of(client) != &server) continue;
    client.vague_uris.insert(uri);
    client.news.erase(uri);
    client.news.erase(what_is_in + uri);
  }
}

void Checker::heard(Server& server, ServerLine& line) {
  if (line.kind == ServerLine::Kind::progress) return progress_heard(server, line);
  if (line.kind != ServerLine::Kind::ask) return;
  if (line.ask->answered && line.ask->sure_call != nullptr && !server.stopping &&
      !parks_enough(*line.ask->sure_call))
    broken("a question of a modern client's call is put to it", line.text);
  if (line.ask->method == "ping" && server.plain_asks.contains(line.ask->id) && !server.stopping) {
    broken("a server's ping is answered at once", line.text);
  }
  if (server.interactive || world_.hands.broker() == nullptr) return;
  for (const broker::InstanceReport& report : world_.hands.broker()->instances()) {
    if (report.instance == server.start.instance) server.interactive = report.interactive;
  }
  if (!server.interactive) return;
  for (const auto& [id, call] : server.sent) server.sent_before.insert(call);
}

void Checker::sent(Server& server, const std::string& text) {
  ++count_;
  const Read message(text);
  if (!message.sound() || text.find('\n') != std::string::npos) {
    return broken("a server is sent sound JSON, one message a line", text);
  }
  const bool has_id = message.find("id") != nullptr;
  if (message.method().empty()) return answer_to(server, message, text);
  if (has_id) return request_to(server, message, text);
  notice_to(server, message, text);
}

void Checker::request_to(Server& server, const Read& message, const std::string& text) {
  const std::string id = message.raw(message.find("id"));
  if (!server.wire_ids.insert(id).second) return broken("no id is used twice towards a server", text);
  const std::string method = message.method();
  if (method == "server/discover") {
    if (server.answered) broken("who has been greeted is not asked what it is", text);
    server.discover_id = id;
    return check_claim(message, "hearth", "", text);
  }
  if (method == "initialize") {
    if (server.greeted || server.answered) broken("a server is initialised once", text);
    server.greeted = true;
    const std::string offered(message.find("params")->string_or("protocolVersion", ""));
    if (!server.offered.insert(offered).second) broken("a server is offered a revision once", text);
    server.initialize_id = id;
    return;
  }
  if (!server.initialized) return broken("initialize and initialized come before anything else", text);
  check_era(server, message, text);
  if (server.era == Era::modern && method == "subscriptions/listen")
    return listened_to(server, message, id, text);
  auto numbers = named_numbers(text, "try");
  if (numbers.empty()) numbers = named_numbers(text, "marker");
  if (numbers.empty() && method.starts_with("tasks/")) return about_task(server, message, text);
  const bool equal = method.ends_with("/list") || method == "resources/read";
  if (numbers.empty() && equal) return inquiry_to(server, message, id, text);
  if (numbers.empty()) return setting_to(server, message, id, text);
  Call& call = world_.truth.calls[static_cast<std::size_t>(numbers.front())];
  server.sent[id] = &call;
  call.wire_id = id;
  call_to(server, call, message, text);
}

void Checker::setting_to(Server& server, const Read& message, const std::string& id,
                         const std::string& text) {
  const std::string method = message.method();
  if (method == "ping") return;
  if (method == "logging/setLevel") {
    const std::string level(message.find("params")->string_or("level", ""));
    for (std::size_t i = 0; const std::string_view name : {"debug", "info", "notice", "warning", "error",
                                                           "critical", "alert", "emergency"}) {
      if (name == level) server.level = i;
      ++i;
    }
    return;
  }
  const bool subscribes = method == "resources/subscribe";
  if (!subscribes && method != "resources/unsubscribe")
    return broken("a server is sent nothing of unknown origin", text);
  const std::string uri(message.find("params")->string_or("uri", ""));
  server.settings[id] = uri;
  // To end what never began does no harm, and the server may say so itself.
  const bool again = subscribes && server.subscribed.contains(uri);
  const bool too_early = !subscribes && sessions_that_want(server, uri) > 0;
  if (again || too_early) broken("subscriptions balance", text);
  if (subscribes) {
    server.subscribed[uri] = true;
  } else {
    server.subscribed.erase(uri);
  }
}

void Checker::notice_to(Server& server, const Read& message, const std::string& text) {
  const std::string method = message.method();
  if (server.era == Era::modern && method != "notifications/cancelled")
    return broken("a modern server is told of cancellations only", text);
  if (method == "notifications/initialized") {
    if (server.initialized || !server.answered) broken("initialized is said once, after the answer", text);
    server.initialized = true;
    return;
  }
  // Over HTTP a question without an answer holds a stream, and a call may be one of a forgotten conversation.
  const std::string ends = message.raw(message.find("requestId", "params"));
  const bool gives_up = method == "notifications/cancelled" && server.start.link != core::Link::stdio &&
                        (ends == server.discover_id || server.sent.contains(ends));
  if (!server.initialized && !gives_up)
    return broken("initialize and initialized come before anything else", text);
  if (method == "notifications/progress") progress_to(server, message, text);
  if (method == "notifications/cancelled") cancel_to(server, message, text);
  if (method == "notifications/roots/list_changed") server.roots_outdated = true;
}

void Checker::cancel_to(Server& server, const Read& message, const std::string& text) {
  const std::string id = message.raw(message.find("requestId", "params"));
  if (id == server.initialize_id) return broken("initialize is never cancelled", text);
  const auto found = server.sent.find(id);
  if (id == server.discover_id) return;
  if (server.settings.contains(id) || cancels_inquiry(server, id, text)) return;
  if (server.wished.contains(id)) {
    server.opening.erase(id);
    if (id == server.listen) server.subscribed.clear();
    if (id == server.listen) server.listen.clear();
    return;
  }
  if (found == server.sent.end()) return broken("a server is told of the end of calls it was sent", text);
  Call& call = *found->second;
  const Client& client = world_.clients[static_cast<std::size_t>(call.client)];
  const bool given_up = call.era == Era::modern && !waits_for(client, first_of(call));
  const bool apart = world_.families[client.family].spec.roots == core::RootsRule::equal;
  const bool moved = apart && text.contains("the session has another server now");
  if (!call.cancelled && !given_up && !moved) broken("only its own session cancels a call", text);
  first_of(call).live = false;
  if (call.cancel_sent) broken("a call is cancelled once", text);
  if (call.wire_id != id || call.asking) broken("what a server has answered is not cancelled", text);
  call.cancel_sent = true;
}

// A client's progress with its answer to a question.
void Checker::progress_to(Server& server, const Read& message, const std::string& text) {
  const std::string token = message.raw(message.find("progressToken", "params"));
  const auto by = named_numbers(text, "by");
  for (const auto& [id, ask] : server.asks) {
    if (ask->token == token && ask->asked != nullptr && by.size() == 1 && ask->asked->number == by.front())
      return;
  }
  broken("progress with a question comes from the one who was asked", text);
}

void Checker::answer_to(Server& server, const Read& message, const std::string& text) {
  const std::string id = message.raw(message.find("id"));
  if (server.plain_asks.erase(id) > 0) {
    const auto* roots = message.find("roots", "result");
    const auto asked = server.roots_asks.find(id);
    if (asked != server.roots_asks.end()) check_desk_roots(asked->second->sure_call, text);
    if (roots != nullptr || asked != server.roots_asks.end()) {
      const std::size_t at = text.find("file:///");
      server.told_roots = at == std::string::npos ? "" : text.substr(at, text.find('"', at) - at);
      server.roots_outdated = false;
    }
    for (const Client& client : world_.clients) {
      const std::string place = "file:///c" + std::to_string(client.number);
      const bool named = text.contains(place + "/") || (client.people > 1 && text.contains(place + "p"));
      // A server that all have left stays one of the last's roots: only a session with the same ones joins
      // it.
      const bool last = client.last_of == &server && world_.hands.clients_of(server) == 0;
      // One whose entry has changed still has calls of sessions that have gone on to another.
      const bool left_behind = world_.families[client.family].args_before.contains(server.start.args) &&
                               std::ranges::any_of(server.sent, [&](const auto& entry) {
                                 return entry.second->client == client.number;
                               });
      if (named && !last && !left_behind && world_.hands.server_of(client) != &server)
        broken("roots are those of the server's own sessions", text);
    }
    return;
  }
  const auto found = server.asks.find(id);
  if (found == server.asks.end()) return broken("a server's question is answered once", text);
  Ask& ask = *found->second;
  server.asks.erase(found);
  ask.answered = true;
  if (ask.owner != nullptr && ask.owner->era == Era::modern) {
    const Client& client = world_.clients[static_cast<std::size_t>(ask.owner->client)];
    Call& first = world_.truth.calls[static_cast<std::size_t>(first_of(*ask.owner).number)];
    first.live = first.live || waits_for(client, first);
  }
  const auto brought = [&](const std::string& what) {
    return what == ask.payload || ask.offers.contains(what);
  };
  const auto* result = message.find("result");
  const std::string payload = message.raw(result != nullptr ? result : message.find("error"));
  const bool of_client = payload.find("\"by\":\"c") != std::string::npos;
  if (of_client && !brought(payload)) broken("a question is answered by the one who was asked", text);
  // Calls that are over may make it wait, but do not count.
  if (!of_client && ask.asked == nullptr && ask.sure != nullptr && surely_meant(server, ask) == ask.sure)
    broken("a question that can only be meant for one is put to it", text);
  const bool declined = ask.method == "elicitation/create" && payload == "{\"action\":\"cancel\"}";
  if (!of_client && result != nullptr && !declined)
    broken("Hearth answers no question in a client's place", text);
  if (!of_client && !ask.payload.empty()) broken("an answer arrives as its client gave it", text);
}

void Checker::ended(Server& server) {
  server.ended = true;
  const bool lethal = std::any_of(server.sent.begin(), server.sent.end(), [](const auto& entry) {
    const Call& call = *entry.second;
    return call.lethal && !call.answered && !call.cancelled;
  });
  if (lethal && !server.stopping) server.died_of_call = world_.schedule.now();
  for (const auto& [id, call] : server.sent) first_of(*call).live = false;
  for (const ListKind& kind : list_kinds) listens_are_due(server, std::string(kind.method));
  // Subscribers are not told that a resource may have changed because its server ended.
  for (Client& client : world_.clients) {
    if (world_.hands.server_of(client) != &server) continue;
    std::erase_if(client.news, [](const auto& entry) { return !entry.first.ends_with("/list_changed"); });
  }
  server.asks.clear();
  server.plain_asks.clear();
}

// No other session was ever there whose question it could be.
bool Checker::served_alone(const Server& server, const Client& client) const {
  if (world_.hands.server_of(client) != &server) return false;
  return std::all_of(server.sent.begin(), server.sent.end(),
                     [&](const auto& entry) { return entry.second->client == client.number; });
}

std::size_t Checker::sessions_that_want(const Server& server, const std::string& uri) const {
  std::size_t count = 0;
  for (const Client& client : world_.clients) {
    if (!client.session || world_.hands.server_of(client) != &server) continue;
    const auto wish = client.uris.find(uri);
    const bool granted =
        wish != client.uris.end() && wish->second == nullptr && !client.vague_uris.contains(uri);
    count += granted && !leaving(client, uri) ? 1U : 0U;
    for (const auto& [id, listen] : client.listens)
      count += listen.granted.contains(uri) && !listen.vague.contains(uri) ? 1U : 0U;
  }
  return count;
}

}  // namespace sim
