// What a session may be told, and what it is owed.
#include <algorithm>
#include <array>

#include "sim/checker.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

void Checker::broken(std::string_view invariant, std::string detail) {
  if (failed()) return;
  invariant_ = invariant;
  detail_ = std::move(detail);
}

void Checker::fed(Client& client, Record& record) {
  ++count_;
  switch (record.kind) {
    case Record::Kind::requests:
      for (Call* call : record.calls) fed_request(client, *call);
      return;
    case Record::Kind::cancel: {
      const auto found = client.pending.find(record.id);
      if (found == client.pending.end() || found->second->method == "initialize") return;
      found->second->cancelled = true;
      given_up(*found->second);
      note_cancel(client);
      first_of(*found->second).live = false;
      if (found->second->method == "subscriptions/listen") client.listens.erase(record.id);
      client.pending.erase(found);
      return;
    }
    case Record::Kind::answer:
      return fed_answer(client, record);
    case Record::Kind::initialized:
      client.initialized_fed = true;
      return;
    case Record::Kind::garbage:
      ++client.refusals_allowed;
      return;
    case Record::Kind::roots_changed:
      if (!client.initialize_fed) return;  // To modern clients' servers it says nothing.
      client.roots_given.clear();
      client.roots_void.insert(client.roots_asked.begin(), client.roots_asked.end());
      return;
    case Record::Kind::notice:
      return;
  }
}

void Checker::fed_request(Client& client, Call& call) {
  call.fed = true;
  call.fed_in = world_.hands.life();
  if (call.broken) {
    ++client.refusals_due;
    client.refusable.emplace(call.id, &call);
    return;
  }
  if (client.pending.contains(call.id)) {
    call.duplicate = true;
    ++client.refusals_due;
    return;
  }
  client.pending.emplace(call.id, &call);
  call.fed_at = count_;
  if (!call.equal.empty()) ++wished_[call.equal];
  if (call.first != nullptr) fed_coming_back(client, call);
  if (call.method == "subscriptions/listen") {
    Listen& listen = client.listens[call.id] = {};
    listen.call = &call;
    listen.asked = filter_of(Read(call.text));
  }
  if (call.era == Era::modern) return;
  if (call.method == "initialize") client.initialize_fed = true;
  if (call.method == "resources/subscribe") client.uris.emplace(call.uri, &call);
  if (call.method == "resources/unsubscribe") {
    client.news.erase(call.uri);
    client.news.erase(what_is_in + call.uri);
  }
}

void Checker::fed_answer(Client& client, const Record& record) {
  if (client.roots_asked.erase(record.id) != 0) {
    if (client.roots_void.contains(record.id))
      client.roots_vague = true;
    else
      client.know_roots(record.text);
  }
  const auto found = client.asked.find(record.id);
  if (found == client.asked.end()) return;
  // What was forged when it was written may have become this client's answer to its own question meanwhile.
  if (!record.forged && found->second != record.ask) return;
  if (found->second->answered) return;  // Too late.
  const Read message(record.text);
  const auto* result = message.find("result");
  found->second->payload = message.raw(result != nullptr ? result : message.find("error"));
  found->second->refused = result == nullptr;
  client.asked.erase(found);
}

void Checker::heard(Client& client, Record& record) {
  if (record.kind != Record::Kind::requests || record.text.starts_with('[')) return;
  for (const Call* call : record.calls) {
    const bool asked = call->method == "ping" || call->method == "server/discover";
    const bool ours = call->gone || (asked && call->era == Era::legacy);
    if (ours && !call->duplicate && !call->broken && !call->answered && client.session) {
      broken("pings and discovery are answered at once", call->text);
    }
  }
}

Delivery Checker::sent(Client& client, std::string text) {
  ++count_;
  Delivery delivery{.text = text, .parts = {}};
  const Read message(text);
  if (!message.sound() || text.find('\n') != std::string::npos) {
    broken("a session is sent sound JSON, one message a line", text);
    return delivery;
  }
  check_owner(client, text);
  if (message.root()->type != proto::json::Type::array) {
    delivery.parts.push_back(part_of(client, message, text));
    return delivery;
  }
  if (!client.wrote_batch) broken("only who sends batches is sent batches", text);
  for (const proto::json::Value& item : message.root()->items) {
    delivery.parts.push_back(part_of(client, Read(text, item), message.raw(&item)));
  }
  return delivery;
}

// The main check: no session receives what is not its own.
void Checker::check_owner(Client& client, const std::string& text) {
  for (const int number : named_numbers(text, "marker")) {
    if (world_.truth.calls[static_cast<std::size_t>(number)].client != client.number) {
      broken("no session receives what belongs to another",
             "client " + std::to_string(client.number) + ": " + text);
    }
  }
  for (const int number : named_numbers(text, "proc")) {
    const Server& server = world_.servers[static_cast<std::size_t>(number)];
    if (!may_serve(server.start, client.spec_at(server.start)))
      broken("a session hears of its own server only", text);
  }
}

