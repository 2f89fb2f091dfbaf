// What must hold where a client wants more than it may have: it is told so in words, it is told so only then,
// and it has no more.
#include <algorithm>
#include <set>
#include <utility>

#include "core/limits.h"
#include "sim/checker.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

using core::Kept;

bool listens_for_one(const Call& call) {
  return call.method == "subscriptions/listen" || call.method == "resources/subscribe";
}

}  // namespace

std::size_t Checker::most(Kept kind) const {
  return world_.options.most(kind);
}

void Checker::note_cancel(Client& client) {
  client.cancels.push_back(now());
  if (client.cancels.size() > most(Kept::cancelled)) client.cancels.pop_front();
}

// True: the answer says that the client has too much of something, which is so.
bool Checker::check_quota(const Client& client, const Call& call, const std::string& text) {
  if (text.contains("that were cancelled a moment ago")) {
    const bool many = client.cancels.size() == most(Kept::cancelled);
    if (!many || now() - client.cancels.front() > core::limits::ghost)
      broken("a session that has not cancelled too much is not told so", text);
    return true;
  }
  if (text.contains("too many open listens")) {
    if (call.method != "subscriptions/listen" || client.listens.size() < most(Kept::listen))
      broken("a session that has not too many listens is not told so", text);
    return true;
  }
  if (text.contains("too many subscriptions in this session")) {
    const std::size_t more = call.method == "subscriptions/listen" ? filter_of(Read(call.text)).size() : 1;
    if (!listens_for_one(call) || subscriptions_of(client, false) + more <= most(Kept::subscription))
      broken("a session that has not too many subscriptions is not told so", text);
    return true;
  }
  if (text.contains("too many calls that wait for answers in this session")) {
    if (parked_for(client) == 0) broken("a client that nothing waits for is not told so", text);
    return true;
  }
  return false;
}

// Something was granted: it is within what a session may have.
void Checker::check_granted(const Client& client, const std::string& text) {
  const auto open = std::ranges::count_if(
      client.listens, [](const auto& entry) { return entry.second.acknowledged && !entry.second.renewed; });
  if (static_cast<std::size_t>(open) > most(Kept::listen))
    broken("no session has more listens than it may", text);
  if (subscriptions_of(client, true) > most(Kept::subscription))
    broken("no session has more subscriptions than it may", text);
}

// At least those that were granted, or at most all that may have been.
std::size_t Checker::subscriptions_of(const Client& client, bool granted) const {
  std::size_t count = granted ? 0 : client.vague_uris.size();
  for (const auto& [uri, by] : client.uris) {
    const bool certain = by == nullptr && !client.vague_uris.contains(uri);
    count += !granted || certain ? 1U : 0U;
  }
  for (const auto& [id, listen] : client.listens) {
    for (const std::string& name : granted ? listen.granted : listen.asked) {
      const bool counts =
          !granted || (listen.acknowledged && !listen.renewed && !listen.vague.contains(name));
      count += counts && !name.ends_with("/list_changed") ? 1U : 0U;
    }
  }
  return count;
}

// Calls that a running server works on, and that its client is to bring answers for.
std::size_t Checker::parked_for(const Client& client) const {
  std::set<const Call*> waited_for;
  for (const auto& [id, call] : client.pending) waited_for.insert(&first_of(*call));
  return static_cast<std::size_t>(std::ranges::count_if(client.calls, [&](const Call* call) {
    const Call* run = first_of(*call).run;
    if (!call->input_required || call->state.empty() || run == nullptr || first_of(*call).live) return false;
    if (now() - call->asked_at >= client.spec.timing.ask_timeout || waited_for.contains(&first_of(*call)))
      return false;
    const bool works = run->server != nullptr && run->server->running && !run->server->ended &&
                       run->server->era == Era::legacy && !run->server_done && !run->cancel_sent;
    return works && std::ranges::any_of(call->wanted, [](const Wanted& wanted) {
             return wanted.ask != nullptr && !wanted.ask->answered && !wanted.ask->cancelled;
           });
  }));
}

bool Checker::parks_enough(const Call& call) const {
  const Client& client = world_.clients[static_cast<std::size_t>(call.client)];
  std::size_t all = 0;
  for (const Client& one : world_.clients) {
    const bool same = !one.principal.empty() && one.principal == client.principal;
    if (same || &one == &client)
      all += static_cast<std::size_t>(std::ranges::count_if(one.calls, &Call::input_required));
  }
  return all >= most(Kept::parked);
}

void Checker::unblocked(Client& client) {
  const std::size_t bound = most(Kept::update) + subscriptions_of(client, false);
  if (std::exchange(client.updates_told, 0) > bound)
    broken("what is kept for a client that does not read is bounded", std::to_string(bound));
}

}  // namespace sim
