// A server or channel is started, stopped and forgotten.
#include "broker/life/life.h"

#include <algorithm>

#include "core/limits.h"

namespace broker {

using core::Instance;
using core::Life;

namespace {

StartInstance start_of(const Instance& instance) {
  return {.instance = instance.id,
          .channel_of = instance.channel_of,
          .name = instance.spec.name,
          .program = instance.spec.program,
          .args = instance.spec.args,
          .directory = instance.spec.directory,
          .environment = instance.spec.environment,
          .inheritance = instance.spec.inheritance,
          .link = instance.spec.link,
          .address = instance.spec.address,
          .message_bytes_max = instance.spec.message_bytes_max,
          .limits = instance.spec.limits};
}

// Starting: opened at once, or when its server answers.
void open_channel(State& state, Instance& channel) {
  channel.opened = false;
  if (state.instances.at(*channel.channel_of).life == Life::ready) open(state, channel);
}

// It is about to leave the tables.
void channel_forgotten(State& state, Instance& channel) {
  Instance& instance = state.instances.at(*channel.channel_of);
  std::erase(instance.channels, channel.id);
  if (!instance.channels.empty()) return;
  const bool alone = instance.spec.scope == core::Scope::session;
  instance.idle_due = state.now + (alone ? base::Duration::zero() : instance.spec.timing.idle_timeout);
  const bool failed = instance.life == Life::stopped && instance.supervision.failures() != 0;
  if (failed && !alone) instance.forget_due = state.now + core::limits::remember_failed;
  consider_forgetting(state, instance.id);
}

}  // namespace

bool wake(State& state, Instance& instance) {
  switch (instance.life) {
    case Life::stopped:
      if (state.leaving) {
        instance.trouble = "the daemon is ending; ask again";
        return false;
      }
      if (!instance.spec.refusal.empty()) {
        instance.trouble = instance.spec.refusal;
        return false;
      }
      if (instance.supervision.broken() && state.now < instance.supervision.retry_at()) return false;
      if (!server_comes(state, instance)) return false;
      if (!instance.known.initialize_result.empty()) ++instance.restarts;
      start(state, instance);
      return true;
    case Life::stopping:
      instance.restart_wanted = true;
      return true;
    case Life::starting:
    case Life::greeting:
    case Life::ready:
    case Life::backing_off:
      return true;
  }
  return true;
}

void start(State& state, Instance& instance) {
  instance.life = Life::starting;
  instance.restart_wanted = false;
  instance.gave_up = false;
  instance.ends_idle = false;
  instance.stopped_for.clear();
  instance.refusal.clear();
  instance.offers.clear();
  if (instance.channel_of) {
    open_channel(state, instance);
    return;
  }
  begin_start_time(state, instance);
  state.outbox.push_back(start_of(instance));
  consider_idle(state, instance);  // After a crash nobody may be there.
}

bool server_comes(State& state, Instance& channel) {
  if (!channel.channel_of) return true;
  Instance& server = state.instances.at(*channel.channel_of);
  if (wake(state, server)) return true;
  channel.trouble = server.trouble;
  return false;
}

void open(State& state, Instance& channel) {
  channel.opened = true;
  begin_start_time(state, channel);  // It is not to blame for what its server took before.
  state.outbox.push_back(start_of(channel));
}

void stop(State& state, Instance& instance) {
  ensure(instance.life != Life::stopped && instance.life != Life::backing_off);
  if (instance.life == Life::stopping) return;
  instance.process.start_due.reset();
  instance.process.start_limit.reset();
  instance.greeting.probe_due.reset();
  instance.idle_due.reset();
  if (instance.channel_of && !instance.opened) {
    instance.life = Life::stopped;  // It waits for its server: there is nothing to close.
    return;
  }
  instance.life = Life::stopping;
  state.outbox.push_back(StopInstance{instance.id});
}

namespace {

void stop_if_up(State& state, Instance& instance) {
  switch (instance.life) {
    case Life::starting:
    case Life::greeting:
    case Life::ready:
      stop(state, instance);
      return;
    case Life::backing_off:
      instance.life = Life::stopped;
      return;
    case Life::stopped:
    case Life::stopping:
      return;
  }
}

}  // namespace

void stop_whole(State& state, Instance& server) {
  for (const InstanceId channel : std::vector(server.channels)) {
    stop_if_up(state, state.instances.at(channel));
    consider_forgetting(state, channel);
  }
  stop_if_up(state, server);
}

void begin_start_time(State& state, Instance& instance) {
  instance.process.start_due = state.now + instance.spec.timing.start_timeout;
  instance.process.start_limit =
      state.now + instance.spec.timing.start_timeout * core::limits::start_extensions_most;
}

void consider_forgetting(State& state, InstanceId id) {
  Instance* instance = state.instances.find(id);
  if (instance == nullptr || instance->life != Life::stopped || !instance->sessions.empty()) return;
  if (instance->forget_due && state.now < *instance->forget_due) return;
  if (!instance->channels.empty()) return;
  state.outbox.push_back(ForgetInstance{id});
  if (instance->channel_of) channel_forgotten(state, *instance);
  state.instances.erase(id);
}

}  // namespace broker
