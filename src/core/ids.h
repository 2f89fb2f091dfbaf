// The names by which everything in the pure half refers to everything else.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/slot_map.h"

namespace core {

using SessionId = base::Id<struct SessionTag>;
using InstanceId = base::Id<struct InstanceTag>;

// Given out in order, from 1, and never twice. Numbers of different things do not mix, and none is made of a
// bare integer by accident: an optional that is assigned 0 would be a call, not none.
template <class Tag>
struct Number {
  std::int64_t value = 0;  // 0: not given out yet.

  constexpr Number() = default;
  constexpr explicit Number(std::int64_t given) : value(given) {}
  auto operator<=>(const Number&) const = default;

  Number& operator++() {
    ++value;
    return *this;
  }
  Number operator++(int) { return Number(value++); }
  std::string text() const { return std::to_string(value); }
  static constexpr std::size_t fields = 1;
};

// By which a server knows the call (core/call_table.h). A listen is a call.
using CallId = Number<struct CallTag>;
using AskId = Number<struct AskTag>;  // By which a client knows a question, within its session.
using ParkId = Number<struct ParkTag>;

}  // namespace core
