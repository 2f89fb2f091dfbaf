#include "app/api/api.h"

#include <unistd.h>

#include <algorithm>

#include "base/version.h"
#include "proto/json.h"

namespace app {
namespace {

using proto::json::Writer;

std::int64_t milliseconds(base::Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::int64_t number(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

// As config.json would have it: thousandths of a processor as a decimal.
std::string decimal(std::uint32_t thousandths) {
  std::string text = std::to_string(thousandths / 1000);
  if (thousandths % 1000 == 0) return text;
  text += '.' + std::to_string(thousandths % 1000 + 1000).substr(1);
  while (text.ends_with('0')) text.pop_back();
  return text;
}

void write_limits(Writer& json, const base::ResourceLimits& limits, const Whereabouts& whereabouts) {
  json.key("limits").object();
  if (limits.memory) json.key("memoryBytes").number(number(*limits.memory));
  if (limits.cpu) json.key("cpu").raw(decimal(*limits.cpu));
  if (limits.processes) json.key("processes").number(*limits.processes);
  json.end();
  json.key("limitsNotKept").array();
  if (whereabouts.not_kept) {
    for (const std::string& sentence : whereabouts.not_kept(limits)) json.string(sentence);
  }
  json.end();
}

std::int64_t public_id(core::SessionId id) {
  return (static_cast<std::int64_t>(id.index) << 20) + id.generation;
}

void write_server(Writer& json, const broker::InstanceReport& report, const Whereabouts& whereabouts,
                  std::uint64_t memory) {
  json.object();
  json.key("name").string(report.name);
  json.key("instance").number(number(report.number));
  json.key("state").string(report.state);
  json.key("pid").number(report.pid);
  json.key("sessions").number(number(report.sessions));
  json.key("calls").number(number(report.calls));
  json.key("waiting").number(number(report.waiting));
  json.key("callsTotal").number(number(report.calls_total));
  json.key("fromCache").number(number(report.from_cache));
  json.key("merged").number(number(report.merged));
  json.key("restarts").number(report.restarts);
  json.key("failures").number(report.failures);
  json.key("refusedCalls").array();
  for (const core::Suspect& call : report.refused_calls) {
    json.object();
    json.key("tool").string(call.tool);
    json.key("deaths").number(call.deaths);
    json.key("refused").number(call.refused);
    json.end();
  }
  json.end();
  json.key("memoryBytes").number(number(memory));
  json.key("uptimeMs").number(report.started ? milliseconds(whereabouts.now - *report.started) : 0);
  json.key("command").array();
  json.string(report.program);
  for (const std::string& arg : report.args) json.string(arg);
  json.end();
  json.key("scope").string(core::name_of(report.scope));
  json.key("scopeDirectory").string(report.scope_directory);
  json.key("serverVersion").string(report.server_version);
  json.key("revision").string(report.revision);
  json.key("interactive").boolean(report.interactive);
  json.key("oneAtATime").string(report.one_at_a_time);
  json.key("trouble").string(report.trouble);
  json.key("dropped").number(number(report.dropped));
  if (report.limits.any()) write_limits(json, report.limits, whereabouts);
  json.end();
}

void write_session(Writer& json, const broker::SessionReport& report, std::uint64_t instance,
                   base::Instant now) {
  json.object();
  json.key("id").number(public_id(report.session));
  json.key("server").string(report.server);
  json.key("instance").number(number(instance));
  json.key("client").string(report.client);
  json.key("revision").string(report.revision);
  json.key("scope").string(core::name_of(report.scope));
  json.key("project").string(report.project);
  json.key("pid").number(report.client_pid);
  json.key("calls").number(number(report.calls));
  json.key("ageMs").number(milliseconds(now - report.opened));
  if (report.away_since) json.key("awayMs").number(milliseconds(now - *report.away_since));
  json.key("kept").array();
  for (const auto& [kind, amount] : report.kept) {
    json.object();
    json.key("what").string(core::name_of(kind));
    json.key("count").number(number(amount.objects));
    json.key("bytes").number(number(amount.bytes));
    json.end();
  }
  json.end();
  json.end();
}

void write_sharer(Writer& json, const broker::SessionReport& session) {
  json.object();
  json.key("id").number(public_id(session.session));
  json.key("server").string(session.server);
  json.key("client").string(session.client);
  json.key("project").string(session.project);
  json.end();
}

void write_differences(Writer& json, std::string_view key,
                       const std::vector<broker::Difference>& differences) {
  json.key(key).array();
  for (const broker::Difference& difference : differences) {
    json.object();
    json.key("what").string(difference.what);
    json.key("here").string(difference.here);
    json.key("there").string(difference.there);
    json.end();
  }
  json.end();
}

}  // namespace

std::uint64_t MemoryUse::of(broker::InstanceId id) const {
  for (const auto& [instance, bytes] : servers) {
    if (instance == id) return bytes;
  }
  return 0;
}

std::string status_json(const broker::Broker& broker, const Whereabouts& whereabouts,
                        const MemoryUse& memory) {
  Writer json;
  json.object();
  json.key("daemon").object();
  json.key("pid").number(getpid());
  json.key("version").string(base::version);
  json.key("uptimeMs").number(milliseconds(whereabouts.now - whereabouts.started));
  json.key("memoryBytes").number(number(memory.daemon));
  json.key("home").string(whereabouts.home);
  json.key("startedBy").string(whereabouts.started_by);
  json.key("upgrades").number(static_cast<std::int64_t>(whereabouts.upgrades));
  if (whereabouts.budget) {
    std::uint64_t used = 0;
    for (const auto& [id, bytes] : memory.servers) used += bytes;
    json.key("budget").object();
    json.key("memoryBytes").number(number(*whereabouts.budget));
    json.key("usedBytes").number(number(used));
    json.end();
  }
  if (whereabouts.port != 0) {
    json.key("port").number(whereabouts.port);
    json.key("url").string(whereabouts.url);
  }
  json.end();
  json.key("servers").array();
  const std::vector<broker::InstanceReport> instances = broker.instances();
  for (const broker::InstanceReport& report : instances) {
    write_server(json, report, whereabouts, memory.of(report.instance));
  }
  json.end();
  json.key("sessions").array();
  for (const broker::SessionReport& report : broker.sessions()) {
    const auto uses = std::ranges::find(instances, report.instance, &broker::InstanceReport::instance);
    write_session(json, report, uses == instances.end() ? 0 : uses->number, whereabouts.now);
  }
  json.end();
  json.key("complaints").array();
  for (const std::string& complaint : whereabouts.complaints) json.string(complaint);
  json.end();
  json.end();
  return json.text();
}

std::string why_json(const broker::Broker& broker, const std::optional<std::string>& name) {
  const std::vector<broker::InstanceReport> instances = broker.instances();
  const std::vector<broker::SessionReport> sessions = broker.sessions();
  const broker::SharingReport sharing = broker.sharing();
  const auto instance_of = [&](core::InstanceId id) {
    return std::ranges::find(instances, id, &broker::InstanceReport::instance);
  };
  // Sessions may call a server otherwise than the one that started it did.
  const auto used_as = [&](core::InstanceId id) {
    return std::ranges::any_of(sessions, [&](const broker::SessionReport& session) {
      return session.instance == id && session.server == *name;
    });
  };
  const auto wanted = [&](core::InstanceId id) {
    const auto found = instance_of(id);
    return found != instances.end() && (!name || found->name == *name || used_as(id));
  };
  Writer json;
  json.object();
  json.key("groups").array();
  for (const broker::SharingReport::Group& group : sharing.groups) {
    if (!wanted(group.instance)) continue;
    json.object();
    json.key("instance").number(number(instance_of(group.instance)->number));
    json.key("name").string(group.name);
    json.key("sessions").array();
    for (const core::SessionId id : group.sessions) {
      const auto session = std::ranges::find(sessions, id, &broker::SessionReport::session);
      write_sharer(json, *session);
    }
    json.end();
    write_differences(json, "ignored", group.ignored);
    const auto names = [&](std::string_view key, const std::vector<std::string>& all) {
      json.key(key).array();
      for (const std::string& one : all) json.string(one);
      json.end();
    };
    names("declared", group.declared);
    names("undeclared", group.undeclared);
    json.key("roots").string(group.roots);
    json.key("oneAtATime").string(group.one_at_a_time);
    json.end();
  }
  json.end();
  json.key("unplaced").array();
  for (const broker::SessionReport& session : sessions) {
    if (session.instance || (name && session.server != *name)) continue;
    write_sharer(json, session);
  }
  json.end();
  json.key("apart").array();
  for (const broker::SharingReport::Apart& apart : sharing.apart) {
    if (!wanted(apart.one) && !wanted(apart.other)) continue;
    json.object();
    json.key("one").number(number(instance_of(apart.one)->number));
    json.key("other").number(number(instance_of(apart.other)->number));
    write_differences(json, "because", apart.because);
    json.end();
  }
  json.end();
  json.end();
  return json.text();
}

}  // namespace app
