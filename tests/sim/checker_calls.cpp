// How a call may reach a server: whose and how often, as its client wrote it, beside which others.
#include "core/limits.h"
#include "sim/checker.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

// Deaths of a call before it is sent no more. Now and then one is put down to another call that was running.
constexpr std::size_t lethal_most = 5;

}  // namespace

// Roots are access rights: what a server was told are those of whoever calls it.
void Checker::check_roots(const Server& server, const Client& client, const std::string& text) {
  const core::ServerSpec& spec = world_.families[client.family].spec;
  // A conversation over HTTP is the session's own, so it hears of no other's.
  const bool alone = spec.scope == core::Scope::session || world_.families[client.family].web;
  const bool apart = spec.roots == core::RootsRule::equal && !alone;
  if (client.people > 1) return;  // It is asked each time, for one of them.
  if (!apart || server.era == Era::modern || !server.told_roots || server.roots_outdated) return;
  const bool known = !client.roots_given.empty() && !client.roots_vague;
  const bool equal = *server.told_roots == (client.can_roots ? client.roots_given : std::string());
  if ((known || !client.can_roots) && !equal)
    broken("a call reaches a server with its own roots only",
           text + " with " + client.roots_given + " instead of " + *server.told_roots);
  if (client.can_roots && client.roots_given.empty() && !server.told_roots->empty())
    broken("a call reaches no server before its roots are known", text + ": " + *server.told_roots);
}

void Checker::call_to(Server& server, Call& call, const Read& message, const std::string& text) {
  const Client& client = world_.clients[static_cast<std::size_t>(call.client)];
  if (++call.reached > 1 && (!call.asking || call.server != &server))
    broken("no call reaches a server twice", text);
  if (!call.fed || call.duplicate || call.broken) broken("what was refused reaches no server", text);
  // Answers to a modern server that was replaced since come without a ticket: they are of a new call.
  const bool with_ticket = call.members.find("\"requestState\":") != std::string::npos;
  if (call.first != nullptr && with_ticket && server.era == Era::legacy && first_of(call).live)
    broken("what brings answers does not run again", text);
  // But for answers to Hearth itself, which asks before the call has reached a server.
  if (call.first != nullptr && with_ticket && server.era == Era::legacy && first_of(call).run != nullptr)
    broken("what brings answers reaches no legacy server", text);
  first_of(call).run = &call;
  first_of(call).live = true;
  server.heard_levels = server.heard_levels || call.log_level;
  if (call.cancelled || call.answered) broken("nobody's call is sent when nobody waits for it", text);
  check_roots(server, client, text);
  if (!may_serve(server.start, world_.probing ? client.spec : client.spec_at(server.start)))
    broken("a call reaches a server of its own share key only", text);
  if (!call.task.empty()) {
    for (const Call& owner : world_.truth.calls) {
      if (owner.task_id == call.task && owner.client != call.client)
        broken("a task belongs to its owner", text);
    }
  }
  if (world_.families[client.family].spec.scope == core::Scope::session) {
    for (const auto& [id, other] : server.sent) {
      if (other->client != call.client) broken("a server of scope session serves one session", text);
    }
  }
  const auto* meta = message.find("_meta", "params");
  if (may_have_effect(call) && call.reached == 1) server.effects.push_back(count_);
  call.server = &server;
  call.wire_token = message.raw(meta == nullptr ? nullptr : meta->find("progressToken"));
  if (!call.wire_token.empty() && !server.wire_tokens.insert(call.wire_token).second) {
    broken("no token is used twice towards a server", text);
  }
  if (call.wire_token.empty() != call.token.empty())
    broken("a call has a token if its client gave one", text);
  if (call.lethal && deaths_of_lethal(server) > lethal_most)
    broken("a call that its server dies of is refused in the end", text);
  if (server.era != call.era) {
    check_bridged(server, call, message, text);
  } else if (with_ticket && first_of(call).run == &call &&
             call.members.find("\"hearth-") != std::string::npos) {
    // Answers to Hearth itself: no server is to see them.
    if (!says_the_same(message, Read(call.text))) broken("a request says what its client wrote", text);
  } else if (with_ids(call, call.wire_id, call.wire_token) != text) {
    broken("a request arrives as its client wrote it, but for id and token",
           text + " instead of " + call.text);
  }
  call.asking = false;
  check_serialised(server, call);
  check_one_at_a_time(server, call);
}

void Checker::check_serialised(Server& server, const Call& call) {
  const bool always = world_.families[server.family].spec.interactive == core::Interactive::serialise;
  if (server.era == Era::modern) return;  // It says itself for whom it asks.
  if (!(always || server.interactive) || !may_lead_to_questions(call)) return;
  for (const auto& [id, other] : server.sent) {
    const bool modern = other->era == Era::modern;
    const Client& owner = world_.clients[static_cast<std::size_t>(other->client)];
    const bool works =
        modern ? first_of(*other).live : !other->answered && !other->cancelled && !in_dialog(server, owner);
    const bool same = other->era == call.era &&
                      (modern ? &first_of(*other) == &first_of(call) : other->client == call.client);
    if (same || !works || !may_lead_to_questions(*other) || server.sent_before.contains(other)) continue;
    broken("an interactive server works for one session at a time", call.text + " while " + other->text);
  }
}

// What the model's servers do because of these may change something, or reads it.
void Checker::check_one_at_a_time(const Server& server, const Call& call) {
  const auto counts = [](const Call& one) {
    return may_lead_to_questions(one) && one.method != "tasks/result";
  };
  if (world_.families[server.family].spec.calls != core::Calls::one || !counts(call)) return;
  const bool reads = call.method == "resources/read" || call.method == "prompts/get";
  for (const auto& [id, other] : server.sent) {
    if (&first_of(*other) == &first_of(call) || !counts(*other)) continue;
    const Client& owner = world_.clients[static_cast<std::size_t>(other->client)];
    const bool works = other->era == Era::modern ? first_of(*other).live
                                                 : !other->answered && !other->cancelled && !other->asking;
    // A modern call is a party of its own, also beside its session's legacy calls.
    const bool own = other->client == call.client && call.era == Era::legacy;
    const bool dialog =
        other->era == Era::legacy && server.era == Era::legacy && (own ? reads : in_dialog(server, owner));
    if (works && !dialog) broken("a server is given one call at a time", call.text + " while " + other->text);
  }
}

// Within the time for which they are remembered, of the same instance.
std::size_t Checker::deaths_of_lethal(const Server& server) const {
  std::size_t deaths = 0;
  for (const Server& other : world_.servers) {
    const bool same = other.start.instance == server.start.instance && other.life == world_.hands.life();
    const bool counts = other.died_of_call > forgiven_ &&
                        world_.schedule.now() - other.died_of_call < core::limits::suspect_kept;
    deaths += same && counts ? 1U : 0U;
  }
  return deaths;
}

}  // namespace sim
