// The one listen that we hold at a modern server (core/upstream_listen.h): for the lists it has, and for
// every resource that some session wants to hear of.
#include <algorithm>

#include "broker/calls/calls.h"
#include "broker/interests/interests.h"
#include "broker/life/life.h"
#include "core/limits.h"
#include "face/tasks.h"
#include "face/to_legacy_server.h"
#include "face/to_modern_server.h"

namespace broker {
namespace {

using core::Instance;
using core::UpstreamListen;
using Step = core::Subscriptions::Step;

constexpr std::string_view not_granted =
    R"({"code":-32602,"message":"hearth: the server does not tell of changes of this resource"})";

core::Filter wanted_of(const Instance& instance) {
  core::Filter filter{.lists = instance.known.tells_lists, .uris = {}, .tasks = {}};
  if (instance.known.tells_resources) {
    for (const std::string& uri : instance.subscriptions.wanted()) filter.uris.insert(uri);
  }
  for (const auto& [call, listen] : instance.listens)
    filter.tasks.insert(listen.filter.tasks.begin(), listen.filter.tasks.end());
  return filter;
}

void close(State& state, Instance& instance, core::CallId call) {
  if (instance.calls.find(call) == nullptr) return;
  state.send(instance.id, face::cancelled_notice(call.text(), "it is replaced or no longer needed"));
  core::Call& replaced = *instance.calls.find(call);
  instance.calls.become(replaced, core::Cancelled{state.now});
  instance.times.tombstones.push_back({state.now + core::limits::tombstone, call});
}

void decide(State& state, Instance& instance, const std::string& uri, bool granted) {
  subscription_outcome(state, instance, uri, granted ? "{}" : "", not_granted);
}

// Granted by the listen before, and not by this one. It would only be refused again.
void take_back(State& state, Instance& instance, const std::string& uri) {
  state.log(Severity::info, instance.spec.name + ": does not tell of changes of " + uri + " any more");
  instance.subscriptions.taken_back(uri);
  refused_to_listens(state, instance, uri);
}

void again_later(State& state, UpstreamListen& upstream) {
  base::Duration pause = std::chrono::milliseconds(250);
  for (int i = 0; i < upstream.failures && pause < core::limits::listen_again_most; ++i) pause *= 2;
  ++upstream.failures;
  upstream.retry_at = state.now + std::min(pause, core::limits::listen_again_most);
}

void open(State& state, Instance& instance, core::Filter wanted) {
  UpstreamListen& upstream = instance.talk.upstream;
  upstream.opening = own_call(instance, core::Purpose::listen);
  upstream.wanted = std::move(wanted);
  const std::string claim = face::own_claim(state.options.version, instance.first);
  state.send(instance.id,
             face::listen_request(upstream.opening->value,
                                  upstream.wanted.tasks.empty() ? claim : face::claim_with_tasks(claim),
                                  upstream.wanted));
}

// What it would have said meanwhile is not known.
void tell_everything(State& state, Instance& instance) {
  all_outdated(instance);
  for (const core::ListKind kind : core::list_kinds) {
    if (instance.known.tells_lists.test(static_cast<std::size_t>(kind))) tell_list(state, instance, kind);
  }
  for (const std::string& uri : instance.talk.upstream.filter.uris) resource_told(state, instance, uri);
}

// What changes for the resources that are waited for happens with the next listen, or has happened.
void settle(State& state, Instance& instance, core::Filter wanted) {
  UpstreamListen& upstream = instance.talk.upstream;
  if (!wanted.empty() && (!upstream.call || wanted != upstream.filter))
    return open(state, instance, std::move(wanted));
  if (wanted.empty()) {
    if (const auto open = std::exchange(upstream.call, std::nullopt)) close(state, instance, *open);
    upstream.filter = {};
  }
  for (const std::string& uri : std::exchange(upstream.changing, {})) decide(state, instance, uri, true);
}

}  // namespace

void upstream_step(State& state, Instance& instance) {
  UpstreamListen& upstream = instance.talk.upstream;
  if (instance.life != core::Life::ready || upstream.opening || upstream.retry_at) return;
  core::Filter wanted = wanted_of(instance);
  std::vector<std::string> impossible;
  upstream.changing.clear();
  for (const std::string& uri : instance.subscriptions.uris()) {
    const Step step = instance.subscriptions.step(uri);
    if (step == Step::none) continue;
    const bool can = step == Step::unsubscribe || wanted.uris.contains(uri);
    (can ? upstream.changing : impossible).push_back(uri);
  }
  for (const std::string& uri : impossible) decide(state, instance, uri, false);
  settle(state, instance, std::move(wanted));
}

void upstream_acknowledged(State& state, Instance& instance, const Scanned& message) {
  UpstreamListen& upstream = instance.talk.upstream;
  const core::Call* call = call_of(instance, message.of(message.envelope.subscription));
  if (call == nullptr || call->wire_id != upstream.opening) return;
  const core::Filter granted = face::read_acknowledged(message.of(message.envelope.params));
  const bool lost_one = upstream.failures != 0;
  const std::optional<core::CallId> before =
      std::exchange(upstream.call, std::exchange(upstream.opening, std::nullopt));
  if (before && instance.spec.link == core::Link::stdio) {
    close(state, instance, *before);
  } else if (before) {
    upstream.replaced.push_back({*before, state.now + core::limits::replaced_listen});
  }
  upstream.filter = std::move(upstream.wanted);
  upstream.failures = 0;
  const std::set<std::string> asked = upstream.filter.uris;
  std::erase_if(upstream.filter.uris, [&](const std::string& uri) { return !granted.uris.contains(uri); });
  for (const std::string& uri : asked) {
    const bool held = std::ranges::find(upstream.changing, uri) == upstream.changing.end();
    if (held && !granted.uris.contains(uri)) take_back(state, instance, uri);
  }
  for (const std::string& uri : std::exchange(upstream.changing, {}))
    decide(state, instance, uri, !asked.contains(uri) || granted.uris.contains(uri));
  const std::set<std::string> tasks = upstream.filter.tasks;
  std::erase_if(upstream.filter.tasks,
                [&](const std::string& task) { return !granted.tasks.contains(task); });
  if (!tasks.empty()) listens_decide_tasks(state, instance, tasks, granted.tasks);
  if (lost_one) tell_everything(state, instance);
  upstream_step(state, instance);
}

void upstream_tick(State& state, Instance& instance) {
  UpstreamListen& upstream = instance.talk.upstream;
  while (!upstream.replaced.empty() && upstream.replaced.front().due <= state.now) {
    close(state, instance, upstream.replaced.front().call);
    upstream.replaced.erase(upstream.replaced.begin());
  }
  if (!upstream.retry_at || state.now < *upstream.retry_at) return;
  upstream.retry_at.reset();
  upstream_step(state, instance);
}

std::optional<base::Instant> upstream_deadline(const Instance& instance) {
  const UpstreamListen& upstream = instance.talk.upstream;
  if (upstream.replaced.empty()) return upstream.retry_at;
  const base::Instant due = upstream.replaced.front().due;
  return upstream.retry_at ? std::min(due, *upstream.retry_at) : due;
}

void upstream_ended(State& state, Instance& instance, core::CallId call, const Scanned& message) {
  UpstreamListen& upstream = instance.talk.upstream;
  if (call == upstream.call) {
    upstream.call.reset();
    upstream.filter = {};
    instance.subscriptions.upstream_broke_off();
    if (!upstream.opening) {
      again_later(state, upstream);
    } else {
      ++upstream.failures;  // The next is on its way, but something may change before it is there.
    }
  } else if (call == upstream.opening) {
    upstream.opening.reset();
    const bool refused = message.envelope.error.present();  // Else it was ended before it began.
    // One task that the server does not know makes it refuse the whole listen.
    if (refused && !upstream.wanted.tasks.empty()) {
      listens_decide_tasks(state, instance, upstream.wanted.tasks, {});
      return settle(state, instance, wanted_of(instance));
    }
    const std::string_view error = refused ? message.of(message.envelope.error) : not_granted;
    for (const std::string& uri : std::exchange(upstream.changing, {}))
      subscription_put_off(state, instance, uri, error);
    again_later(state, upstream);
  }
}

}  // namespace broker
