// Which sessions of one server share a process, whoever came first.
//
// Sessions that get on are not always of one group: one that passes little on gets on with two that bring
// different credentials. So they are taken in an order of their own, those that bring most first, and each
// joins the first group in which it gets on with everybody. The same sessions in any order of arrival come to
// the same groups, as long as none has to stay where it is.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/server_spec.h"

namespace core {

struct Member {
  const ServerSpec* spec = nullptr;
  std::string roots;  // What has to be equal beside the specification; empty where it does not matter.
};

// A process whose environment and roots are what they are.
struct Seat {
  Member started;               // What it was started with.
  std::vector<Member> staying;  // Sessions that cannot leave it.
};

struct Grouping {
  std::vector<std::size_t> group_of;  // By member: a seat, or seats.size() and up for a new group.
  std::vector<std::size_t> leaders;   // Of the new groups: the member whose specification starts its process.
};

Grouping grouped(std::span<const Seat> seats, std::span<const Member> members);

// May the member join a process that was started so?
bool may_join(const Member& started, const Member& member);

}  // namespace core
