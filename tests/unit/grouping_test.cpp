#include "core/grouping.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

using core::Grouping;
using core::Member;
using core::ServerSpec;

ServerSpec with(std::map<std::string, std::string> environment) {
  ServerSpec spec;
  spec.program = "/bin/s";
  spec.scope = core::Scope::user;
  spec.environment = std::move(environment);
  return spec;
}

// Sessions by name; the name of the first letter's group is the set of all names in it.
using Groups = std::set<std::set<char>>;

Groups groups_of(const std::map<char, ServerSpec>& specs, const std::string& order) {
  std::vector<Member> members;
  for (const char name : order) members.push_back({&specs.at(name), {}});
  const Grouping grouping = core::grouped({}, members);
  std::map<std::size_t, std::set<char>> found;
  for (std::size_t i = 0; i < order.size(); ++i) found[grouping.group_of[i]].insert(order[i]);
  Groups groups;
  for (const auto& [group, names] : found) groups.insert(names);
  return groups;
}

void same_in_any_order(const std::map<char, ServerSpec>& specs, const Groups& expected) {
  std::string order;
  for (const auto& [name, spec] : specs) order += name;
  do {
    CAPTURE(order);
    CHECK(groups_of(specs, order) == expected);
  } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("grouping: a client that passes little on joins one that brings more, in any order") {
  same_in_any_order({{'f', with({{"PATH", "/bin"}})}, {'r', with({{"EDITOR", "vi"}, {"GITHUB_TOKEN", "t"}})}},
                    {{'f', 'r'}});
}

TEST_CASE("grouping: where unset is meant, unset and set are apart") {
  same_in_any_order({{'u', with({{"EDITOR", "vi"}})}, {'r', with({{"EDITOR", "vi"}, {"GITHUB_TOKEN", "t"}})}},
                    {{'u'}, {'r'}});
}

TEST_CASE("grouping: a session that could join two groups joins the same one each time") {
  const std::map<char, ServerSpec> specs = {{'f', with({{"PATH", "/bin"}})},
                                            {'g', with({{"PATH", "/usr/bin"}})},
                                            {'a', with({{"EDITOR", "vi"}, {"GITHUB_TOKEN", "a"}})},
                                            {'b', with({{"EDITOR", "vi"}, {"GITHUB_TOKEN", "b"}})},
                                            {'u', with({{"EDITOR", "vi"}})}};
  same_in_any_order(specs, groups_of(specs, "fgabu"));
  CHECK(groups_of(specs, "fgabu").size() == 3);
}

TEST_CASE("grouping: keys of models") {
  const std::map<char, ServerSpec> specs = {{'n', with({{"EDITOR", "vi"}})},
                                            {'a', with({{"EDITOR", "vi"}, {"OPENAI_API_KEY", "a"}})},
                                            {'b', with({{"EDITOR", "vi"}, {"OPENAI_API_KEY", "b"}})},
                                            {'c', with({{"EDITOR", "vi"}, {"ANTHROPIC_API_KEY", "c"}})}};
  same_in_any_order(specs, groups_of(specs, "nabc"));
  CHECK(groups_of(specs, "nabc").size() == 2);
}

TEST_CASE("grouping: no process serves two that each bring what the other lacks") {
  same_in_any_order({{'a', with({{"PATH", "/bin"}, {"GITHUB_TOKEN", "t"}})},
                     {'b', with({{"PATH", "/bin"}, {"ACME_URL", "u"}})}},
                    {{'a'}, {'b'}});
}

TEST_CASE("grouping: a session that stays keeps others out, and a process is what it was started with") {
  const ServerSpec poor = with({{"PATH", "/bin"}});
  const ServerSpec rich = with({{"EDITOR", "vi"}, {"GITHUB_TOKEN", "t"}});
  const core::Seat seat{{&poor, {}}, {{&poor, {}}}};
  CHECK(core::grouped(std::vector{seat}, std::vector<Member>{{&rich, {}}}).group_of.at(0) == 1);
  CHECK(core::grouped(std::vector{seat}, std::vector<Member>{{&poor, {}}}).group_of.at(0) == 0);
}

TEST_CASE("grouping: roots have to be equal") {
  const ServerSpec spec = with({{"EDITOR", "vi"}});
  const std::vector<Member> members = {{&spec, "a"}, {&spec, "b"}, {&spec, "a"}};
  const Grouping grouping = core::grouped({}, members);
  CHECK(grouping.group_of[0] == grouping.group_of[2]);
  CHECK(grouping.group_of[0] != grouping.group_of[1]);
}

}  // namespace
