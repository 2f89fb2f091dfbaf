// A session whose server was replaced may have calls, questions and tasks at the old one still
// (sessions/remnants.cpp). What its client says about these goes there.
#include <algorithm>

#include "broker/sorting/sorting.h"
#include "proto/json.h"
#include "proto/minted_id.h"

namespace broker {
namespace {

using core::Instance;
using core::Session;
using proto::Kind;
using proto::Method;

bool answers_a_question_of(const Session& part, const Scanned& message) {
  const auto id = proto::minted_id(message.of(message.envelope.id));
  return id && part.asks.contains(core::AskId(*id));
}

bool notices_something_of(const Session& part, const Instance& instance, const Scanned& message) {
  const Method method = proto::method_of(message.of(message.envelope.method));
  if (method == Method::cancelled) {
    const auto raw_of = [&](core::CallId id) { return std::string_view(instance.calls.find(id)->client_id); };
    return part.calls.find(message.of(message.envelope.request_id), raw_of).has_value();
  }
  if (method != Method::progress) return false;
  const std::string_view token = message.of(message.envelope.progress_token);
  return std::ranges::any_of(part.asks, [&](const auto& entry) {
    return !entry.second.token.empty() && proto::same_id(entry.second.token, token);
  });
}

bool asks_about_something_of(const State& state, const Session& part, const Instance& instance,
                             const Scanned& message) {
  const Method method = proto::method_of(message.of(message.envelope.method));
  if (proto::about_a_task(method))
    return instance.talk.tasks.owns(proto::json::unquoted(message.of(message.envelope.task_id)), part.id);
  if (!message.envelope.request_state.present()) return false;
  const core::Ticket* ticket =
      state.parks.ticket(proto::json::unquoted(message.of(message.envelope.request_state)));
  const core::Park* park = ticket != nullptr ? state.parks.find(ticket->park) : nullptr;
  return park != nullptr && park->session == part.id;
}

bool is_for(const State& state, const Session& part, const Scanned& message) {
  const Instance& instance = *state.instance_of(part);
  switch (message.envelope.kind) {
    case Kind::request:
      return asks_about_something_of(state, part, instance, message);
    case Kind::notification:
      return notices_something_of(part, instance, message);
    case Kind::response:
      return answers_a_question_of(part, message);
    case Kind::batch:
      return false;
  }
  return false;
}

}  // namespace

Session& addressed(State& state, Session& session, const Scanned& message) {
  const auto found = state.remnants.find(session.id);
  if (found == state.remnants.end()) return session;
  for (const SessionId id : found->second) {
    Session& part = state.sessions.at(id);
    if (is_for(state, part, message)) return part;
  }
  return session;
}

}  // namespace broker
