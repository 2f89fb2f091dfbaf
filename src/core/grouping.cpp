#include "core/grouping.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

#include "core/passed_on.h"
#include "core/relevance.h"
#include "core/share_key.h"

namespace core {
namespace {

struct Weight {
  bool filtered = false;
  std::vector<std::pair<std::string_view, std::string_view>> variables;  // Variables that decide.
  std::string_view roots;
};

Weight weight_of(const Member& member) {
  Weight weight{.filtered = filtered(*member.spec), .variables = {}, .roots = member.roots};
  for (const auto& [name, value] : member.spec->environment) {
    if (decides(name, *member.spec)) weight.variables.emplace_back(name, value);
  }
  return weight;
}

// The member that brings more comes first; the rest only makes the order the same each time.
bool before(const Weight& one, const Weight& other) {
  if (one.filtered != other.filtered) return other.filtered;
  if (one.variables.size() != other.variables.size()) return one.variables.size() > other.variables.size();
  if (one.variables != other.variables) return one.variables < other.variables;
  return one.roots < other.roots;
}

bool gets_on(const Member& one, const Member& other) {
  return one.roots == other.roots && get_on(*one.spec, *other.spec);
}

bool with_all(const Member& member, const std::vector<Member>& others) {
  return std::ranges::all_of(others, [&](const Member& other) { return gets_on(member, other); });
}

}  // namespace

bool may_join(const Member& started, const Member& member) {
  return started.roots == member.roots && may_share(*started.spec, *member.spec);
}

Grouping grouped(std::span<const Seat> seats, std::span<const Member> members) {
  std::vector<Weight> weights;
  for (const Member& member : members) weights.push_back(weight_of(member));
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return before(weights[a], weights[b]); });

  Grouping result;
  result.group_of.resize(members.size());
  std::vector<std::vector<Member>> groups;
  for (const Seat& seat : seats) groups.push_back(seat.staying);
  for (const std::size_t i : order) {
    std::size_t group = 0;
    while (group < groups.size()) {
      const bool runs = group < seats.size();
      const Member& started = runs ? seats[group].started : members[result.leaders[group - seats.size()]];
      const bool fits = may_join(started, members[i]);
      if (fits && with_all(members[i], groups[group])) break;
      ++group;
    }
    if (group == groups.size()) {
      groups.emplace_back();
      result.leaders.push_back(i);
    }
    groups[group].push_back(members[i]);
    result.group_of[i] = group;
  }
  return result;
}

}  // namespace core
