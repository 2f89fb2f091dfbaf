#include "broker/calls/effects.h"

#include <utility>

#include "base/contains.h"
#include "broker/calls/calls.h"
#include "broker/context/conversations.h"
#include "core/limits.h"
#include "proto/json.h"
#include "proto/members.h"

namespace broker {
namespace {

using core::CacheKey;
using core::Call;
using core::CallState;
using core::Instance;
using proto::Method;

// A call that may have an effect runs, or was cancelled a moment ago.
bool effect_under_way(const Instance& conversation, base::Instant now) {
  using enum CallState;
  const auto may_have = [](const Call& call) { return call.effect; };
  for (const CallState state : {sent, asking, following, parked, returning}) {
    if (conversation.calls.any(state, may_have)) return true;
  }
  bool found = false;
  conversation.calls.newest_first(cancelled, [&](const Call& call) {
    found = call.effect && core::ghost(call, now);
    return !found && core::ghost(call, now);
  });
  return found;
}

}  // namespace

void learn_read_only(Instance& instance, std::string_view raw_result) {
  if (!base::contains(raw_result, "readOnlyHint")) return;
  proto::each_item(proto::member(raw_result, "tools"), [&](std::string_view tool) {
    const std::string name = proto::json::unquoted(proto::member(tool, "name"));
    instance.talk.read_only_tools.erase(name);
    if (proto::member(proto::member(tool, "annotations"), "readOnlyHint") == "true" &&
        instance.talk.read_only_tools.size() < core::limits::read_only_tools)
      instance.talk.read_only_tools.insert(name);
  });
}

bool may_have_effect(const Instance& instance, const Call& call, const Scanned& message) {
  if (proto::cacheable(call.method) || call.method == Method::completion_complete) return false;
  if (call.method != Method::tools_call || instance.talk.read_only_tools.empty()) return true;
  const std::string_view name = proto::member(message.of(message.envelope.params), "name");
  return !instance.talk.read_only_tools.contains(proto::json::unquoted(name));
}

void effect_noted(State& state, Instance& instance) {
  if (!std::exchange(process_of(state, instance).lists_since_effect, false)) return;
  const auto is_list = [](const CacheKey& key) { return key.method != Method::resources_read; };
  each_conversation(state, instance, [&](Instance& conversation) {
    conversation.talk.cache.forget(is_list);
    conversation.merging.outdate(is_list);
    conversation.merging.close();
  });
}

bool effect_pending(State& state, Instance& instance) {
  bool pending = false;
  each_conversation(state, instance, [&](Instance& conversation) {
    pending = pending || effect_under_way(conversation, state.now);
  });
  return pending;
}

}  // namespace broker
