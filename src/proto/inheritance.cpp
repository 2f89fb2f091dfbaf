#include "proto/inheritance.h"

#include <span>

namespace proto {
namespace {

// Of each list. The shim sends about fifteen; more are a mistake and would stay with the server's entry.
constexpr std::size_t entries_max = 64;

using json::Type;
using json::Value;

void write_bound(json::Writer& to, const std::optional<std::uint64_t>& bound) {
  if (bound) {
    to.number(static_cast<std::int64_t>(*bound));
  } else {
    to.null();
  }
}

// Members of the object `name` in `value`, or none.
std::span<const json::Member> members(const Value& value, std::string_view name) {
  const Value* found = value.find(name);
  if (found == nullptr || found->type != Type::object) return {};
  return std::span(found->members).first(std::min(found->members.size(), entries_max));
}

std::optional<std::uint64_t> bound_of(const Value& value) {
  const auto number = value.integer();
  if (!number || *number < 0) return {};
  return static_cast<std::uint64_t>(*number);
}

bool is_bound(const Value& value) {
  return value.type == Type::null || bound_of(value);
}

}  // namespace

void write_inheritance(json::Writer& to, const base::Inheritance& inheritance) {
  to.object();
  to.key("settings").object();
  for (const auto& [name, value] : inheritance.settings) to.key(name).number(value);
  to.end();
  to.key("limits").object();
  for (const auto& [name, limit] : inheritance.limits) {
    to.key(name).array();
    write_bound(to, limit.soft);
    write_bound(to, limit.hard);
    to.end();
  }
  to.end();
  if (!inheritance.cpus.empty()) to.key("cpus").string(inheritance.cpus);
  to.key("confines").object();
  for (const auto& [name, value] : inheritance.confines) to.key(name).string(value);
  to.end();
  to.end();
}

base::Inheritance read_inheritance(const json::Value* value) {
  base::Inheritance inheritance;
  if (value == nullptr || value->type != Type::object) return inheritance;
  for (const json::Member& member : members(*value, "settings")) {
    if (const auto number = member.value.integer()) inheritance.settings[member.key] = *number;
  }
  for (const json::Member& member : members(*value, "limits")) {
    const auto& bounds = member.value.items;
    if (bounds.size() != 2 || !is_bound(bounds[0]) || !is_bound(bounds[1])) continue;
    inheritance.limits[member.key] = {bound_of(bounds[0]), bound_of(bounds[1])};
  }
  inheritance.cpus = value->string_or("cpus", "");
  for (const json::Member& member : members(*value, "confines")) {
    if (member.value.type == Type::string) inheritance.confines[member.key] = member.value.text;
  }
  return inheritance;
}

}  // namespace proto