Delivery::Part Checker::part_of(Client& client, const Read& message, const std::string& text) {
  const bool has_id = message.find("id") != nullptr;
  if (message.method().empty()) return answer_to(client, message, text);
  if (has_id) return question_to(client, message, text);
  return notice_to(client, message, text);
}

Delivery::Part Checker::answer_to(Client& client, const Read& message, const std::string& text) {
  const std::string id = message.raw(message.find("id"));
  const bool error = message.find("error") != nullptr;
  if (error == (message.find("result") != nullptr)) broken("an answer has a result or an error", text);
  if (id.empty() || id == "null") {
    if (!error || ++client.refusals_got > client.refusals_due + client.refusals_allowed) {
      broken("an answer without id refuses something, once", text);
    }
    return {.kind = Delivery::Kind::refusal, .id = {}, .error = true};
  }
  auto [first, last] = client.pending.equal_range(id);
  if (first == last) {
    const auto refused = client.refusable.find(id);
    if (refused == client.refusable.end() || !error) {
      // Whether it knows that its listen was acknowledged before it ended that, a later daemon cannot tell.
      const bool listen = std::ranges::any_of(client.calls, [&](const Call* call) {
        return call->id == id && call->cancelled && call->method == "subscriptions/listen";
      });
      if (listen && error && world_.kills > 0) return {};
      std::string known;
      for (const Call* call : client.calls) {
        if (call->id != id) continue;
        known += std::string(call->fed ? " fed" : " unfed") + (call->delivered ? " delivered" : "") +
                 (call->cancelled ? " cancelled" : "") + (call->duplicate ? " duplicate" : "") + ";";
      }
      broken("a request is answered once, and not after it was cancelled", text + "\n  its id was:" + known);
      return {};
    }
    Call& call = *refused->second;
    client.refusable.erase(refused);
    ++client.refusals_got;
    call.answered = call.failed = true;
    return {.kind = Delivery::Kind::answer, .call = &call, .id = {}, .error = true};
  }
  // One id may stand for two calls only after a daemon died with the first one's answer in its hands.
  const auto markers = named_numbers(text, "marker");
  const bool told = !named_numbers(text, "asked").empty();
  const bool greeting = message.find("protocolVersion", "result") != nullptr;
  for (auto other = first; other != last; ++other) {
    const bool meant = told              ? !other->second->equal.empty()
                       : markers.empty() ? (other->second->method == "initialize") == greeting
                                         : first_of(*other->second).number == markers.front();
    if (meant) first = other;
  }
  Call& call = *first->second;
  client.pending.erase(first);
  call.answered = true;
  call.failed = error;
  if (!waits_for(client, first_of(call))) first_of(call).live = false;
  if (call.method == "subscriptions/listen") client.listens.erase(id);
  check_answer(client, call, message, text);
  return {.kind = Delivery::Kind::answer, .call = &call, .id = {}, .error = error};
}

void Checker::check_answer(Client& client, Call& call, const Read& message, const std::string& text) {
  if (!call.equal.empty() && (!call.failed || text.contains("\"asked\":")))
    return check_told(client, call, message, text);
  if (call.era == Era::modern) return check_modern_answer(client, call, message, text);
  const std::string payload = message.raw(message.find(call.failed ? "error" : "result"));
  settle_wish(client, call);
  if (call.method == "initialize") return check_initialize(client, call, message);
  if (call.method == "server/discover") {
    const auto* code = message.find("code", "error");
    const bool lost = world_.kills > 0 && call.failed;
    if (!lost && (code == nullptr || code->text != "-32602"))
      broken("discovery with half a claim is refused with -32602", text);
    return;
  }
  if (call.failed) return check_error(client, call, payload, text);
  if (call.method == "ping" && payload != "{}") broken("a ping is answered by {}", text);
  if (call.marked && call.method != "tasks/list" && !fits(call, message, payload)) {
    broken("a result arrives as its server gave it", text + " instead of " + call.payload);
  }
}

void Checker::check_error(Client& client, const Call& call, const std::string& payload,
                          const std::string& text) {
  if (check_quota(client, call, text)) return;
  const bool ran = !call.payload.empty() || call.first != nullptr;
  if (call.error_is_fine || (call.marked && ran && fits(call, Read(text), payload))) return;
  if (call.asking && asked_to_sample(call)) return;
  const bool apart = world_.families[client.family].spec.roots == core::RootsRule::equal;
  if (apart && payload.contains("this session has other roots than those that share its process")) return;
  if (world_.families[client.family].troubles > 0 || world_.kills > 0) return;
  broken("a call fails only for a reason", text);
}

