// Servers that speak HTTP: one instance that is started and watched, and a channel in it for each session.
//
// A channel lives like a stdio server does: it is opened, greeted, may be lost, backs off and is opened
// again. What is different is here: it waits for its server to answer, and falls with it.

#include "broker/calls/calls.h"
#include "broker/life/life.h"
#include "broker/servers/servers.h"
#include "broker/sessions/sessions.h"

namespace broker {
namespace {

using core::Instance;
using core::Life;

// How often a server may forget a session that it has answered nothing on before it counts as broken.
constexpr int forgotten_most = 3;

// Ours to a conversation that is over: an answer that comes late says nothing about the next one.
void drop_settings(Instance& channel) {
  for (const core::CallId id : channel.calls.ids()) {
    const core::Purpose purpose = channel.calls.find(id)->purpose;
    using enum core::Purpose;
    const bool greets = purpose == initialize || purpose == discover || purpose == listen;
    if (purpose != forwarded && !greets) channel.calls.take(id);
  }
}

}  // namespace

void send_again(State& state, Instance& instance, const proto::Message& message) {
  const base::Bytes bytes = base::Bytes::copy(message.text());
  const auto envelope = proto::scan(bytes.text);
  if (!envelope || envelope->kind != proto::Kind::request) return;
  core::Call* call = call_of(instance, envelope->id.in(bytes.text));
  if (call == nullptr || call->state != core::CallState::sent) return;
  if (call->purpose != core::Purpose::forwarded) {
    instance.calls.take(call->wire_id);  // Ours: it is made anew with the rest.
    return;
  }
  // What was put into the words of the other era waits as its client wrote it: the next process may be of
  // another.
  const bool rewritten = call->era != instance.era;
  wait_again(state, instance, *call, proto::Message(rewritten ? call->original : bytes));
}

void instance_answers(State& state, Instance& instance) {
  if (instance.life != Life::greeting) return;
  instance.life = Life::ready;
  instance.supervision.started(state.now);
  instance.use = {.last = state.now, .start_took = state.now - instance.process.started.value_or(state.now)};
  instance.process.start_due.reset();
  instance.process.start_limit.reset();
  instance.trouble.clear();
  instance.failed = instance.ended_idle = false;
  for (const InstanceId id : instance.channels) {
    Instance& channel = state.instances.at(id);
    if (channel.life == Life::starting && !channel.opened) open(state, channel);
  }
  if (instance.channels.empty() && !instance.idle_due)
    instance.idle_due = state.now + instance.spec.timing.idle_timeout;
}

void channels_lost(State& state, Instance& instance) {
  for (const InstanceId id : std::vector(instance.channels)) {
    Instance* channel = state.instances.find(id);
    if (channel == nullptr) continue;
    const bool talking = channel->opened && channel->life != Life::stopping;
    switch (channel->life) {
      case Life::starting:
        if (!channel->opened) {
          const bool in_vain = instance.life == Life::stopped || instance.life == Life::backing_off;
          if (in_vain) instance_start_failed(state, *channel, instance.trouble);
          break;
        }
        [[fallthrough]];
      case Life::greeting:
      case Life::ready:
        ensure(talking);
        channel->trouble = instance.trouble;
        channel->gave_up = true;
        channel->ends_idle = instance.ended_idle && instance.life == Life::stopped;
        stop(state, *channel);
        break;
      case Life::stopped:
      case Life::backing_off:
      case Life::stopping:
        break;
    }
  }
}

void instance_forgot(State& state, Instance& channel, const InstanceForgot& event) {
  if (channel.life != Life::ready && channel.life != Life::greeting) return;
  if (event.session_lost) {
    drop_settings(channel);
    end_conversation(
        state, channel,
        error_about(channel, "has forgotten its session, and with it the task that this call became", false));
    if (++channel.forgotten > forgotten_most) {
      channel.trouble = "forgets every session that it is asked to open (HTTP 404)";
      channel.gave_up = true;
      stop(state, channel);
      return;
    }
    state.log(Severity::info,
              channel.spec.name + ": the server has forgotten its session; a new one is opened");
  }
  for (const proto::Message& message : event.refused) send_again(state, channel, message);
  if (!event.session_lost) return drain_waiting(state, channel);
  channel.life = Life::greeting;
  begin_start_time(state, channel);
  say_initialize(state, channel);
}

void start_wanted(State& state, core::ServerSpec spec) {
  Instance& instance = place_for_nobody(state, std::move(spec));
  const bool unneeded = instance.sessions.empty() && instance.channels.empty();
  if (unneeded) instance.idle_due = state.now + instance.spec.timing.idle_timeout;
  wake(state, instance);
}

}  // namespace broker
