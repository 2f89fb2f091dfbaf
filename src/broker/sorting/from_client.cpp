// What clients say: every line of a session is sorted here and handed to the part that knows what it means.
#include "broker/calls/calls.h"
#include "broker/interests/interests.h"
#include "broker/life/life.h"
#include "broker/roots/roots.h"
#include "broker/sessions/sessions.h"
#include "broker/sorting/sorting.h"
#include "broker/tasks/tasks.h"
#include "face/to_legacy_client.h"
#include "proto/claim.h"
#include "proto/json.h"
#include "proto/minted_id.h"

namespace broker {
namespace {

using core::Instance;
using core::Phase;
using core::Session;
using proto::Code;
using proto::Kind;
using proto::Method;

bool in_flight(State& state, Session& session, std::string_view raw_id) {
  if (session.phase == Phase::asked && raw_id == session.initialize_id) return true;
  Session& whole = session.remnant_of ? state.sessions.at(*session.remnant_of) : session;
  bool found = false;
  each_part(state, whole, [&](const Session& part) {
    const Instance* instance = std::as_const(state).instance_of(part);
    const auto raw_of = [&](core::CallId wire_id) {
      return std::string_view(instance->calls.find(wire_id)->client_id);
    };
    found = found || (instance != nullptr && part.calls.find(raw_id, raw_of).has_value());
  });
  return found;
}

// An error that carried the id of a call in flight would end that call on the client's side.
std::string_view safe_id(State& state, Session& session, std::string_view raw_id) {
  return !raw_id.empty() && in_flight(state, session, raw_id) ? std::string_view() : raw_id;
}

void refuse_unreadable(State& state, Session& session, std::string_view text, proto::ScanError error) {
  const std::string_view id = proto::salvage_id(text).in(text);
  const Code code = error == proto::ScanError::not_json || error == proto::ScanError::not_utf8
                        ? Code::parse_error
                        : Code::invalid_request;
  const std::string sentence =
      "hearth: this message was not passed on: " + std::string(proto::describe(error));
  const std::string_view safe = safe_id(state, session, id);
  state.reply(session, safe, proto::error_text(safe, code, sentence, {session.server, false}));
}

void refuse_overlong(State& state, Session& session, const proto::Line& line) {
  Instance* instance = state.instance_of(session);
  const std::size_t most =
      instance != nullptr ? instance->spec.message_bytes_max : session.spec->message_bytes_max;
  const std::string sentence = "hearth: a message of " + std::to_string(line.length) +
                               " bytes is over the limit of " + std::to_string(most) +
                               "; raise maxMessageBytes of " + session.server + " in config.json";
  if (line.has_method && !line.id.empty()) {
    const std::string_view id = safe_id(state, session, line.id);
    state.reply(session, id, proto::error_text(id, Code::invalid_request, sentence, {session.server, false}));
  }
  state.log(Severity::warning, session.server + ": client " + session.client + ": " + sentence);
}

void client_request(State& state, Session& session, const Scanned& message) {
  const Method method = proto::method_of(message.of(message.envelope.method));
  const std::string_view id = message.of(message.envelope.id);
  const auto refuse = [&](std::string_view raw_id, Code code, std::string_view sentence) {
    state.reply(session, raw_id, proto::error_text(raw_id, code, sentence, {session.server, false}));
  };
  if (in_flight(state, session, id)) {
    refuse({}, Code::invalid_request,
           "hearth: the id of this request belongs to one that is still running; use another");
    return;
  }
  // Only what is not meant for a modern server begins a legacy conversation.
  const bool opens = method == Method::initialize && !proto::read_claim(message.bytes.text, message.envelope);
  if (message.envelope.modern && !opens) return modern_request(state, session, message);
  if (method == Method::server_discover) {  // Without a claim nobody can mean it.
    refuse(id, Code::method_not_found, "Method not found");
    return;
  }
  if (method == Method::ping) {
    state.reply(session, id, proto::result_text(id, "{}"));
    return;
  }
  if (method == Method::initialize) {
    if (session.phase == Phase::fresh) {
      client_initialize(state, session, message);
    } else {
      refuse(id, Code::invalid_request, "hearth: this session is initialized already");
    }
    return;
  }
  Instance* instance = state.instance_of(session);
  if (session.phase == Phase::fresh || instance == nullptr) {
    refuse(id, Code::invalid_request, "hearth: send initialize first");
    return;
  }
  if (proto::lists(method) &&
      instance->cursors.stale(core::cursor_of(message.of(message.envelope.params)), session.life != 0)) {
    refuse(id, Code::invalid_params,
           "hearth: this cursor is from before the server restarted; list again from the start");
    return;
  }
  const bool reaches = may_reach(session, *instance);  // If not it is held, and looked at again then.
  switch (method) {
    case Method::logging_set_level:
      if (reaches) return client_sets_level(state, session, *instance, message);
      break;
    case Method::resources_subscribe:
      if (reaches) return client_subscribes(state, session, *instance, message);
      break;
    case Method::resources_unsubscribe:
      if (reaches) return client_unsubscribes(state, session, *instance, message);
      break;
    case Method::tasks_get:
    case Method::tasks_result:
    case Method::tasks_cancel:
      if (!instance->talk.tasks.owns(proto::json::unquoted(message.of(message.envelope.task_id)), session.id))
        return refuse(id, Code::invalid_params, "Task not found");
      [[fallthrough]];
    case Method::tasks_list:
      if (instance->era != proto::Era::modern) break;
      if (instance->known.offers_tasks)
        return legacy_task_request(state, session, *instance, message, method);
      return refuse(id, Code::method_not_found, "Method not found");
    default:
      break;
  }
  forward_call(state, session, *instance, message, method);
}

// As the server wrote it; empty: no question of its has that token.
std::string token_of_an_ask(const Session& session, std::string_view raw_token) {
  for (const auto& [id, ask] : session.asks) {
    if (!ask.token.empty() && proto::same_id(ask.token, raw_token)) return ask.token;
  }
  return {};
}

// It can only mean a question that the process which asked it still waits for.
void client_progress(State& state, const Session& session, const Instance& instance, const Scanned& message) {
  const proto::Span token = message.envelope.progress_token;
  std::string as_asked = token_of_an_ask(session, message.of(token));
  if (instance.life != core::Life::ready || as_asked.empty()) return;
  proto::Message out(message.bytes);
  out.splice(token, std::move(as_asked));
  state.send(instance.id, std::move(out));
}

void client_notice(State& state, Session& session, const Scanned& message) {
  Instance* instance = state.instance_of(session);
  if (instance == nullptr) return;
  const Method method = proto::method_of(message.of(message.envelope.method));
  // All that a modern client has to say beside its requests.
  if (method == Method::cancelled) return cancel_by_client(state, session, *instance, message);
  if (session.phase == Phase::fresh || message.envelope.modern) return;
  switch (method) {
    case Method::initialized:
      if (session.phase == Phase::asked) {
        session.initialized_early = true;
        note_setup(state, session);
      }
      if (session.phase != Phase::answered) return;
      session.phase = Phase::ready;
      session.initialize_slot.reset();
      note_setup(state, session);
      flush_lists(state, session);
      roots_changed(state, session, *instance);
      return;
    case Method::roots_list_changed:
      roots_changed(state, session, *instance);
      return;
    case Method::progress:
      if (instance->era == proto::Era::legacy) client_progress(state, session, *instance, message);
      return;
    default:
      forward_notice(state, session, *instance, message);
      return;
  }
}

// A server that trusts its SDK dies of them, and with it the calls of all others. What waits for no answer is
// dropped.
void refuse_params(State& state, Session& session, const Scanned& message) {
  if (message.envelope.kind != Kind::request) return;
  const std::string_view id = safe_id(state, session, message.of(message.envelope.id));
  state.reply(session, id,
              proto::error_text(id, Code::invalid_request,
                                "hearth: \"params\" must be an object; this message was not passed on",
                                {session.server, false}));
}

void client_message(State& state, Session& whole, const Scanned& message) {
  if (!proto::good_params(message.bytes.text, message.envelope)) return refuse_params(state, whole, message);
  Session& session = addressed(state, whole, message);
  switch (message.envelope.kind) {
    case Kind::request:
      client_request(state, session, message);
      return;
    case Kind::notification:
      client_notice(state, session, message);
      return;
    case Kind::response:
      if (Instance* instance = state.instance_of(session)) client_answer(state, session, *instance, message);
      return;
    case Kind::batch:
      return;
  }
}

// Why a batch of so many elements is refused as a whole; empty if it is not. Before initialize no revision is
// agreed: then each message is refused for that.
std::string refusal_of_batch(const Session& session, std::size_t count) {
  const bool fresh = session.phase == Phase::fresh;
  const bool modern = !session.hello.empty() && session.initialize_line.empty();
  const bool has_batches = fresh ? !modern : session.revision == proto::Revision::r2025_03_26;
  if (!has_batches) return "hearth: only revision 2025-03-26 has batches; send the messages one by one";
  if (count == 0) return "hearth: an empty batch";
  if (count <= proto::batch_max) return {};
  return "hearth: a batch of " + std::to_string(count) + " messages is over the limit of " +
         std::to_string(proto::batch_max) + "; send several";
}

// An element of a batch. False: it is no message, and has no id that it could be answered under.
bool batch_element(State& state, Session& session, const base::Bytes& part) {
  const auto envelope = proto::scan(part.text);
  if (!envelope) {
    if (!proto::salvage_id(part.text).present()) return false;
    refuse_unreadable(state, session, part.text, envelope.error());
    return true;
  }
  if (envelope->kind == Kind::batch) return false;
  const bool fits =
      !envelope->modern && proto::method_of(envelope->method.in(part.text)) != Method::initialize;
  if (fits) {
    client_message(state, session, {part, *envelope});
    return true;
  }
  const std::string_view id = safe_id(state, session, envelope->id.in(part.text));
  state.reply(session, id,
              proto::error_text(id, Code::invalid_request, "hearth: not allowed within a batch"));
  return true;
}

// A batch is taken apart; its answers go back one by one, which every client of that revision can match by
// id. All elements that are no messages get one answer together.
void client_batch(State& state, Session& session, const base::Bytes& bytes) {
  const auto refuse = [&](std::string_view sentence) {
    state.send(session.id, proto::error_text({}, Code::invalid_request, sentence));
  };
  std::size_t count = 0;
  proto::each_in_batch(bytes.text, [&](proto::Span /*span*/) { ++count; });
  if (const std::string sentence = refusal_of_batch(session, count); !sentence.empty()) {
    refuse(sentence);
    return;
  }
  std::size_t unfit = 0;
  proto::each_in_batch(bytes.text, [&](proto::Span span) {
    if (!batch_element(state, session, {span.in(bytes.text), bytes.owner})) ++unfit;
  });
  if (unfit == 0) return;
  refuse("hearth: " + std::to_string(unfit) + " of the " + std::to_string(count) +
         " elements of this batch are no messages, and were not passed on");
}

}  // namespace

void client_line(State& state, Session& session, const proto::Line& line,
                 const std::optional<proto::Envelope>& known) {
  if (line.overlong) {
    refuse_overlong(state, session, line);
    return;
  }
  const std::expected<proto::Envelope, proto::ScanError> envelope =
      known ? *known : proto::scan(line.bytes.text);
  if (!envelope) {
    refuse_unreadable(state, session, line.bytes.text, envelope.error());
    return;
  }
  if (envelope->kind == Kind::batch) {
    client_batch(state, session, line.bytes);
    return;
  }
  client_message(state, session, {line.bytes, *envelope});
}

void client_initialize(State& state, Session& session, const Scanned& message) {
  const std::string_view id = message.of(message.envelope.id);
  const auto hello = face::read_initialize(message.bytes.text, message.envelope);
  if (!hello) {
    state.reply(session, id, proto::error_text(id, Code::invalid_params, "hearth: " + hello.error()));
    return;
  }
  session.phase = Phase::asked;
  session.initialize_line = message.bytes.text;
  session.initialize_id = id;
  if (!session.initialize_slot) session.initialize_slot = note_call(state, session, id);
  session.claim = hello->claim;
  session.revision = hello->revision;
  session.capabilities = hello->capabilities;
  session.client = hello->client;
  note_setup(state, session);

  Instance& instance = placed(state, session);
  declare_anew(state, session, instance);  // It may have said something else of itself before.
  const bool coming = wake(state, instance);
  if (instance.life == core::Life::starting) {
    state.outbox.push_back(
        TellSession{session.id, instance.spec.program.empty()
                                    ? "connecting to " + instance.spec.name
                                    : "starting " + instance.spec.name + " (" + instance.spec.program + ")"});
  }
  if (!instance.known.initialize_result.empty()) {
    answer_initialize(state, session, instance);
  } else if (!coming && state.leaving != DaemonLeaves::Sessions::find_the_next) {
    fail_initialize(state, session, error_about(instance, instance.trouble, true));
  }
}

}  // namespace broker
