// What modern clients are owed: answers in their form, questions only in answers and only of their own calls,
// and on their listens what they asked for.
#include <algorithm>
#include <map>

#include "sim/checker.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

using Members = std::map<std::string, std::string>;

Members members_of(const proto::json::Value* object, const Read& message, bool error) {
  Members all;
  if (object == nullptr) return all;
  for (const proto::json::Member& member : object->members) {
    const bool own = error ? member.key == "code"
                           : member.key == "resultType" || member.key == "ttlMs" ||
                                 member.key == "cacheScope" || member.key == "_meta";
    if (!own) all[member.key] = message.raw(&member.value);
  }
  return all;
}

int modern_code(int code) {
  if (code == -32002) return -32602;
  return code <= -32020 && code >= -32099 ? -32603 : code;
}

bool can(const Client& client, const Ask& ask) {
  if (ask.method == "elicitation/create") return ask.url ? client.can_url : client.can_form;
  return ask.method == "sampling/createMessage" ? client.can_sampling : client.can_vendor;
}

}  // namespace

void Checker::fed_coming_back(Client& client, Call& call) {
  const base::Duration patience = client.spec.timing.ask_timeout;
  if (now() - call.asked_at >= patience) call.error_is_fine = true;
  for (const auto& [id, other] : client.pending) {
    if (other != &call && &first_of(*other) == call.first) other->error_is_fine = call.error_is_fine = true;
  }
  for (const auto& [ask, answer] : call.responses) {
    if (ask == nullptr) client.know_roots(answer);
    if (ask != nullptr) ask->offers.insert(answer);
  }
}

bool Checker::waits_for(const Client& client, const Call& first) const {
  return std::ranges::any_of(client.pending,
                             [&](const auto& entry) { return &first_of(*entry.second) == &first; });
}

void Checker::no_longer_live(Client& client) {
  for (Call* call : client.calls) call->live = false;
}

bool Checker::fits_modern(const Call& call, const Call& ran, const Read& message,
                          const std::string& payload) const {
  if (ran.server == nullptr || ran.payload.empty()) return false;
  if (ran.server->era == Era::modern) return ran.reached > 0 && &ran == &call && payload == ran.payload;
  const Read given(payload), said(ran.payload);
  const bool error = message.find("error") != nullptr;
  if (error != (said.find("code") != nullptr)) return false;
  const int code = error ? given.code() : 0;
  if (code == -32021) return true;  // Its question could not be put.
  if (error && code != modern_code(said.code())) return false;
  return members_of(given.root(), given, error) == members_of(said.root(), said, error);
}

void Checker::check_modern_answer(Client& client, Call& call, const Read& message, const std::string& text) {
  const std::string payload = message.raw(message.find(call.failed ? "error" : "result"));
  if (call.gone) {
    const bool refused = call.failed && Read(payload).code() == -32601;
    if (!refused && world_.kills == 0) broken("what 2026-07-28 has no more is not there", text);
    return;
  }
  if (call.failed) return check_error(client, call, payload, text);
  if (call.method == "server/discover") return check_discovered(call, message, text);
  const auto* type = message.find("resultType", "result");
  const Call* ran = call.reached > 0 ? &call : first_of(call).run;
  const bool passed_on = ran != nullptr && ran->server != nullptr && ran->server->era == Era::modern;
  if (type == nullptr && !passed_on) return broken("a modern client is told what a result is", text);
  if (type != nullptr && type->text == "input_required") {
    if (passed_on && payload != call.payload)
      return broken("what a modern server wants arrives as it is", text);
    return check_round(client, call, message, text);
  }
  if (call.method == "subscriptions/listen") return;
  if (type != nullptr && type->text != "complete") broken("a modern client is told what a result is", text);
  if (call.tampered && !passed_on) broken("who brings what he was not given gets nothing", text);
  if (!fits(call, message, payload))
    broken("a result arrives as its server gave it",
           text + " instead of " + (ran == nullptr ? "" : ran->payload));
}

void Checker::check_discovered(const Call& call, const Read& message, const std::string& text) {
  const auto* versions = message.find("supportedVersions", "result");
  const bool ours = versions != nullptr && std::ranges::any_of(versions->items, [](const auto& version) {
                      return version.text == "2026-07-28";
                    });
  const auto* type = message.find("resultType", "result");
  const bool whole = type != nullptr && type->text == "complete" &&
                     message.find("capabilities", "result") != nullptr && call.era == Era::modern;
  if (!ours || !whole) broken("discovery says that Hearth is a modern server", text);
}

