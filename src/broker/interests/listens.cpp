// subscriptions/listen of modern clients: what a legacy server tells everybody reaches those who asked for
// it, with the id of their subscription.
#include "broker/calls/calls.h"
#include "broker/interests/interests.h"
#include "broker/life/life.h"
#include "core/limits.h"
#include "face/to_modern_client.h"
#include "proto/json.h"

namespace broker {
namespace {

using core::Instance;
using core::Listen;
using core::ListKind;
using core::Session;

void tell(State& state, const Listen& listen, std::string text,
          std::optional<std::uint16_t> slot = std::nullopt) {
  const Session& session = state.sessions.at(listen.session);
  state.outbox.push_back(SendToSession{listen.session, proto::Message(std::move(text)), slot,
                                       session.many_streams ? listen.client_id : std::string()});
}

std::string update_notice(const Listen& listen, const std::string& uri) {
  proto::json::Writer params;
  params.object();
  params.key("uri").string(uri);
  params.end();
  return face::tagged_notice(proto::name_of(proto::Method::resources_updated), params.text(),
                             listen.client_id);
}

void note_updated(const Session& session, Listen& listen, const std::string& uri) {
  listen.updated.try_emplace(uri, session.account, core::Kept::update, uri.size());
}

void all_updated(const Session& session, Listen& listen) {
  for (const std::string& uri : listen.filter.uris) note_updated(session, listen, uri);
}

void acknowledge(State& state, Instance& instance, Listen& listen) {
  if (!listen.undecided.empty() || !listen.undecided_tasks.empty() || listen.acknowledged) return;
  listen.acknowledged = true;
  Session& session = state.sessions.at(listen.session);
  // From now on the set-up says that it is open; its slot, that the client has not been told so.
  const auto slot = std::exchange(instance.calls.find(listen.call)->journal_slot, std::nullopt);
  if (listen.silently) {
    if (slot) session.journal.call_ended(*slot);  // What it missed is not known.
    listen.lists_changed = listen.filter.lists;
    all_updated(session, listen);
  } else {
    tell(state, listen, face::acknowledged_notice(listen.client_id, listen.filter), slot);
  }
  flush_listen(state, instance, listen);
  note_setup(state, session);
}

// Tasks that are the client's are asked for, unless they are already.
void begin_tasks(State& state, Instance& instance, Listen& listen) {
  const Session& session = state.sessions.at(listen.session);
  const bool legacy = instance.era == proto::Era::legacy;
  std::erase_if(listen.filter.tasks, [&](const std::string& task) {
    if (legacy) return !instance.talk.tasks.owns(task, session.id);
    return !instance.known.offers_tasks ||
           state.task_owners.hidden_from(session.principal, session.server, task);
  });
  if (legacy) return;  // That tells of all that it makes.
  const core::UpstreamListen& upstream = instance.talk.upstream;
  listen.undecided_tasks = listen.filter.tasks;
  if (upstream.call)
    std::erase_if(listen.undecided_tasks,
                  [&](const std::string& task) { return upstream.filter.tasks.contains(task); });
  if (!listen.undecided_tasks.empty()) upstream_step(state, instance);
}

// Only now is it known what the server can tell at all.
void begin(State& state, Instance& instance, core::CallId call) {
  Listen& listen = instance.listens.at(call);
  const Session& session = state.sessions.at(listen.session);
  listen.begun = true;
  listen.resources.clear();
  listen.filter.lists &= instance.known.tells_lists;
  if (!instance.known.tells_resources) listen.filter.uris.clear();
  if (!listen.silently) listen.undecided = listen.filter.uris;
  for (const std::string& uri : std::set(listen.filter.uris)) {
    if (listen.silently) {  // It was granted already.
      instance.subscriptions.adopt(uri, core::Subscriber(listen.session, call),
                                   charge_subscription(session, uri));
      subscription_step(state, instance, uri);
      continue;
    }
    const auto wish = instance.subscriptions.want(
        uri, {.session = listen.session, .call = call, .listen = call}, charge_subscription(session, uri));
    if (wish.granted) {
      listen.undecided.erase(uri);
    } else {
      subscription_step(state, instance, uri);
    }
  }
  begin_tasks(state, instance, listen);
  acknowledge(state, instance, listen);
}

}  // namespace

namespace {

core::Amount amount_of(const core::Filter& filter) {
  core::Amount all;
  for (const std::string& uri : filter.uris) all = all + core::Amount{1, uri.size()};
  return all;
}

}  // namespace

void client_listens(State& state, Session& session, Instance& instance, const Scanned& message, Told told,
                    std::optional<core::Filter> granted) {
  const std::string_view id = message.of(message.envelope.id);
  const auto refuse = [&](std::string_view sentence) {
    state.reply(session, id,
                proto::error_text(id, proto::Code::invalid_params, "hearth: " + std::string(sentence),
                                  {session.server, false}));
  };
  auto filter = face::read_filter(message.of(message.envelope.params));
  if (!filter) return refuse(filter.error());
  if (!filter->tasks.empty() && !face::declares_tasks(message.of(message.envelope.meta)))
    return state.reply(session, id, proto::error_text(id, face::missing_capability(face::tasks_required)));
  const std::size_t size = message.bytes.text.size();
  if (const auto full = session.account.full(core::Kept::listen, {1, size}))
    return refuse(full->text() + "; close one first");
  const core::Filter& wanted = granted ? *granted : *filter;
  if (const auto full = session.account.full(core::Kept::subscription, amount_of(wanted)))
    return refuse(full->text() + "; unsubscribe from one first");
  Asked asked;
  asked.era = proto::Era::modern;
  const core::CallId call =
      hold_call(state, session, instance, message, proto::Method::subscriptions_listen, asked);
  Listen& listen = instance.listens[call];
  listen.call = call;
  listen.session = session.id;
  listen.client_id = id;
  listen.filter = wanted;
  listen.line = message.bytes.text;
  listen.silently = told == Told::by_an_earlier_daemon;
  listen.charge = session.account.charge(core::Kept::listen, size);
  for (const std::string& uri : wanted.uris) listen.resources.push_back(charge_subscription(session, uri));
  if (instance.life == core::Life::ready) {
    begin(state, instance, call);
  } else if (!wake(state, instance)) {
    fail(state, instance, call, error_about(instance, instance.trouble, true));
  }
}

void begin_listens(State& state, Instance& instance) {
  std::vector<core::CallId> calls;
  for (auto& [call, listen] : instance.listens) {
    listen.begun = listen.acknowledged;
    calls.push_back(call);
  }
  for (const core::CallId call : calls) {
    Listen& listen = instance.listens.at(call);
    if (!listen.acknowledged) {
      // What a process before this one had granted of it.
      instance.subscriptions.leave_listen(listen.session, call);
      begin(state, instance, call);
      continue;
    }
    // The server was gone for a while, and what it would have said is not known.
    listen.lists_changed |= listen.filter.lists;
    all_updated(state.sessions.at(listen.session), listen);
    flush_listen(state, instance, listen);
  }
}

void listen_outcome(State& state, Instance& instance, core::CallId call, const std::string& uri,
                    bool granted) {
  const auto found = instance.listens.find(call);
  if (found == instance.listens.end()) return;
  found->second.undecided.erase(uri);
  if (!granted) found->second.filter.uris.erase(uri);
  acknowledge(state, instance, found->second);
}

void refused_to_listens(State& state, Instance& instance, const std::string& uri) {
  for (auto& [call, listen] : instance.listens) {
    if (listen.begun && !listen.acknowledged && listen.filter.uris.contains(uri))
      listen_outcome(state, instance, call, uri, false);
  }
}

void listens_decide_tasks(State& state, Instance& instance, const std::set<std::string>& asked,
                          const std::set<std::string>& granted) {
  for (auto& [call, listen] : instance.listens) {
    for (const std::string& task : asked) {
      listen.undecided_tasks.erase(task);
      if (!granted.contains(task)) listen.filter.tasks.erase(task);
    }
    acknowledge(state, instance, listen);
  }
}

void tell_listens(State& state, Instance& instance, ListKind kind) {
  for (auto& [call, listen] : instance.listens) {
    if (!listen.filter.lists.test(static_cast<std::size_t>(kind))) continue;
    listen.lists_changed.set(static_cast<std::size_t>(kind));
    flush_listen(state, instance, listen);
  }
}

namespace {

// Until the client reads; bounded as in interests.cpp.
void hold_update(const Session& session, const Instance& instance, Listen& listen, const std::string& uri) {
  const bool room =
      listen.updated.contains(uri) || !session.account.full(core::Kept::update, {1, uri.size()});
  if (room && uri.size() <= core::limits::update_held_bytes) return note_updated(session, listen, uri);
  for (const std::string& whole : instance.subscriptions.subscribed_for(uri, {session.id, listen.call}))
    note_updated(session, listen, whole);
}

}  // namespace

void tell_listen(State& state, Instance& instance, core::CallId call, const std::string& uri) {
  const auto found = instance.listens.find(call);
  // Before it knows what it is granted it has nothing that could be outdated.
  if (found == instance.listens.end() || !found->second.acknowledged) return;
  hold_update(state.sessions.at(found->second.session), instance, found->second, uri);
  flush_listen(state, instance, found->second);
}

void flush_listen(State& state, Instance& /*instance*/, Listen& listen) {
  const Session& session = state.sessions.at(listen.session);
  if (!listen.acknowledged || session.blocked) return;
  for (const ListKind kind : core::list_kinds) {
    const auto bit = static_cast<std::size_t>(kind);
    if (!listen.lists_changed.test(bit)) continue;
    listen.lists_changed.reset(bit);
    tell(state, listen, face::tagged_notice(notice_of(kind), {}, listen.client_id));
  }
  for (const auto& [uri, charge] : std::exchange(listen.updated, {}))
    tell(state, listen, update_notice(listen, uri));
  for (const auto& [task, params] : std::exchange(listen.tasks_told, {})) {
    tell(state, listen,
         face::tagged_notice(proto::name_of(proto::Method::tasks_notice), params, listen.client_id));
  }
}

}  // namespace broker
