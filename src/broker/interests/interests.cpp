// What sessions want to hear, and what a server is told of it: resources, log levels, lists.
#include "broker/interests/interests.h"

#include <algorithm>
#include <map>

#include "broker/calls/calls.h"
#include "broker/life/life.h"
#include "core/limits.h"
#include "face/to_legacy_server.h"
#include "proto/json.h"

namespace broker {
namespace {

using core::Instance;
using core::ListKind;
using core::Phase;
using core::Session;
using core::Subscriptions;

bool listens(const Session& session) {
  return session.phase == Phase::answered || session.phase == Phase::ready;
}

// Levels that were asked for before anybody knew that the server has none.
void refuse_levels(State& state, Instance& instance) {
  for (const core::CallId call : std::exchange(instance.level_waiters, {})) {
    if (Session* session = state.sessions.find(instance.calls.find(call)->session)) session->level.reset();
    fail(state, instance, call, R"({"code":-32601,"message":"Method not found"})");
  }
}

}  // namespace

core::Charge charge_subscription(const Session& session, std::string_view uri) {
  return session.account.charge(core::Kept::subscription, uri.size());
}

void client_subscribes(State& state, Session& session, Instance& instance, const Scanned& message) {
  const std::string uri = proto::json::unquoted(message.of(message.envelope.uri));
  const auto full = session.account.full(core::Kept::subscription, {1, uri.size()});
  if (uri.empty() || full) {
    const std::string_view id = message.of(message.envelope.id);
    const std::string sentence = uri.empty() ? "hearth: resources/subscribe needs params.uri"
                                             : "hearth: " + full->text() + "; unsubscribe from one first";
    state.reply(session, id,
                proto::error_text(id, proto::Code::invalid_params, sentence, {session.server, false}));
    return;
  }
  const core::CallId call = hold_call(state, session, instance, message, proto::Method::resources_subscribe);
  if (instance.subscriptions.want(uri, {session.id, call}, charge_subscription(session, uri)).granted) {
    answer(state, instance, call, "{}");
    note_setup(state, session);
    return;
  }
  if (instance.life == core::Life::ready) {
    subscription_step(state, instance, uri);
  } else if (!wake(state, instance)) {
    instance.subscriptions.withdraw(call);
    fail(state, instance, call, error_about(instance, instance.trouble, true));
  }
}

void client_unsubscribes(State& state, Session& session, Instance& instance, const Scanned& message) {
  const std::string uri = proto::json::unquoted(message.of(message.envelope.uri));
  const Subscriptions::Unwanted unwanted = instance.subscriptions.unwant(uri, session.id);
  for (const core::CallId call : unwanted.calls) answer(state, instance, call, "{}");
  state.reply(session, message.of(message.envelope.id),
              proto::result_text(message.of(message.envelope.id), "{}"));
  // Save this even if the server refused to resubscribe, or the next daemon would retry.
  note_setup(state, session);
  // Unsubscribe upstream only if this session held it; otherwise others may, or may be about to.
  if (unwanted.held && instance.life == core::Life::ready) subscription_step(state, instance, uri);
}

namespace {

// Every session that wants it is still being asked for its roots.
bool waits_for_roots(State& state, const Instance& instance, const std::string& uri) {
  if (!roots_matter(instance)) return false;
  const std::set<SessionId> sessions = instance.subscriptions.sessions_of(uri);
  return !sessions.empty() && std::ranges::none_of(sessions, [&](SessionId id) {
    const Session* session = state.sessions.find(id);
    return session != nullptr && may_reach(*session, instance);
  });
}

}  // namespace

void subscription_step(State& state, Instance& instance, const std::string& uri) {
  if (instance.era == proto::Era::modern) return upstream_step(state, instance);
  if (waits_for_roots(state, instance, uri)) return;
  switch (instance.subscriptions.step(uri)) {
    case Subscriptions::Step::none:
      return;
    case Subscriptions::Step::subscribe:
      state.send(instance.id,
                 face::subscribe_request(own_call(instance, core::Purpose::subscribe, uri).value, uri));
      return;
    case Subscriptions::Step::unsubscribe:
      state.send(instance.id,
                 face::unsubscribe_request(own_call(instance, core::Purpose::unsubscribe, uri).value, uri));
      return;
  }
}

void subscription_answered(State& state, Instance& instance, const core::Call& call, const Scanned& message) {
  subscription_outcome(state, instance, call.uri, message.of(message.envelope.result),
                       message.of(message.envelope.error));
  subscription_step(state, instance, call.uri);
}

namespace {

void tell_waiters(State& state, Instance& instance, const std::string& uri,
                  const std::vector<Subscriptions::Waiter>& waiters, std::string_view raw_result,
                  std::string_view raw_error) {
  const bool success = !raw_result.empty();
  for (const Subscriptions::Waiter& waiter : waiters) {
    if (waiter.listen) {
      listen_outcome(state, instance, *waiter.listen, uri, success);
      continue;
    }
    if (success) {
      answer(state, instance, waiter.call, std::string(raw_result));
    } else {
      fail(state, instance, waiter.call, std::string(raw_error));
    }
    if (Session* session = state.sessions.find(waiter.session)) note_setup(state, *session);
  }
}

}  // namespace

void subscription_outcome(State& state, Instance& instance, const std::string& uri,
                          std::string_view raw_result, std::string_view raw_error) {
  tell_waiters(state, instance, uri, instance.subscriptions.outcome(uri, !raw_result.empty()), raw_result,
               raw_error);
  if (raw_result.empty()) refused_to_listens(state, instance, uri);
}

void subscription_put_off(State& state, Instance& instance, const std::string& uri,
                          std::string_view raw_error) {
  tell_waiters(state, instance, uri, instance.subscriptions.no_outcome(uri), {}, raw_error);
}

namespace {

// A modern server hears of the level with each request.
void keeps_level(State& state, Session& session, Instance& instance, const Scanned& message,
                 std::optional<core::Level> level) {
  const std::string_view id = message.of(message.envelope.id);
  if (!instance.known.logging || !level) {
    const auto code = instance.known.logging ? proto::Code::invalid_params : proto::Code::method_not_found;
    const std::string_view why =
        instance.known.logging ? "hearth: there is no such log level" : "Method not found";
    state.reply(session, id, proto::error_text(id, code, why, {session.server, false}));
    return;
  }
  session.level = level;
  note_setup(state, session);
  state.reply(session, id, proto::result_text(id, "{}"));
}

}  // namespace

void client_sets_level(State& state, Session& session, Instance& instance, const Scanned& message) {
  const std::optional<core::Level> level = core::level_of(message.of(message.envelope.level));
  const bool greeted = !instance.known.initialize_result.empty();
  if (greeted && instance.era == proto::Era::modern)
    return keeps_level(state, session, instance, message, level);
  if (!level || (greeted && !instance.known.logging)) {
    // The server knows best what to say to that; it changes nothing for others.
    forward_call(state, session, instance, message, proto::Method::logging_set_level);
    return;
  }
  session.level = level;
  note_setup(state, session);
  const core::CallId call = hold_call(state, session, instance, message, proto::Method::logging_set_level);
  if (greeted &&
      (instance.life != core::Life::ready || lowest_wanted(state, instance) == instance.talk.level)) {
    answer(state, instance, call, "{}");
    return;
  }
  instance.level_waiters.push_back(call);
  if (greeted || wake(state, instance)) {
    level_step(state, instance);
    return;
  }
  std::erase(instance.level_waiters, call);
  fail(state, instance, call, error_about(instance, instance.trouble, true));
}

void level_answered(State& state, Instance& instance, const Scanned& message) {
  const bool refused = message.envelope.error.present();
  if (refused) instance.talk.level.reset();
  for (const core::CallId call : std::exchange(instance.level_waiters, {})) {
    if (refused) {
      if (Session* session = state.sessions.find(instance.calls.find(call)->session)) session->level.reset();
      fail(state, instance, call, std::string(message.of(message.envelope.error)));
    } else {
      answer(state, instance, call, "{}");
    }
  }
}

namespace {

// A modern client wants log lines about its own call only, and a modern server knows no others. Over stdio
// nothing says which call a line is about, but while there is only one it is about that one; a call that was
// cancelled a moment ago may still be running, and so is one that the server has answered with a task.
const core::Call* call_of_log_line(const State& state, const Instance& instance) {
  if (state.heard_on) return instance.calls.find(state.heard_on);
  const core::Call* only = nullptr;
  std::size_t count = 0;
  const bool modern = instance.era == proto::Era::modern;  // It logs for those only that want it to.
  const auto look_at = [&](const core::Call& call) {
    const bool logs = call.purpose == core::Purpose::forwarded && (!modern || call.level);
    if (logs) only = &call;
    count += logs ? 1 : 0;
    return count < 2;
  };
  instance.calls.newest_first(core::CallState::sent, look_at);
  instance.calls.newest_first(core::CallState::following,
                              [&](const core::Call& call) { return count < 2 && look_at(call); });
  instance.calls.newest_first(core::CallState::cancelled, [&](const core::Call& call) {
    return count < 2 && core::ghost(call, state.now) && look_at(call);
  });
  return count == 1 ? only : nullptr;
}

void log_to_its_call(State& state, const Instance& instance, const Scanned& message, core::Level level) {
  const core::Call* call = call_of_log_line(state, instance);
  if (call == nullptr || !call->level || level < *call->level) return;
  const Session* session = state.sessions.find(call->session);
  // A legacy client may have become less curious since.
  const bool heeded = call->era == proto::Era::modern || session == nullptr || level >= session->level;
  if (!heeded) return;
  const bool waits = call->state == core::CallState::sent || call->state == core::CallState::following;
  if (!waits || session == nullptr || session->blocked) return;
  state.send_about(call->session, proto::Message(message.bytes),
                   session->many_streams ? call->client_id : std::string());
}

}  // namespace

void server_logs(State& state, Instance& instance, const Scanned& message) {
  const core::Level level = core::level_of(message.of(message.envelope.level)).value_or(core::Level::info);
  log_to_its_call(state, instance, message, level);
  if (instance.era == proto::Era::modern) return;
  for (const SessionId id : instance.sessions) {
    const Session& session = state.sessions.at(id);
    // A log line is the first thing to go when a client does not read.
    if (!listens(session) || session.blocked ||
        !core::passes(level, session.level, instance.talk.level.has_value()))
      continue;
    state.send_about(id, proto::Message(message.bytes), concerned_call(state, session, instance));
  }
}

namespace {

std::string update_notice(const std::string& uri) {
  proto::json::Writer params;
  params.object();
  params.key("uri").string(uri);
  params.end();
  return proto::notification_text(proto::name_of(proto::Method::resources_updated), params.text());
}

// Until the client reads again. However much the server tells meanwhile, what is kept is bounded.
void hold_update(Session& session, const Instance& instance, const std::string& uri,
                 std::string_view notice) {
  const auto hold = [&](const std::string& of, std::string text) {
    core::Charge charge(session.account, core::Kept::update, text.size());
    session.held_back.updated[of] = {std::move(text), std::move(charge)};
  };
  const bool room = session.held_back.updated.contains(uri) ||
                    !session.account.full(core::Kept::update, {1, notice.size()});
  if (room && notice.size() <= core::limits::update_held_bytes) return hold(uri, std::string(notice));
  for (const std::string& whole : instance.subscriptions.subscribed_for(uri, session.id))
    hold(whole, update_notice(whole));
}

}  // namespace

void resource_told(State& state, Instance& instance, const std::string& uri) {
  const std::set<core::Subscriber> concerned = instance.subscriptions.concerned(uri);
  if (concerned.empty()) ++instance.dropped;
  const std::string notice = update_notice(uri);
  for (const auto& [id, listen] : concerned) {
    Session* session = state.sessions.find(id);
    if (session == nullptr) continue;
    if (listen) {
      tell_listen(state, instance, *listen, uri);
    } else if (session->blocked) {
      hold_update(*session, instance, uri, notice);
    } else {
      state.send(id, notice);
    }
  }
}

void resource_updated(State& state, Instance& instance, const Scanned& message) {
  const std::string uri = proto::json::unquoted(message.of(message.envelope.uri));
  outdated(instance, uri);
  if (instance.era == proto::Era::modern) return resource_told(state, instance, uri);
  const std::set<core::Subscriber> concerned = instance.subscriptions.concerned(uri);
  if (concerned.empty()) ++instance.dropped;
  for (const auto& [id, listen] : concerned) {
    Session* session = state.sessions.find(id);
    if (session == nullptr) continue;
    if (listen) {
      tell_listen(state, instance, *listen, uri);
      continue;
    }
    if (session->blocked) {
      hold_update(*session, instance, uri, message.bytes.text);
    } else {
      state.send(id, proto::Message(message.bytes));
    }
  }
}

void list_changed(State& state, Instance& instance, ListKind kind) {
  outdated(instance, kind);
  if (instance.talk.list_changes.changed(kind, state.now)) tell_list(state, instance, kind);
}

void tell_list(State& state, Instance& instance, ListKind kind) {
  for (const SessionId id : instance.sessions) {
    Session& session = state.sessions.at(id);
    if (session.phase == Phase::fresh) continue;
    session.lists_changed.set(static_cast<std::size_t>(kind));
    flush_lists(state, session);
  }
  tell_listens(state, instance, kind);
}

void flush_lists(State& state, Session& session) {
  if (session.phase != Phase::ready || session.blocked || session.remnant_of) return;
  for (const ListKind kind : core::list_kinds) {
    const auto bit = static_cast<std::size_t>(kind);
    if (!session.lists_changed.test(bit)) continue;
    session.lists_changed.reset(bit);
    state.send(session.id, proto::notification_text(notice_of(kind)));
  }
}

void restore_subscriptions(State& state, Instance& instance) {
  for (const std::string& uri : instance.subscriptions.uris()) subscription_step(state, instance, uri);
}

void restore_interests(State& state, Instance& instance) {
  restore_subscriptions(state, instance);
  if (!instance.known.logging) refuse_levels(state, instance);
  level_step(state, instance);
  begin_listens(state, instance);
  if (instance.era == proto::Era::modern) upstream_step(state, instance);
}

}  // namespace broker
