// How a session gets to another server.
//
// It is moved as it would go on after the death of a daemon: what it has set up (subscriptions, log level,
// listens) is set up again at the other server, calls that have not been sent go along, and lists are
// announced as changed. It is moved only when nothing of it is with its server; one that cannot wait for that
// is cut loose first.
#include <algorithm>
#include <map>

#include "broker/calls/calls.h"
#include "broker/calls/waiting.h"
#include "broker/interests/interests.h"
#include "broker/life/life.h"
#include "broker/questions/questions.h"
#include "broker/sessions/sessions.h"
#include "broker/tasks/tasks.h"
#include "core/share_key.h"
#include "face/to_legacy_server.h"

namespace broker {
namespace {

using core::Call;
using core::CallState;
using core::Instance;
using core::Phase;
using core::Session;
using core::Waiting;

// What goes along, in order.
struct Luggage {
  struct Held {
    std::optional<Call> call;               // None: a notification.
    std::optional<proto::Message> message;  // None: it waits for the server's greeting only.
  };
  struct OpenListen {
    std::string line;
    Told told = Told::by_us;
    std::optional<core::Filter> granted;  // What its client was told that it is granted.
  };
  std::vector<Held> held;
  std::vector<OpenListen> listens;
  std::vector<std::string> subscriptions;
};

void pack_listen(State& state, Session& session, Instance& from, core::CallId id, Luggage& luggage) {
  const core::Listen& listen = from.listens.at(id);
  const bool told = listen.acknowledged || listen.silently;
  luggage.listens.push_back({listen.line, told ? Told::by_an_earlier_daemon : Told::by_us, {}});
  // Also of one that was moved before: its line asks for more than was granted.
  if (told) luggage.listens.back().granted = listen.filter;
  const Call call = finish(state, from, id);
  if (call.journal_slot) session.journal.call_ended(*call.journal_slot);
}

void pack_call(State& state, Instance& from, core::CallId id, std::optional<proto::Message> message,
               Luggage& luggage) {
  Call call = finish(state, from, id);
  if (call.state == CallState::joined) message = proto::Message(call.state.as<core::Joined>().request);
  luggage.held.push_back({std::move(call), std::move(message)});
}

Luggage pack(State& state, Session& session, Instance& from) {
  Luggage luggage;
  luggage.subscriptions = from.subscriptions.uris_of(session.id);
  std::vector<std::pair<std::optional<core::CallId>, proto::Message>> waiting;
  from.waiting.any([&](const Waiting& one) {
    if (one.session == session.id) waiting.emplace_back(one.call, one.message);
    return false;
  });
  for (const core::CallId id : session.calls.wire_ids()) {
    if (from.listens.contains(id)) {
      pack_listen(state, session, from, id, luggage);
    } else if (std::ranges::none_of(waiting, [&](const auto& one) { return one.first == id; })) {
      pack_call(state, from, id, std::nullopt, luggage);
    }
  }
  for (auto& [id, message] : waiting) {
    if (id) {
      pack_call(state, from, *id, std::move(message), luggage);
    } else {
      luggage.held.push_back({std::nullopt, std::move(message)});
    }
  }
  const auto its = [&](const Waiting& one) { return one.session == session.id; };
  for (Waiting& one : from.waiting.take_if(its)) no_longer_waiting(state, session, one);
  return luggage;
}

void unpack(State& state, Session& session, Instance& to, Luggage luggage) {
  for (const std::string& uri : luggage.subscriptions) {
    to.subscriptions.adopt(uri, session.id, charge_subscription(session, uri));
    if (to.life == core::Life::ready) subscription_step(state, to, uri);
  }
  for (Luggage::Held& held : luggage.held) {
    std::optional<core::CallId> id;
    if (held.call) {
      Call& call = to.calls.insert(std::move(*held.call));
      if (!held.message) to.calls.become(call, core::Held{});
      id = call.wire_id;
      session.calls.insert(call.client_id, call.wire_id);
    }
    if (held.message) wait_there(state, session, to, id, std::move(*held.message));
  }
  for (Luggage::OpenListen& listen : luggage.listens) {
    const auto envelope = proto::scan(listen.line);
    if (envelope)
      client_listens(state, session, to, {base::Bytes::copy(listen.line), *envelope}, listen.told,
                     std::move(listen.granted));
  }
}

void arrive(State& state, Session& session, Instance& to) {
  const bool coming = wake(state, to);
  if (session.phase == Phase::asked) {
    if (!to.known.initialize_result.empty()) {
      answer_initialize(state, session, to);
    } else if (!coming) {
      fail_initialize(state, session, error_about(to, to.trouble, true));
    }
  } else {
    session.lists_changed.set();
  }
  if (!coming) {
    for (const core::CallId id : session.calls.wire_ids()) {
      if (to.calls.find(id) != nullptr) fail(state, to, id, error_about(to, to.trouble, true));
    }
    return;
  }
  if (!to.known.initialize_result.empty()) answer_discovers(state, to);
  if (to.life != core::Life::ready) return;
  level_step(state, to);
  flush_lists(state, session);
  drain_waiting(state, to);
}

// Its client is told of a call that may or may not have had an effect.
void cut_call(State& state, Instance& instance, core::CallId id, const std::string& raw_error) {
  const core::CallId wire_id = make_way(state, instance, id);
  Call& call = *instance.calls.find(wire_id);
  conclude(state, call, core::Outcome::error(raw_error));
  call.park.reset();
  call.journal_slot.reset();  // The answer has it now.
  cancel(state, instance, wire_id, "the session has another server now");
}

}  // namespace

bool movable(const State& state, const Session& session, const Instance& instance) {
  return session.asks.empty() && !has_something_there(state, session, instance);
}

void move(State& state, Session& session, InstanceId target) {
  Instance& from = state.instances.at(*session.instance);
  const InstanceId before = from.id;
  give_held_answers(state, session, from);
  Luggage luggage = pack(state, session, from);
  if (!session.spec) session.spec = from.spec;
  state.log(Severity::info, from.spec.name + ": session of " +
                                (session.client.empty() ? "a client" : session.client) +
                                " moves from process " + std::to_string(from.number) + " to " +
                                std::to_string(state.instances.at(target).number));
  depart(state, session, from);
  session.unsettled = false;
  Instance& to = state.instances.at(target);
  Instance* left = state.instances.find(before);
  // Sessions like those that it was started for go to the other now.
  if (left != nullptr && left->sessions.empty() && !core::alike(left->spec, to.spec))
    left->idle_due = state.now;
  heed_stricter(state, to, *session.spec);
  join(state, session, to);
  unpack(state, session, to, std::move(luggage));
  arrive(state, session, to);
  note_setup(state, session);
}

void cut_loose(State& state, Session& session, Instance& instance) {
  const std::string error =
      error_about(instance,
                  "this session has other roots than those that share its process, and gets another; "
                  "whether this call had an effect is not known",
                  false);
  give_held_answers(state, session, instance);
  for (const auto& [id, ask] : session.asks) {
    if (!ask.for_roots())
      state.send(session.id, face::cancelled_notice(id.text(), "the session has another server now"));
  }
  std::map<core::AskId, core::Ask> ours;  // Their answers decide where it belongs.
  for (auto& [id, ask] : session.asks) {
    if (ask.for_roots()) ours.emplace(id, std::move(ask));
  }
  std::erase_if(session.asks, [&](const auto& entry) { return ours.contains(entry.first); });
  std::erase_if(session.asks, [](const auto& entry) { return entry.second.call.has_value(); });
  refuse_asks(state, session, instance);
  session.asks = std::move(ours);
  for (const core::CallId id : session.calls.wire_ids()) {
    const Call* call = instance.calls.find(id);
    if (call != nullptr && !goes_along(instance, *call)) cut_call(state, instance, id, error);
  }
  unpark_at(state, session, instance);  // Parks whose client is away; the others ended with their calls.
  tasks_leave(state, session, instance);
}

}  // namespace broker
