// A broker whose dearest message is noted, and a check that plays one scene with every expensive value.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "allocations.h"
#include "expensive.h"
#include "modern_server_stage.h"
#include "modern_stage.h"

namespace test {

struct Cost {
  std::size_t message = 0;
  std::size_t peak = 0;
  std::size_t total = 0;
};

inline constexpr std::size_t costly_bytes = std::size_t{64} << 10;

// Counts what the broker takes for the dearest long message that it is given.
template <class Base>
struct Counting : Base {
  Cost worst;
  void deliver(broker::Event event) override {
    std::size_t length = 0;
    if (const auto* line = std::get_if<broker::SessionLine>(&event)) length = line->line.length;
    if (const auto* line = std::get_if<broker::InstanceLine>(&event)) length = line->line.length;
    const Allocations taken;
    this->broker.on(std::move(event), this->now);
    if (length < costly_bytes || taken.peak() < worst.peak) return;
    worst = {length, taken.peak(), taken.total()};
  }
};

using OnLegacyServer = Counting<ModernStage>;
using OnModernServer = Counting<ModernServerStage>;

inline std::string put_into(std::string text, std::string_view value) {
  for (std::size_t at = text.find('$'); at != std::string::npos; at = text.find('$', at + value.size()))
    text.replace(at, 1, value);
  return text;
}

inline void check_cost(const Cost& cost) {
  // Tables, small strings, what a first message builds.
  constexpr std::size_t slack = std::size_t{24} << 10;
  // Beside the message itself: what is sent, and texts on the way there. A tree would take fifty times as
  // much.
  constexpr std::size_t copies_at_once = 11;
  constexpr std::size_t copies_ever = 31;
  CAPTURE(static_cast<double>(cost.peak) / static_cast<double>(cost.message));
  CAPTURE(static_cast<double>(cost.total) / static_cast<double>(cost.message));
  CHECK(cost.message >= costly_bytes);
  CHECK(cost.peak <= copies_at_once * cost.message + slack);
  CHECK(cost.total <= copies_ever * cost.message + slack);
}

// play(stage, text) makes a stage hear `where` with a value in the place of each "$".
template <class Stage, class Play>
void check_costs(const std::string& where, Play play) {
  for (const Expensive& expensive : expensive_values(costly_bytes)) {
    Stage stage;
    play(stage, put_into(where, expensive.value));
    CAPTURE(where);
    CAPTURE(std::string(expensive.name));
    check_cost(stage.worst);
  }
}

}  // namespace test