// The client is told what is wanted before its call can be answered.
void Checker::check_round(Client& client, Call& call, const Read& message, const std::string& text) {
  call.input_required = true;
  call.asked_at = now();
  if (!may_lead_to_questions(call)) broken("only calls that may lead to questions do", text);
  const Call* run = call.reached > 0 ? &call : first_of(call).run;
  if (run != nullptr && run->server != nullptr && run->server->era == Era::modern) return;
  call.state = message.raw(message.find("requestState", "result"));
  if (parked_for(client) > world_.options.most(core::Kept::parked))
    broken("no client has more calls that wait for it than it may", text);
  if (call.state.empty()) broken("who is to come back is given a ticket", text);
  call.wanted.clear();
  const auto* requests = message.find("inputRequests", "result");
  if (requests == nullptr) return broken("a client is told what is wanted", text);
  for (const proto::json::Member& member : requests->members) {
    Wanted wanted{.key = member.key, .method = std::string(member.value.string_or("method", ""))};
    check_wanted(client, call, message, member.value, wanted, text);
    call.wanted.push_back(std::move(wanted));
  }
}

void Checker::check_wanted(Client& client, Call& call, const Read& message, const proto::json::Value& request,
                           Wanted& wanted, const std::string& text) {
  if (wanted.method == "roots/list") {
    if (!client.can_roots) broken("a client without the capability is never asked", text);
    return;
  }
  const auto numbers = named_numbers(message.raw(&request), "ask");
  if (numbers.size() != 1) return broken("a client is asked what its server asked", text);
  Ask& ask = world_.truth.asks[static_cast<std::size_t>(numbers.front())];
  wanted.ask = &ask;
  if (!ask.fed || ask.method != wanted.method) broken("a client is asked what its server asked", text);
  if (!can(client, ask)) broken("a client without the capability is never asked", text);
  // A call that waits for answers, to questions that were none of its own, is not expected to ask further.
  const bool elsewhere = ask.owner != nullptr && &first_of(*ask.owner) != &first_of(call);
  if (elsewhere &&
      waits_for(world_.clients[static_cast<std::size_t>(ask.owner->client)], first_of(*ask.owner)))
    broken("a question is put with the call that led to it", text);
}

Delivery::Part Checker::told(Client& client, const std::string& listen, const Read& message,
                             const std::string& text) {
  const auto found = client.listens.find(listen);
  if (found == client.listens.end()) {
    broken("a listen that is over, or never was, is told nothing", text);
    return {};
  }
  Listen& mine = found->second;
  const std::string method = message.method();
  if (method == "notifications/subscriptions/acknowledged") {
    if (mine.acknowledged) broken("a listen is acknowledged once", text);
    mine.acknowledged = true;
    mine.granted = filter_of(message);
    if (!std::ranges::includes(mine.asked, mine.granted))
      broken("a listen is granted what it asked for", text);
    check_granted(client, text);
    return {.acknowledges = mine.call};
  }
  if (!mine.acknowledged) broken("a listen is told nothing before it is acknowledged", text);
  std::string name = method;
  const std::set<std::string>& wished = mine.renewed ? mine.asked : mine.granted;
  if (method == "notifications/resources/updated") {
    name = std::string(message.find("params")->string_or("uri", ""));
    const bool wanted =
        std::ranges::any_of(wished, [&](const std::string& whole) { return is_part_of(name, whole); });
    if (!wanted) broken("a listen is told what it was granted", text);
    for (const std::string& whole : wished) {
      if (is_part_of(name, whole)) mine.news[what_is_in + whole].told = now();
    }
    ++client.updates_told;
  } else if (!wished.contains(name)) {
    broken("a listen is told what it was granted", text);
  }
  mine.news[name].told = now();
  return {};
}

bool Checker::wants_log_line(const Client& client, std::size_t level) const {
  return std::ranges::any_of(client.pending, [&](const auto& entry) {
    const Call& call = *entry.second;
    return call.log_level && level >= *call.log_level;
  });
}

bool Checker::is_wished(const std::string& uri) const {
  return std::ranges::any_of(world_.clients, [&](const Client& client) {
    return client.uris.contains(uri) || client.vague_uris.contains(uri) ||
           std::ranges::any_of(client.listens,
                               [&](const auto& entry) { return entry.second.asked.contains(uri); });
  });
}

void Checker::listens_are_due(Server& server, const std::string& name) {
  const bool whole_news = name.ends_with("/list_changed") || is_wished(name);
  for (Client& client : world_.clients) {
    if (!client.session || world_.hands.server_of(client) != &server) continue;
    for (auto& [id, listen] : client.listens) {
      const bool granted =
          listen.acknowledged && listen.granted.contains(name) && !listen.vague.contains(name);
      if (granted) listen.news[name].due = now();
      for (const std::string& whole : listen.granted) {
        const bool part = !whole_news && is_part_of(name, whole);
        if (part && listen.acknowledged && !listen.vague.contains(whole))
          listen.news[what_is_in + whole].due = now();
      }
    }
  }
}

void Checker::check_listens(const Client& client, bool served) {
  for (const auto& [id, listen] : client.listens) {
    if (!listen.acknowledged) {
      broken("a listen is acknowledged or refused in the end", listen.call->text);
      continue;
    }
    for (const auto& [name, news] : listen.news) {
      if (served && news.told < news.due)
        broken("no news is lost on a listen", id + " was not told of " + name);
    }
  }
}

}  // namespace sim
