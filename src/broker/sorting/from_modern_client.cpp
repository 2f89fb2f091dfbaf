// What modern clients ask: requests that each say everything about themselves, since nothing was agreed
// before.
//
// They are files of the same session as a legacy conversation on the same connection, and share its server
// with everybody else's. What only a client of 2026-07-28 is told differently is here: what the server is,
// what its answers look like, and which of its errors mean something else.
#include "broker/calls/calls.h"
#include "broker/interests/interests.h"
#include "broker/life/life.h"
#include "broker/questions/questions.h"
#include "broker/roots/roots.h"
#include "broker/sessions/sessions.h"
#include "broker/sorting/sorting.h"
#include "broker/tasks/tasks.h"
#include "core/limits.h"
#include "face/to_modern_client.h"
#include "proto/claim.h"
#include "proto/json.h"
#include "proto/members.h"

namespace broker {
namespace {

// From here on what is put into a result is spliced into the bytes as they came, which are not copied.
constexpr std::size_t long_result = std::size_t{16} << 10;

using core::Call;
using core::Instance;
using core::Session;
using proto::Code;
using proto::Method;

void refuse(State& state, Session& session, const Scanned& message, Code code, std::string_view sentence) {
  const std::string_view id = message.of(message.envelope.id);
  state.reply(session, id, proto::error_text(id, code, sentence, {session.server, false}));
}

// Most requests of a client say the same of it.
void note_hello(Session& session, const proto::Claim& claim) {
  const std::size_t length = claim.capabilities.size();
  const bool same = session.hello.size() == length + claim.client_info.size() &&
                    session.hello.starts_with(claim.capabilities) &&
                    session.hello.ends_with(claim.client_info);
  if (same) return;
  session.hello = claim.capabilities;
  session.hello += claim.client_info;
  face::ModernHello hello = face::read_hello(claim);
  session.modern_capabilities = std::move(hello.capabilities);
  if (session.phase != core::Phase::fresh) return;
  session.capabilities = session.modern_capabilities;
  session.client = std::move(hello.client);
  session.revision = claim.revision;
}

Asked asked_by(const Session& session, const proto::Claim& claim) {
  return {.era = proto::Era::modern,
          .abilities = static_cast<const core::Abilities&>(session.modern_capabilities),
          .level = claim.log_level.empty() ? std::nullopt : core::level_of(claim.log_level)};
}

void discover(State& state, Session& session, Instance& instance, const Scanned& message,
              const Asked& asked) {
  const core::CallId call = hold_call(state, session, instance, message, Method::server_discover, asked);
  if (!instance.known.initialize_result.empty()) {
    answer(state, instance, call, what_it_is(instance));
  } else if (!wake(state, instance)) {
    fail(state, instance, call, error_about(instance, instance.trouble, true));
  }
}

// Removed, or asked of servers by nobody but us.
bool known_but_gone(Method method) {
  return method != Method::other && !proto::modern_request(method);
}

// A ticket of ours, and not the state of a modern server. Its server may have been a legacy one when the
// ticket was given out, and be a modern one now.
bool presents_ticket(State& state, const Scanned& message, bool greeted, bool modern) {
  const proto::Span shown = message.envelope.request_state;
  if (!shown.present()) return false;
  if (modern) return state.parks.ticket(proto::json::unquoted(message.of(shown))) != nullptr;
  return greeted || message.of(shown).starts_with("\"hearth-");
}

// A URL that a person has to visit before the call can succeed (-32042, up to 2025-11-25).
std::vector<core::ParkedAsk> url_questions(std::string_view raw_error) {
  std::vector<core::ParkedAsk> asks;
  const std::string_view list = proto::member(proto::member(raw_error, "data"), "elicitations");
  proto::each_item(list, [&](std::string_view item) {
    if (!item.starts_with('{') || asks.size() >= core::limits::asks_per_session) return;
    // Whatever it says of its mode: in this error there is only one.
    const std::string params = proto::with_members(item, R"("mode":"url")", {"mode"});
    asks.push_back({.key = {},
                    .server_id = {},
                    .method = Method::elicitation_create,
                    .request = face::input_request(Method::elicitation_create, params)});
  });
  return asks;
}

bool wants_url(std::string_view raw_error) {
  return proto::member(raw_error, "code") == std::to_string(static_cast<int>(Code::url_elicitation_required));
}

void answered_with_error(State& state, Instance& instance, const Call& call, std::string_view raw_error) {
  // It failed after it was told that the client cannot be asked: that is most likely why.
  if (!call.lacking.empty())
    return conclude(state, call, core::Outcome::error(face::missing_capability(call.lacking)));
  if (!wants_url(raw_error))
    return conclude(state, call, core::Outcome::error(face::modern_error(raw_error)));
  std::vector<core::ParkedAsk> asks = url_questions(raw_error);
  if (!call.abilities.elicitation_url || asks.empty() || !proto::may_ask(call.method)) {
    return conclude(state, call,
                    core::Outcome::error(face::missing_capability(R"({"elicitation":{"url":{}}})")));
  }
  park_ended(state, instance, call, std::move(asks));
}

}  // namespace

void modern_request(State& state, Session& session, const Scanned& message) {
  const std::string_view id = message.of(message.envelope.id);
  const Method method = proto::method_of(message.of(message.envelope.method));
  const auto claim = proto::read_claim(message.bytes.text, message.envelope);
  if (!claim) {
    state.reply(session, id, proto::error_text(id, claim.error().raw_error));
    return;
  }
  if (known_but_gone(method))
    return refuse(state, session, message, Code::method_not_found, "Method not found");
  note_hello(session, *claim);
  Instance& instance = placed(state, session);
  const Asked asked = asked_by(session, *claim);
  if (asked.abilities.tasks) want_task_tools(state, instance);
  if (method == Method::server_discover) return discover(state, session, instance, message, asked);
  if (method == Method::subscriptions_listen) return client_listens(state, session, instance, message);
  const bool greeted = !instance.known.initialize_result.empty();
  const bool modern = greeted && instance.era == proto::Era::modern;
  if (proto::about_a_task(method) && greeted) {
    if (!may_name_task(state, session, instance, message)) return;
    if (!modern) return modern_task_request(state, session, instance, message, method, asked);
  }
  if (presents_ticket(state, message, greeted, modern))
    return come_back(state, session, instance, message, method, asked);
  if (proto::lists(method) &&
      instance.cursors.stale(core::cursor_of(message.of(message.envelope.params)), session.life != 0)) {
    return refuse(state, session, message, Code::invalid_params,
                  "hearth: this cursor is from before the server restarted; list again from the start");
  }
  if (asked_by_its_call(state, session, instance, message, method)) return;
  forward_call(state, session, instance, message, method, asked);
}

void listens_again(State& state, Session& session, const Scanned& message, Told told) {
  const auto claim = proto::read_claim(message.bytes.text, message.envelope);
  if (!claim) return;
  note_hello(session, *claim);
  Instance& instance = placed(state, session);
  client_listens(state, session, instance, message, told);
}

void modern_answer(State& state, Instance& instance, Call call, const Scanned& message) {
  if (message.envelope.error.present())
    return answered_with_error(state, instance, call, message.of(message.envelope.error));
  const std::string_view result = message.of(message.envelope.result);
  if (proto::about_a_task(call.method)) return legacy_task_answered(state, instance, std::move(call), result);
  if (proto::lists(call.method)) instance.cursors.issued(core::next_cursor_of(result));
  const std::string& info = instance.known.server_info;
  if (result.size() >= long_result && !call.park) {
    if (const auto beginning = face::completing_text(result, call.method, info)) {
      proto::Message whole(message.bytes);
      whole.restate(message.envelope.id, call.client_id);
      whole.restate({message.envelope.result.at + 1, 0}, *beginning);
      return state.send_answer(call, std::move(whole));
    }
  }
  conclude(state, call, core::Outcome::result(face::complete_result(result, call.method, info)));
}

}  // namespace broker
