#include "broker/calls/one_call.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "broker/calls/calls.h"
#include "broker/context/conversations.h"
#include "core/limits.h"

namespace broker {
namespace {

using core::Call;
using core::CallState;
using core::Instance;
using core::Reads;
using core::Waiting;
using proto::Method;

enum class Turn : std::uint8_t { none, read, change };

Turn kind_of(const Instance& conversation, const Call& call) {
  if (call.method == Method::tools_call)
    return conversation.talk.read_only_tools.contains(call.tool) ? Turn::read : Turn::change;
  if (call.method == Method::resources_read || call.method == Method::prompts_get) return Turn::read;
  return call.method == Method::other ? Turn::change : Turn::none;
}

Turn turn_of(const Instance& conversation, const Call& call) {
  if (!conversation.order.one || call.purpose != core::Purpose::forwarded) return Turn::none;
  const Turn turn = kind_of(conversation, call);
  return turn == Turn::read && conversation.order.reads == Reads::always ? Turn::none : turn;
}

// f(const Call&) for each call of the conversation that keeps the server at work, or may.
template <class F>
void each_at_work(const State& state, const Instance& conversation, F&& f) {
  conversation.calls.newest_first(CallState::sent, [&](const Call& call) {
    f(call);
    return true;
  });
  conversation.calls.newest_first(CallState::following, [&](const Call& call) {
    f(call);
    return true;
  });
  conversation.calls.newest_first(CallState::cancelled, [&](const Call& call) {
    const bool may_run = core::ending(call, state.now);
    if (may_run) f(call);
    return may_run;
  });
}

// Calls of conversations that have ended may still be running, too.
bool ends_of_others(const State& state, const Instance& conversation) {
  if (!conversation.channel_of) return false;
  const Instance& server = state.instances.at(*conversation.channel_of);
  return !server.times.endings.empty() && server.times.endings.back() > state.now;
}

enum class Obstacle : std::uint8_t { none, own_dialog, others };

// The running call stands in the way of the other.
Obstacle obstacle_of(const State& state, const Instance& of_running, const Call& running,
                     const Instance& conversation, const Call& call, Turn turn) {
  const Turn its = turn_of(of_running, running);
  if (&running == &call || its == Turn::none) return Obstacle::none;
  if (turn == Turn::read && its == Turn::read && conversation.order.reads != Reads::alone)
    return Obstacle::none;
  const Party party = party_of(running);
  if (!in_dialog(state, of_running, party)) return Obstacle::others;
  const bool own = of_running.id == conversation.id && party == party_of(call);
  return own && turn == Turn::change ? Obstacle::own_dialog : Obstacle::none;
}

Obstacle obstacle_to(const State& state, const Instance& conversation, const Call& call) {
  const Turn turn = turn_of(conversation, call);
  if (turn == Turn::none) return Obstacle::none;
  Obstacle found = ends_of_others(state, conversation) ? Obstacle::others : Obstacle::none;
  each_conversation(state, conversation, [&](const Instance& one) {
    each_at_work(state, one, [&](const Call& running) {
      found = std::max(found, obstacle_of(state, one, running, conversation, call, turn));
    });
  });
  return found;
}

// The call of the waiting message, if it waits for such a turn and for nothing else.
const Call* in_queue(const State& state, const Instance& conversation, const Waiting& waiting) {
  const Call* call = conversation.calls.find(waiting.call);
  if (call == nullptr || turn_of(conversation, *call) == Turn::none) return nullptr;
  const core::Session* session = state.sessions.find(waiting.session);
  if (session != nullptr && !may_reach(*session, conversation)) return nullptr;
  return obstacle_to(state, conversation, *call) == Obstacle::own_dialog ? nullptr : call;
}

// Another waits for its turn that came before. A conversation that is not ready holds up nobody.
bool comes_after_another(const State& state, const Instance& conversation, std::uint64_t number) {
  bool found = false;
  each_conversation(state, conversation, [&](const Instance& one) {
    if (one.life != core::Life::ready) return;
    one.waiting.any([&](const Waiting& waiting) {
      const bool later = waiting.number >= number;
      if (!later) found |= in_queue(state, one, waiting) != nullptr;
      return later || found;
    });
  });
  return found;
}

}  // namespace

bool is_one_of_one(const Instance& conversation, const Call& call) {
  return turn_of(conversation, call) != Turn::none;
}

bool waits_for_others(const State& state, const Instance& conversation, const Call& call) {
  return obstacle_to(state, conversation, call) != Obstacle::none;
}

bool waits_in_line(const State& state, const Instance& conversation, const Call& call, std::uint64_t number) {
  if (!is_one_of_one(conversation, call)) return false;
  return waits_for_others(state, conversation, call) || comes_after_another(state, conversation, number);
}

bool held_by_own_dialog(const State& state, const Instance& conversation, const Call& call) {
  return obstacle_to(state, conversation, call) == Obstacle::own_dialog;
}

bool others_at_work(const State& state, const Instance& conversation, const Party& party) {
  if (!conversation.order.one) return false;
  bool found = ends_of_others(state, conversation);
  each_conversation(state, conversation, [&](const Instance& one) {
    each_at_work(state, one, [&](const Call& call) {
      const bool own = one.id == conversation.id && party_of(call) == party;
      found |= !own && turn_of(one, call) != Turn::none && !in_dialog(state, one, party_of(call));
    });
  });
  return found;
}

void turn_freed(State& state, const Instance& conversation) {
  if (!conversation.order.one) return;
  const InstanceId process = process_of(state, conversation).id;
  if (std::ranges::find(state.freed, process) == state.freed.end()) state.freed.push_back(process);
}

// The server goes on without the conversation, and maybe with its calls.
void calls_outlive(State& state, const Instance& channel) {
  if (!channel.order.one || !channel.channel_of) return;
  Instance& server = state.instances.at(*channel.channel_of);
  if (server.life != core::Life::ready) return;
  bool works = false;
  each_at_work(state, channel, [&](const Call& call) { works |= turn_of(channel, call) != Turn::none; });
  if (works) server.times.endings.push_back(state.now + core::limits::ending);
}

std::uint64_t first_in_line(const State& state, const Instance& conversation) {
  std::uint64_t first = UINT64_MAX;
  conversation.waiting.any([&](const Waiting& waiting) {
    const bool found = waiting.answer || in_queue(state, conversation, waiting) != nullptr;
    if (found) first = waiting.number;
    return found;
  });
  return first;
}

}  // namespace broker
