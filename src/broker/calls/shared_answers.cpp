// Lists and resources that several clients ask for: one answer for all who ask at the same time
// (core/merging.h), and for those who come while it is good (core/cache.h).
//
// For how long that is a modern server says itself. A legacy one says nothing; of its lists those are kept
// for a while whose changes it has promised to tell, but not those of resources: the SDKs make that promise
// for every server, and many make up their resources when they are asked. Its resources are never kept.
//
// A client that knows of a change never gets an answer from before it: neither one from before the server
// told of it, nor one from before a call that may have made it (broker/calls/effects.h).
#include <algorithm>

#include "broker/calls/calls.h"
#include "broker/calls/effects.h"
#include "broker/context/conversations.h"
#include "core/limits.h"
#include "face/to_modern_server.h"
#include "proto/claim.h"
#include "proto/json.h"
#include "proto/members.h"
#include "proto/value_digest.h"

namespace broker {
namespace {

using core::CacheKey;
using core::Call;
using core::Instance;
using core::Merging;
using core::Session;
using proto::Code;
using proto::Method;

bool shareable_method(Method method) {
  return proto::cacheable(method) && method != Method::server_discover;
}

std::string extensions_of(const Session& session, const Call& call, const Scanned& message) {
  const std::string own = '{' + session.claim + '}';
  const std::string_view meta = call.era == proto::Era::modern ? message.of(message.envelope.meta) : own;
  return std::string(proto::member(proto::member(meta, proto::meta::client_capabilities), "extensions"));
}

// None: the answer is for nobody else.
std::optional<CacheKey> key_of(const State& state, const Instance& instance, const Call& call,
                               const Scanned& message) {
  const bool plain = !call.task && !message.envelope.request_state.present() && !message.envelope.responses;
  if (!instance.spec.cache || !shareable_method(call.method) || !plain) return std::nullopt;
  const auto name = [&](std::string_view json) { return proto::value_name(state.options.hash_key, json); };
  const std::string params = proto::with_members(message.of(message.envelope.params), {}, {"_meta"});
  CacheKey key{
      .method = call.method,
      .uri = proto::json::unquoted(message.of(message.envelope.uri)),
      .cursor = core::cursor_of(params),
      .params = name(params),
      .circumstances = name(proto::with_members(
          message.of(message.envelope.meta), {},
          {"progressToken", proto::meta::version, proto::meta::client_info, proto::meta::client_capabilities,
           proto::meta::log_level, "traceparent", "tracestate", "baggage"})),
      .principal = std::nullopt};
  if (instance.era == proto::Era::legacy) return key;
  const Session& session = state.sessions.at(call.session);
  key.circumstances += name(extensions_of(session, call, message));
  key.principal = session.principal;
  return key;
}

const core::Cache::Kept* kept_for(const State& state, Instance& instance, const CacheKey& key) {
  const core::Cache::Kept* kept = instance.talk.cache.find(key, state.now);
  if (kept != nullptr || !key.principal) return kept;
  CacheKey for_all = key;
  for_all.principal.reset();
  return instance.talk.cache.find(for_all, state.now);
}

// As if the server had just said it.
void give_again(State& state, Instance& instance, core::CallId wire_id, const core::Cache::Kept& kept) {
  const auto left = std::chrono::floor<std::chrono::milliseconds>(kept.until - state.now);
  const bool ages = instance.era == proto::Era::modern;
  const base::Bytes bytes = base::Bytes::copy(
      proto::result_text(wire_id.text(), ages ? face::aged_result(kept.result, left) : kept.result));
  state.notices.push_back(AnswerKept{instance.id, wire_id, bytes});
}

// Progress and log lines are about one call only. A server that asks because of a read asks one client.
bool may_join(const Session& session, const Instance& instance, const Call& call) {
  const bool wants_level = call.level || (instance.era == proto::Era::modern && session.level);
  if (!call.token.empty() || wants_level) return false;
  return !proto::may_ask(call.method) || !(instance.asks || instance.interactive);
}

bool is_read(const CacheKey& key) {
  return key.method == Method::resources_read;
}

bool tells_of(const Instance& instance, Method list) {
  if (list != Method::tools_list && list != Method::prompts_list) return false;
  const core::ListKind kind = list == Method::tools_list ? core::ListKind::tools : core::ListKind::prompts;
  return instance.known.tells_lists.test(static_cast<std::size_t>(kind));
}

void keep(State& state, Instance& instance, Merging::Led led, const Scanned& message) {
  const std::string result(message.of(message.envelope.result));
  if (led.outdated || result.empty()) return;
  if (!is_read(led.key) && effect_pending(state, instance)) return;
  base::Duration good_for{};
  if (instance.era == proto::Era::modern) {
    const face::Keeping keeping = face::read_keeping(result);
    good_for = std::min<base::Duration>(keeping.ttl, core::limits::cache_longest);
    if (keeping.for_all) led.key.principal.reset();
  } else {
    // Over HTTP what it tells can be lost. A cursor may be good for one use only.
    const bool pages = !led.key.cursor.empty() || !core::next_cursor_of(result).empty();
    const bool safe = instance.spec.link == core::Link::stdio && tells_of(instance, led.key.method) && !pages;
    if (safe) good_for = core::limits::legacy_list_kept;
  }
  process_of(state, instance).lists_since_effect = true;
  instance.talk.cache.keep(std::move(led.key), {result, state.now + good_for}, state.now);
}

// The answer depends on the asking client, so it cannot be shared.
bool personal(const Scanned& message) {
  const std::string_view type = message.of(message.envelope.result_type);
  if (!type.empty() && type != R"("complete")") return true;
  const std::string_view code = proto::member(message.of(message.envelope.error), "code");
  const auto is = [&](Code what) { return code == std::to_string(static_cast<int>(what)); };
  return is(Code::missing_client_capability) || is(Code::url_elicitation_required);
}

void part(State& state, Instance& instance, const std::vector<core::CallId>& joined) {
  for (const core::CallId wire_id : joined) go_alone(state, instance, *instance.calls.find(wire_id));
}

void file_again(State& state, const Call& call, core::CallId before) {
  Session* session = state.sessions.find(call.session);
  if (session == nullptr) return;
  session->calls.erase(call.client_id, before);
  session->calls.insert(call.client_id, call.wire_id);
  session->held_back.progress.erase(before);
}

}  // namespace

bool answered_by_another(State& state, Instance& instance, Call& call, const Scanned& message) {
  Session& session = state.sessions.at(call.session);
  std::optional<CacheKey> key = key_of(state, instance, call, message);
  if (!key) return false;
  if (const core::Cache::Kept* kept = kept_for(state, instance, *key)) {
    ++instance.from_cache;
    give_again(state, instance, call.wire_id, *kept);
    return true;
  }
  const std::optional<core::CallId> leader =
      may_join(session, instance, call) ? instance.merging.leader(*key, state.now) : std::nullopt;
  if (!leader) {
    process_of(state, instance).lists_since_effect = true;
    instance.merging.leads(std::move(*key), call.wire_id, state.now);
    return false;
  }
  ++instance.merged;
  call.charge = session.account.charge(core::Kept::request, message.bytes.text.size());
  instance.calls.become(call, core::Joined{*leader, message.bytes});
  instance.merging.joins(*leader, call.wire_id);
  if (has_many_calls(session)) pause(state, session, core::Pause::calls);
  return true;
}

std::vector<core::CallId> also_answered(State& state, Instance& instance, const Call& call,
                                        const Scanned& message) {
  if (!shareable_method(call.method)) instance.merging.close();
  if (call.method == Method::tools_list) learn_read_only(instance, message.of(message.envelope.result));
  std::optional<Merging::Led> led = instance.merging.ended(call.wire_id);
  if (!led) return {};
  if (personal(message)) {
    if (is_read(led->key)) instance.asks = true;
    part(state, instance, led->joined);
    return {};
  }
  // A cursor that is not good any more: nor are the pages that led to it.
  if (message.envelope.error.present() && !led->key.cursor.empty()) {
    instance.talk.cache.forget([&](const CacheKey& key) { return key.method == led->key.method; });
  }
  std::vector<core::CallId> joined = std::move(led->joined);
  keep(state, instance, std::move(*led), message);
  return joined;
}

void part_reads(State& state, Instance& instance, Method asked) {
  const std::vector<core::CallId> reads = instance.merging.leading(is_read);
  // All get the same answer to that, and servers ask it when they start; of a modern client's read it is
  // asked on its own.
  if (asked == Method::roots_list && reads.empty()) return;
  instance.asks = true;
  for (const core::CallId leader : reads) {
    const auto led = instance.merging.ended(leader);
    part(state, instance, led->joined);
  }
}

core::CallId make_way(State& state, Instance& instance, core::CallId wire_id) {
  const std::optional<core::CallId> other = instance.merging.one_joined(wire_id);
  if (!other) return wire_id;
  Call leader = instance.calls.take(wire_id);
  Call follower = instance.calls.take(*other);
  // It may have to be made again.
  keep_request(state, follower, follower.state.as<core::Joined>().request);
  std::swap(leader.wire_id, follower.wire_id);
  std::swap(leader.state, follower.state);
  file_again(state, leader, wire_id);
  file_again(state, follower, *other);
  instance.calls.restore(std::move(leader));
  instance.calls.restore(std::move(follower));
  return *other;
}

void outdated(Instance& instance, core::ListKind kind) {
  const auto changed = [kind](const CacheKey& key) { return core::about(key, kind); };
  instance.talk.cache.forget(changed);
  instance.merging.outdate(changed);
  if (kind == core::ListKind::tools) instance.talk.read_only_tools.clear();
}

void outdated(Instance& instance, std::string_view uri) {
  const auto changed = [uri](const CacheKey& key) { return core::about(key, uri); };
  instance.talk.cache.forget(changed);
  instance.merging.outdate(changed);
}

void all_outdated(Instance& instance) {
  instance.talk.cache.clear();
  instance.talk.read_only_tools.clear();
  instance.merging.outdate([](const CacheKey& /*key*/) { return true; });
}

}  // namespace broker
