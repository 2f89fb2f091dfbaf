// What the broker tells about itself: read from the tables, kept nowhere.
#include <algorithm>
#include <map>

#include "broker/broker.h"
#include "broker/life/life.h"
#include "broker/sessions/sessions.h"

namespace broker {
namespace {

using core::Instance;
using core::Life;
using core::Session;

std::string state_of(const Instance& instance) {
  switch (instance.life) {
    case Life::stopped:
      return instance.failed && !instance.trouble.empty() ? "failed" : "stopped";
    case Life::starting:
    case Life::greeting:
      return "starting";
    case Life::ready:
      return instance.sessions.empty() && instance.channels.empty() ? "idle" : "ready";
    case Life::backing_off:
      return "restarting";
    case Life::stopping:
      return "stopping";
  }
  return {};
}

// The server works at them, or waits for answers that they need.
std::size_t calls_in_flight(const Instance& instance) {
  using enum core::CallState;
  const std::vector<core::CallId> ids = instance.calls.ids_of({sent, asking, following, parked, returning});
  return static_cast<std::size_t>(std::ranges::count_if(
      ids, [&](core::CallId id) { return instance.calls.find(id)->purpose == core::Purpose::forwarded; }));
}

InstanceReport report_of(const Instance& instance, base::Instant now) {
  return {.instance = instance.id,
          .number = instance.number,
          .name = instance.spec.name,
          .state = state_of(instance),
          .pid = instance.process.pid,
          .program = instance.spec.program,
          .args = instance.spec.args,
          .scope = instance.spec.scope,
          .scope_directory = instance.spec.scope_directory,
          .server_version = instance.known.server_version,
          .revision = instance.known.revision,
          .sessions = instance.sessions.size(),
          .calls = calls_in_flight(instance),
          .waiting = instance.waiting.size(),
          .calls_total = instance.calls_total,
          .from_cache = instance.from_cache,
          .merged = instance.merged,
          .restarts = instance.restarts,
          .failures = instance.supervision.failures(),
          .refused_calls = instance.suspects.refused(now),
          .interactive = instance.interactive,
          .one_at_a_time = std::string(instance.order.because),
          .started = instance.process.started,
          .trouble = instance.trouble,
          .dropped = instance.dropped,
          .limits = instance.spec.limits};
}

// A person sees the server; that it is several conversations shows in the numbers only.
void add_channel(InstanceReport& report, const Instance& channel, base::Instant now) {
  const InstanceReport own = report_of(channel, now);
  if (report.server_version.empty()) report.server_version = own.server_version;
  if (report.revision.empty()) report.revision = own.revision;
  if (report.trouble.empty()) report.trouble = own.trouble;
  report.sessions += own.sessions;
  report.calls += own.calls;
  report.waiting += own.waiting;
  report.calls_total += own.calls_total;
  report.from_cache += own.from_cache;
  report.merged += own.merged;
  report.dropped += own.dropped;
}

InstanceReport whole_report_of(const State& state, const Instance& instance) {
  InstanceReport report = report_of(instance, state.now);
  for (const InstanceId channel : instance.channels)
    add_channel(report, state.instances.at(channel), state.now);
  if (instance.life == Life::ready && !needed_by_anybody(state, instance)) report.state = "idle";
  return report;
}

std::vector<SessionId> sessions_of(const State& state, const Instance& instance) {
  std::vector<SessionId> all = instance.sessions;
  for (const InstanceId id : instance.channels) {
    const Instance& channel = state.instances.at(id);
    all.insert(all.end(), channel.sessions.begin(), channel.sessions.end());
  }
  return all;
}

// Listens that are open are no requests that somebody waits for.
std::size_t requests_of(const Session& session, const Instance& instance) {
  const auto open = [&](const auto& entry) {
    return entry.second.session == session.id && entry.second.acknowledged;
  };
  return session.calls.size() - static_cast<std::size_t>(std::ranges::count_if(instance.listens, open));
}

// In some revision: a modern client with its first request, a legacy one with initialize.
bool has_spoken(const Session& session) {
  return session.phase != core::Phase::fresh || !session.hello.empty();
}

}  // namespace

namespace {

std::string places(const Instance& instance) {
  if (!instance.common_roots) return "not known yet";
  return core::shown(*instance.common_roots);
}

std::string roots_shown(const Instance& instance) {
  if (!instance.spec.cares_for_roots || instance.era == proto::Era::modern) return {};
  if (keeps_roots_apart(instance)) return "only sessions with the same ones share it: " + places(instance);
  return {};
}

// Two servers of one name. They may have been started alike, and have sessions that are not.
std::vector<Difference> what_keeps_apart(const State& state, const Instance& one, const Instance& other) {
  const std::uint64_t key = state.options.hash_key;
  std::vector<Difference> found = core::differences(one.spec, other.spec, key);
  if (roots_matter(one) && roots_matter(other) && places(one) != places(other))
    found.push_back({"roots", places(one), places(other)});
  if (!found.empty()) return found;
  if (one.superseded || other.superseded)
    return {
        {"entry", one.superseded ? "as it was" : "as it is", other.superseded ? "as it was" : "as it is"}};
  const auto specs_of = [&](const Instance& instance) {
    std::vector<const core::ServerSpec*> all{&instance.spec};
    for (const SessionId id : sessions_of(state, instance)) {
      if (state.sessions.at(id).spec) all.push_back(&*state.sessions.at(id).spec);
    }
    return all;
  };
  for (const core::ServerSpec* here : specs_of(one)) {
    for (const core::ServerSpec* there : specs_of(other)) {
      if (found = core::differences(*here, *there, key); !found.empty()) return found;
    }
  }
  return found;
}

}  // namespace

std::vector<InstanceReport> Broker::instances() const {
  const State& state = *state_;
  std::vector<InstanceReport> all;
  state.instances.each([&](InstanceId /*id*/, const Instance& instance) {
    if (!instance.channel_of) all.push_back(whole_report_of(state, instance));
  });
  return all;
}

std::optional<InstanceReport> Broker::shareable(const core::ServerSpec& spec) const {
  const State& state = *state_;
  const Instance* instance = broker::shareable(state, spec);
  return instance != nullptr ? std::optional(whole_report_of(state, *instance)) : std::nullopt;
}

namespace {

std::vector<KeptReport> kept_of(const Session& session) {
  std::vector<KeptReport> all;
  for (std::size_t i = 0; i < core::kinds_of_kept; ++i) {
    const auto kind = static_cast<core::Kept>(i);
    const core::Amount amount = session.account.kept(kind);
    if (amount.objects != 0) all.push_back({kind, amount});
  }
  return all;
}

}  // namespace

std::vector<SessionReport> Broker::sessions() const {
  const State& state = *state_;
  std::vector<SessionReport> all;
  // Their clients have been told what is asked, and hold no request meanwhile.
  std::map<SessionId, std::size_t> parked;
  state.instances.each([&](InstanceId /*id*/, const Instance& instance) {
    instance.calls.newest_first(core::CallState::parked, [&](const core::Call& call) {
      ++parked[call.session];
      return true;
    });
  });
  std::map<SessionId, std::size_t> left_behind;  // Calls at servers that sessions had before.
  for (const auto& [of, remnants] : state.remnants) {
    for (const SessionId id : remnants) {
      const Session& remnant = state.sessions.at(id);
      left_behind[of] += requests_of(remnant, *state.instance_of(remnant)) + parked[id];
    }
  }
  state.sessions.each([&](SessionId id, const Session& session) {
    if (session.remnant_of) return;
    const Instance* instance = state.instance_of(session);
    all.push_back(
        {.session = id,
         .server = session.server,
         .instance = instance != nullptr && instance->channel_of ? instance->channel_of : session.instance,
         .conversation = session.instance,
         .client = session.client,
         .revision = has_spoken(session) ? std::string(proto::name_of(session.revision)) : "",
         .scope = session.scope,
         .project = session.project,
         .client_pid = session.client_pid,
         .calls = (instance != nullptr ? requests_of(session, *instance) : 0) + parked[id] + left_behind[id],
         .opened = session.opened,
         .away_since = session.away_since,
         .kept = kept_of(session)});
  });
  return all;
}

std::size_t Broker::owed(SessionId id) const {
  const State& state = *state_;
  const Session* session = state.sessions.find(id);
  if (session == nullptr) return 0;
  std::size_t count = session->phase == core::Phase::asked ? 1 : 0;
  if (const Instance* instance = state.instance_of(*session)) count += requests_of(*session, *instance);
  if (const auto left = state.remnants.find(id); left != state.remnants.end()) {
    for (const SessionId remnant : left->second) count += owed(remnant);
  }
  return count;
}

SharingReport Broker::sharing() const {
  const State& state = *state_;
  SharingReport report;
  std::vector<const Instance*> all;
  state.instances.each([&](InstanceId /*id*/, const Instance& instance) {
    if (!instance.channel_of) all.push_back(&instance);
  });
  for (const Instance* instance : all) {
    SharingReport::Group group{.instance = instance->id,
                               .name = instance->spec.name,
                               .sessions = {},
                               .ignored = {},
                               .declared = declared_to(state, *instance),
                               .undeclared = undeclared_to(state, *instance),
                               .roots = roots_shown(*instance),
                               .one_at_a_time = std::string(instance->order.because)};
    group.sessions = sessions_of(state, *instance);
    std::erase_if(group.sessions, [&](SessionId id) { return state.sessions.at(id).remnant_of.has_value(); });
    for (const SessionId id : group.sessions) {
      for (const core::Difference& difference : state.sessions.at(id).ignored) {
        if (std::ranges::find(group.ignored, difference) == group.ignored.end())
          group.ignored.push_back(difference);
      }
    }
    report.groups.push_back(std::move(group));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      if (all[i]->spec.name != all[j]->spec.name) continue;
      report.apart.push_back(
          {.one = all[i]->id, .other = all[j]->id, .because = what_keeps_apart(state, *all[i], *all[j])});
    }
  }
  return report;
}

}  // namespace broker
