// Where sessions belong among the servers that run.
//
// Sessions that have made no call yet, and those whose roots are not those of their server, are distributed
// anew when somebody comes or something is learnt (core/grouping.h says how); the others stay. A session that
// is being asked for its roots is a guest where it is: it belongs nowhere until they are known.
#include <algorithm>

#include "broker/sessions/sessions.h"
#include "core/grouping.h"
#include "core/share_key.h"

namespace broker {
namespace {

using core::Instance;
using core::Member;
using core::Seat;
using core::Session;

// A session that is asked for its roots belongs nowhere yet, and stays where it is.
bool is_guest(const Session& session, bool roots_count) {
  return roots_count && session.phase != core::Phase::fresh && !session.roots && session.capabilities.roots;
}

std::string roots_name(const Session& session, bool roots_count) {
  if (!roots_count) return {};
  if (session.roots) return session.roots->name;
  const bool modern = session.phase == core::Phase::fresh;
  const bool has = modern ? session.modern_capabilities.roots : session.capabilities.roots;
  return has ? "not asked for" : core::no_roots().name;
}

std::string roots_name(const Instance& instance, bool roots_count) {
  if (!roots_count) return {};
  return instance.common_roots ? instance.common_roots->name : "not asked for";
}

const core::ServerSpec& spec_of(const Session& session, const Instance& instance) {
  return session.spec ? *session.spec : instance.spec;
}

// Sessions of what people see as one server: its own, or those of its conversations.
template <class Visit>
void each_session(State& state, const Instance& instance, Visit&& visit) {
  for (const SessionId id : instance.sessions) visit(state.sessions.at(id));
  for (const InstanceId channel : instance.channels) {
    for (const SessionId id : state.instances.at(channel).sessions) visit(state.sessions.at(id));
  }
}

bool open_to_others(const Instance& instance, const core::ServerSpec& spec) {
  if (instance.superseded) return false;
  const bool wanted =
      instance.spec.interactive == core::Interactive::split || spec.interactive == core::Interactive::split;
  // What it would do with roots that it never asked for is known for its own session only.
  if (instance.talk.roots.outlived) return false;
  return !(instance.interactive && wanted) || instance.sessions.empty();
}

// Started for a session like that, and still the place of such sessions.
bool is_home_of(State& state, const Instance& instance, const core::ServerSpec& spec) {
  if (!core::alike(instance.spec, spec)) return false;
  bool found = instance.sessions.empty() && instance.channels.empty();
  each_session(state, instance, [&](const Session& session) { found |= !session.spec; });
  return found;
}

// Everything that runs for the same program, arguments, scope and directories, and the sessions that could be
// elsewhere among it.
struct Table {
  std::vector<InstanceId> fixed;                 // Servers that have somebody who stays,
  std::vector<Seat> seats;                       // and what they are.
  std::vector<InstanceId> loose;                 // The others.
  std::vector<Member> members;                   // Sessions that could be elsewhere,
  std::vector<std::vector<SessionId>> sessions;  // each for all sessions that are like it.
};

bool stays(const Session& session, const Instance& instance, const core::ServerSpec& spec, bool roots_count) {
  if (instance.spec.link != core::Link::stdio || is_guest(session, roots_count)) return true;
  if (session.next || session.remnant_of) return true;
  const bool at_home = !roots_count || roots_name(session, true) == roots_name(instance, true);
  return at_home &&
         (session.has_called || !open_to_others(instance, instance.spec) || !open_to_others(instance, spec));
}

void add_server(State& state, Table& table, const Instance& instance, const core::ServerSpec& spec) {
  const bool count = roots_matter(instance);
  Seat seat{{&instance.spec, roots_name(instance, count)}, {}};
  const std::size_t before = table.members.size();
  const auto like = [](const Member& one, const Member& other) {
    return one.roots == other.roots && (one.spec == other.spec || core::alike(*one.spec, *other.spec));
  };
  each_session(state, instance, [&](Session& session) {
    Member member{&spec_of(session, instance), roots_name(session, count)};
    const auto is_like = [&](const Member& other) { return like(member, other); };
    if (stays(session, instance, spec, count)) {
      session.unsettled = false;
      const bool one_more = !is_guest(session, count) && std::ranges::none_of(seat.staying, is_like);
      if (one_more) seat.staying.push_back(std::move(member));
      return;
    }
    const auto first = table.members.begin() + static_cast<std::ptrdiff_t>(before);
    const auto found = std::find_if(first, table.members.end(), is_like);
    if (found != table.members.end())
      return table.sessions[static_cast<std::size_t>(found - table.members.begin())].push_back(session.id);
    table.members.push_back(std::move(member));
    table.sessions.push_back({session.id});
  });
  if (seat.staying.empty()) {
    table.loose.push_back(instance.id);
  } else if (open_to_others(instance, spec)) {
    table.fixed.push_back(instance.id);
    table.seats.push_back(std::move(seat));
  }
}

Table table_of(State& state, const core::ServerSpec& spec) {
  std::vector<const Instance*> servers;
  state.instances.each([&](InstanceId /*id*/, const Instance& instance) {
    if (!instance.channel_of && core::same_but_environment(instance.spec, spec)) servers.push_back(&instance);
  });
  std::ranges::sort(servers, {}, &Instance::number);
  Table table;
  for (const Instance* server : servers) add_server(state, table, *server, spec);
  return table;
}

// Everybody of the group could be at the server.
bool suits(const Instance& server, const Table& table, const core::Grouping& grouping, std::size_t group) {
  const Member started{&server.spec, roots_name(server, roots_matter(server))};
  for (std::size_t i = 0; i < table.members.size(); ++i) {
    if (grouping.group_of[i] != group) continue;
    if (!open_to_others(server, *table.members[i].spec) || !core::may_join(started, table.members[i]))
      return false;
  }
  return true;
}

bool holds(const State& state, InstanceId server, const Table& table, const core::Grouping& grouping,
           std::size_t group) {
  for (std::size_t i = 0; i < table.members.size(); ++i) {
    if (grouping.group_of[i] != group) continue;
    for (const SessionId id : table.sessions[i]) {
      if (state.sessions.at(id).instance == server) return true;
    }
  }
  return false;
}

// Where each of the groups is to be: a server that runs, or none yet. Best one that has somebody of it.
std::vector<std::optional<InstanceId>> servers_of(const State& state, const Table& table,
                                                  const core::Grouping& grouping) {
  std::vector<std::optional<InstanceId>> servers(table.fixed.begin(), table.fixed.end());
  servers.resize(table.seats.size() + grouping.leaders.size());
  std::vector<InstanceId> free = table.loose;
  const auto choose = [&](std::size_t group, bool its_own) {
    const auto found = std::ranges::find_if(free, [&](InstanceId id) {
      return (!its_own || holds(state, id, table, grouping, group)) &&
             suits(state.instances.at(id), table, grouping, group);
    });
    if (found == free.end()) return;
    servers[group] = *found;
    free.erase(found);
  };
  for (std::size_t group = table.seats.size(); group < servers.size(); ++group) choose(group, true);
  for (std::size_t group = table.seats.size(); group < servers.size(); ++group) {
    if (!servers[group]) choose(group, false);
  }
  return servers;
}

// Some of it could be in another group now.
void regroup(State& state, InstanceId of) {
  const core::ServerSpec spec = state.instances.at(of).spec;
  const Table table = table_of(state, spec);
  const core::Grouping grouping = core::grouped(table.seats, table.members);
  std::vector<std::optional<InstanceId>> servers = servers_of(state, table, grouping);
  // Specifications of sessions that move are not where the table has them any more.
  std::vector<core::ServerSpec> leaders;
  for (const std::size_t leader : grouping.leaders) leaders.push_back(*table.members[leader].spec);
  for (std::size_t i = 0; i < table.members.size(); ++i) {
    std::optional<InstanceId>& target = servers[grouping.group_of[i]];
    for (const SessionId id : table.sessions[i]) {
      Session& session = state.sessions.at(id);
      session.unsettled = target != session.instance;
      if (!session.unsettled || !movable(state, session, state.instances.at(*session.instance))) continue;
      if (target && state.instances.find(*target) == nullptr) target.reset();  // Its last one has moved away.
      if (!target) target = create(state, leaders[grouping.group_of[i] - table.seats.size()]).id;
      move(state, session, *target);
    }
  }
}

}  // namespace

const Instance* shareable(const State& state, const core::ServerSpec& spec) {
  const Instance* found = nullptr;
  state.instances.each([&](InstanceId /*id*/, const Instance& instance) {
    if (instance.channel_of || !open_to_others(instance, spec) || !core::may_share(instance.spec, spec))
      return;
    if (found == nullptr || instance.number < found->number) found = &instance;
  });
  return found;
}

Instance& server_for(State& state, const Session& session) {
  const core::ServerSpec& spec = *session.spec;
  const Instance* found = nullptr;
  std::size_t others = 0;
  bool count = spec.cares_for_roots && spec.roots == core::RootsRule::equal;
  state.instances.each([&](InstanceId /*id*/, const Instance& instance) {
    if (instance.channel_of || !open_to_others(instance, spec) ||
        !core::same_but_environment(instance.spec, spec))
      return;
    ++others;
    const bool matter = roots_matter(instance);
    count |= matter;
    const bool guest = is_guest(session, matter);
    const bool blank = instance.sessions.empty() && !instance.common_roots;
    if (!guest && !blank && roots_name(session, matter) != roots_name(instance, matter)) return;
    if (!(guest ? core::may_share(instance.spec, spec) : is_home_of(state, instance, spec))) return;
    if (found == nullptr || instance.number < found->number) found = &instance;
  });
  if (found != nullptr) return state.instances.at(found->id);
  if (others == 0) return create(state, spec);
  Table table = table_of(state, spec);
  table.members.push_back({&spec, roots_name(session, count)});
  table.sessions.push_back({session.id});
  const core::Grouping grouping = core::grouped(table.seats, table.members);
  const auto servers = servers_of(state, table, grouping);
  const std::optional<InstanceId> target = servers[grouping.group_of.back()];
  Instance& instance =
      target ? state.instances.at(*target)
             : create(state,
                      *table.members[grouping.leaders[grouping.group_of.back() - table.seats.size()]].spec);
  reconsider(state, instance);
  return instance;
}

void settle_places(State& state) {
  if (state.leaving) state.to_settle.clear();  // The next daemon will find them places.
  settle_remnants(state);
  if (!state.leaving) take_up_specs(state);
  // Each move may show that somebody else belongs elsewhere; it comes to an end, as the groups do.
  constexpr int rounds_most = 8;
  for (int round = 0; round < rounds_most && !state.to_settle.empty(); ++round) {
    for (const InstanceId id : std::exchange(state.to_settle, {})) {
      if (state.instances.find(id) != nullptr) regroup(state, id);
    }
  }
}

}  // namespace broker
