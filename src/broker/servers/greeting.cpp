// The first words with a server: whether it is a modern one, and if not, initialize.
//
// A server of unknown era is asked server/discover. A modern one answers; any other says something else, or
// nothing, or ends: then it is greeted the old way. Both questions may be under way at once, and the first
// good answer counts (2026-07-28, versioning and stdio).
#include <algorithm>

#include "broker/calls/calls.h"
#include "broker/interests/interests.h"
#include "broker/life/life.h"
#include "broker/roots/roots.h"
#include "broker/servers/servers.h"
#include "broker/sessions/sessions.h"
#include "broker/tasks/tasks.h"
#include "core/limits.h"
#include "face/to_legacy_server.h"
#include "face/to_modern_server.h"
#include "proto/members.h"

namespace broker {
namespace {

using core::Instance;
using core::Life;
using core::Phase;
using core::Session;

// Of one start. A server may change its mind once, when it refuses initialize for its revision.
constexpr int probes_most = 2;

void note_capabilities(Instance& instance) {
  const auto [tools, prompts, resources, logging, tasks] =
      proto::members(proto::member(instance.known.initialize_result, "capabilities"),
                     {"tools", "prompts", "resources", "logging", "tasks"});
  const auto note_list = [&](core::ListKind kind, std::string_view capability) {
    instance.known.lists.set(static_cast<std::size_t>(kind), !capability.empty());
    instance.known.tells_lists.set(static_cast<std::size_t>(kind),
                                   proto::member(capability, "listChanged") == "true");
  };
  note_list(core::ListKind::tools, tools);
  note_list(core::ListKind::prompts, prompts);
  note_list(core::ListKind::resources, resources);
  instance.known.logging = !logging.empty();
  instance.known.tells_resources = proto::member(resources, "subscribe") == "true";
  const std::string_view of_tools = proto::member(proto::member(tasks, "requests"), "tools");
  instance.known.offers_tasks = !proto::member(of_tools, "call").empty();
}

// `changed`: the lists that sessions which were here before have to look at again.
void became_ready(State& state, Instance& instance, std::bitset<3> changed) {
  instance.life = Life::ready;
  instance.supervision.started(state.now);
  instance.use = {.last = state.now, .start_took = state.now - instance.process.started.value_or(state.now)};
  instance.process.start_due.reset();
  instance.process.start_limit.reset();
  instance.trouble.clear();
  instance.failed = false;
  if (instance.era == proto::Era::legacy) state.send(instance.id, face::initialized_notice());
  tell_of_cancelled(state, instance);
  if (instance.probe_in_vain && instance.spec.probe) {
    instance.spec.probe = false;
    const core::ServerSpec& spec = instance.spec;
    // Of the instance are the channels to come.
    if (instance.channel_of) state.instances.at(*instance.channel_of).spec.probe = false;
    state.outbox.push_back(NoteNoProbe{spec.program.empty() ? spec.address.url : spec.program, spec.args});
  }
  for (const SessionId id : std::vector(instance.sessions)) {
    Session& session = state.sessions.at(id);
    if (session.phase == Phase::asked) {
      answer_initialize(state, session, instance);
    } else {
      session.lists_changed |= changed;
      learn_roots(state, session, instance);  // It was asked while an earlier process ran, perhaps.
    }
  }
  const bool tasks = std::ranges::any_of(
      instance.sessions, [&](SessionId id) { return state.sessions.at(id).modern_capabilities.tasks; });
  if (tasks) want_task_tools(state, instance);
  answer_discovers(state, instance);
  restore_interests(state, instance);
  drain_waiting(state, instance);
  for (const SessionId id : instance.sessions) flush_lists(state, state.sessions.at(id));
}

void ask_its_era(State& state, Instance& instance) {
  ++instance.greeting.probes;
  instance.greeting.probe = own_call(instance, core::Purpose::discover);
  // One that has refused initialize has nothing else to be asked, unless this had no answer before.
  if (!instance.greeting.initialize_sent || instance.greeting.probe_silent) {
    // Half of the start is left for a server that says nothing to questions it does not know.
    instance.greeting.probe_due =
        state.now +
        std::min<base::Duration>(core::limits::probe_wait, instance.spec.timing.start_timeout / 2);
  }
  state.send(instance.id, face::discover_request(instance.greeting.probe->value,
                                                 face::own_claim(state.options.version, instance.first)));
}

// What the server is, whichever way it said so.
struct Greeting {
  std::string initialize_result;
  std::string server;
  std::string revision;
};

void greeted(State& state, Instance& instance, Greeting greeting) {
  const std::bitset<3> before = instance.known.lists;
  // One that ends whenever it has nothing to do has not changed meanwhile.
  const bool as_before = std::exchange(instance.ended_idle, false) &&
                         instance.known.initialize_result == greeting.initialize_result;
  const bool again = !instance.known.initialize_result.empty() && !as_before;
  instance.known.initialize_result = std::move(greeting.initialize_result);
  instance.known.server_version = std::move(greeting.server);
  instance.known.server_info = proto::member(instance.known.initialize_result, "serverInfo");
  instance.known.revision = std::move(greeting.revision);
  instance.greeting.probe.reset();
  instance.greeting.probe_due.reset();
  instance.offers.clear();
  instance.refusal.clear();
  note_capabilities(instance);
  became_ready(state, instance, again ? before | instance.known.lists : std::bitset<3>());
}

void refused(State& state, Instance& instance, std::string trouble) {
  instance.trouble = std::move(trouble);
  instance.gave_up = true;
  stop(state, instance);
}

std::vector<proto::Revision> waited_for(const State& state, const Instance& instance) {
  std::vector<proto::Revision> wanted;
  for (const SessionId id : instance.sessions) {
    const Session& session = state.sessions.at(id);
    if (session.phase == Phase::asked) wanted.push_back(session.revision);
  }
  return wanted;
}

// It has refused initialize: for its revision, perhaps. False: there is nothing else to try.
bool offer_another(State& state, Instance& instance) {
  if (face::read_refusal(instance.refusal) == face::Refused::whatever_revision) return false;
  const auto offered = face::read_offered(instance.refusal);
  if (offered && !offered->legacy) return false;
  if (!instance.offers.next(instance.spec.offer, waited_for(state, instance))) return false;
  say_initialize(state, instance);
  return true;
}

// What it took, after it had refused what is offered first.
void remember_offer(State& state, Instance& instance) {
  if (!instance.offers.any_refused()) return;
  const proto::Revision taken = instance.offers.offered();
  instance.spec.offer = taken;
  if (instance.channel_of) state.instances.at(*instance.channel_of).spec.offer = taken;
  state.outbox.push_back(
      NoteOffer{instance.spec.program, instance.spec.args, instance.spec.address.url, taken});
}

// It heard server/discover first, and has not recovered from that.
bool confused_by_probe(const Instance& instance) {
  return instance.spec.link == core::Link::stdio && instance.greeting.probes != 0 && !instance.probe_in_vain;
}

void start_unprobed(State& state, Instance& instance) {
  instance.probe_in_vain = true;
  instance.restart_wanted = true;
  stop(state, instance);
  state.log(Severity::info,
            instance.spec.name + ": was confused by server/discover; it is started again and not asked");
}

void initialize_refused(State& state, Instance& instance) {
  if (offer_another(state, instance)) return;
  if (confused_by_probe(instance)) return start_unprobed(state, instance);
  refused(state, instance, "answered initialize with an error");
}

// It is a legacy server, or one that has something against the question.
void not_discovered(State& state, Instance& instance, std::string_view raw_error) {
  const auto offered = face::read_offered(raw_error);
  if (offered && offered->modern && instance.greeting.probes < probes_most)
    return ask_its_era(state, instance);
  if (!offered || offered->legacy) return say_initialize(state, instance);
  refused(state, instance, "agrees with Hearth on no protocol revision; it offers " + offered->versions);
}

}  // namespace

void greet(State& state, Instance& instance) {
  instance.era = proto::Era::legacy;
  instance.greeting = {};
  if (instance.spec.probe && !instance.probe_in_vain) {
    ask_its_era(state, instance);
  } else {
    say_initialize(state, instance);
  }
}

void nothing_discovered(State& state, Instance& instance) {
  instance.greeting.probe_due.reset();
  if (!instance.greeting.initialize_sent) return say_initialize(state, instance);
  if (!instance.refusal.empty() && !instance.greeting.initialize_open) initialize_refused(state, instance);
}

void say_initialize(State& state, Instance& instance) {
  const face::Declared declared = declare(state, instance);
  instance.greeting.probe_due.reset();
  instance.greeting.initialize_sent = instance.greeting.initialize_open = true;
  const auto next = instance.offers.next(instance.spec.offer, waited_for(state, instance));
  instance.offers.offer(next.value_or(proto::newest_legacy));
  const core::CallId id = own_call(instance, core::Purpose::initialize);
  state.send(instance.id,
             face::initialize_request(id.value, instance.offers.offered(), declared, state.options.version));
}

void instance_discovered(State& state, Instance& instance, core::CallId call, const Scanned& message) {
  if (instance.greeting.probe == call) instance.greeting.probe.reset();
  if (instance.life != Life::greeting) return;
  const std::string_view result = message.of(message.envelope.result);
  face::Discovered found = face::read_discovered(result);
  if (found.modern) {
    instance.era = proto::Era::modern;
    instance.known.discover_result = result;
    greeted(state, instance,
            {.initialize_result = std::move(found.initialize_result),
             .server = std::move(found.server),
             .revision = std::string(proto::name_of(proto::newest_modern))});
  } else if (confused_by_probe(instance) && face::reads_like_greeting(result)) {
    start_unprobed(state, instance);
  } else if (!instance.greeting.initialize_sent) {
    not_discovered(state, instance, message.of(message.envelope.error));
  } else if (!instance.refusal.empty() && !instance.greeting.probe && !instance.greeting.initialize_open) {
    initialize_refused(state, instance);
  }
}

void instance_greeted(State& state, Instance& instance, const Scanned& message) {
  instance.greeting.initialize_open = false;
  if (instance.life != Life::greeting) return;
  const std::string_view result = message.of(message.envelope.result);
  if (result.empty()) {
    const std::string_view error = message.of(message.envelope.error);
    const auto offered = face::read_offered(error);
    instance.offers.refused();
    if (instance.refusal.empty()) instance.refusal = error;
    if (offered && offered->modern && instance.greeting.probe) return;  // Its other answer is still to come.
    // One that said nothing before may have been asleep, and be a modern one all the same.
    const bool once_more = (offered && offered->modern) || instance.greeting.probe_silent;
    if (once_more && instance.greeting.probes < probes_most) return ask_its_era(state, instance);
    return initialize_refused(state, instance);
  }
  const auto greeting = face::read_greeting(result);
  if (!greeting) return refused(state, instance, greeting.error());
  instance.era = proto::Era::legacy;
  remember_offer(state, instance);
  // It has read both, and passes over what it does not know.
  const bool read_both = instance.greeting.probe && instance.spec.link == core::Link::stdio;
  if (read_both || instance.greeting.probe_silent) instance.probe_in_vain = true;
  greeted(
      state, instance,
      {.initialize_result = std::string(result), .server = greeting->server, .revision = greeting->revision});
}

bool ended_on_being_asked(const Instance& instance) {
  return instance.life == Life::greeting && confused_by_probe(instance);
}

bool ended_on_being_offered(const State& state, const Instance& instance) {
  return instance.life == Life::greeting && instance.spec.link == core::Link::stdio &&
         instance.offers.any_refused() &&
         face::read_refusal(instance.refusal) == face::Refused::for_revision &&
         instance.offers.next(instance.spec.offer, waited_for(state, instance)).has_value();
}

}  // namespace broker