// A wish that failed may have taken effect before: from then on nothing certain is known about it.
void Checker::settle_wish(Client& client, Call& call) {
  if (call.method == "logging/setLevel") {
    client.level_vague = call.failed;
    if (!call.failed && call.number > client.level_call) {
      client.level_call = call.number;
      client.level = std::stoul(call.level);
    }
  }
  if (call.method == "resources/subscribe") {
    const auto found = client.uris.find(call.uri);
    if (!call.failed) client.vague_uris.erase(call.uri);
    if (found == client.uris.end()) return;
    if (call.failed && found->second == nullptr) client.vague_uris.insert(call.uri);
    if (found->second != &call) return;
    if (!call.failed) check_granted(client, call.text);
    found->second = nullptr;
    if (!call.failed) return;
    if (world_.kills > 0) {
      client.vague_uris.insert(call.uri);
    } else {
      client.uris.erase(found);
    }
  }
  if (call.method == "resources/unsubscribe") {
    if (call.failed && client.uris.contains(call.uri)) client.vague_uris.insert(call.uri);
    if (!call.failed) client.uris.erase(call.uri);
    if (!call.failed) client.vague_uris.erase(call.uri);
  }
}

void Checker::check_initialize(Client& client, Call& call, const Read& message) {
  if (call.failed) {
    if (world_.families[client.family].troubles == 0 && world_.kills == 0) {
      broken("initialize fails only for a reason", message.raw(message.find("error")));
    }
    return;
  }
  client.initialize_answered = true;
  const auto* version = message.find("protocolVersion", "result");
  const std::string given = version == nullptr ? "" : version->text;
  const std::string& most = world_.families[client.family].revision_most;
  // The names are dates, so their order is that of the texts.
  const bool known =
      given == "2024-11-05" || given == "2025-03-26" || given == "2025-06-18" || given == "2025-11-25";
  if (!known || given > client.revision || given < std::min(client.revision, most)) {
    broken("a session gets the revision it asked for, or what the server has below it",
           given + " for " + client.revision);
  }
}

Delivery::Part Checker::question_to(Client& client, const Read& message, const std::string& text) {
  const std::string id = message.raw(message.find("id"));
  const std::string method = message.method();
  if (client.speaks == Speaks::modern) broken("a modern client is asked nothing but in answers", text);
  if (method == "ping") return {.kind = Delivery::Kind::ping, .id = id};
  if (client.asked.contains(id) || client.roots_asked.contains(id))
    broken("questions have ids of their own", text);
  if (!client.initialize_answered) broken("nobody is asked before initialize was answered", text);
  if (method == "roots/list") {
    if (!client.can_roots) broken("a session without the capability is never asked", text);
    client.roots_asked.insert(id);
    return {.kind = Delivery::Kind::roots, .id = id};
  }
  const auto numbers = named_numbers(text, "ask");
  if (numbers.size() != 1) {
    broken("a session is asked what its server asked", text);
    return {};
  }
  Ask& ask = world_.truth.asks[static_cast<std::size_t>(numbers.front())];
  check_question(client, ask, text);
  ask.asked = &client;
  ask.life = world_.hands.life();
  ask.down_id = id;
  client.asked[id] = &ask;
  return {.kind = Delivery::Kind::ask, .ask = &ask, .id = id};
}

bool Checker::may_be_asked(const Client& client, const Ask& ask) {
  if (ask.method == "elicitation/create") return ask.url ? client.can_url : client.can_form;
  return ask.method == "sampling/createMessage" ? client.can_sampling : client.can_vendor;
}

void Checker::check_question(Client& client, Ask& ask, const std::string& text) {
  if (!ask.fed || ask.asked != nullptr || ask.answered || ask.cancelled)
    broken("a question is put once", text);
  if (!may_be_asked(client, ask)) broken("a session without the capability is never asked", text);
  if (ask.by_round && ask.owner->client != client.number)
    broken("who made the call is asked what it needs", text);
  if (ask.by_task || ask.by_round) return;  // The marker names the owner of the task.
  const auto candidates = parties(*ask.server);
  if (candidates.empty() && served_alone(*ask.server, client)) return;
  const std::pair<const Client*, const Call*> mine{&client, nullptr};
  if (std::ranges::find(candidates, mine) == candidates.end()) {
    broken("only a session with a live call is asked", text);
  }
  if (candidates.size() > 1) broken("a question that may be somebody else's is not put", text);
}

void Checker::left(Client& client) {
  ++count_;
  client.last_of = world_.hands.server_of(client);
  for (auto& [id, call] : client.pending) {
    call->cancelled = true;
    given_up(*call);
  }
  no_longer_live(client);
  client.listens.clear();
  client.pending.clear();
  client.refusable.clear();
  client.asked.clear();
  client.roots_asked.clear();
  client.uris.clear();
  client.news.clear();
}

void Checker::delivered(const Delivery& delivery) {
  for (const Delivery::Part& part : delivery.parts) {
    if (part.acknowledges != nullptr) {
      Client& client = world_.clients[static_cast<std::size_t>(part.acknowledges->client)];
      const auto listen = client.listens.find(part.acknowledges->id);
      if (listen != client.listens.end()) listen->second.delivered = true;
    }
    if (part.call == nullptr) continue;
    if (part.call->delivered) broken("a client reads one answer to each request", delivery.text);
    part.call->delivered = true;
  }
}

}  // namespace sim
