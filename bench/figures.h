// What was measured, and whether it is good enough.
//
// A figure has a value for the direct pipe and one for the way through Hearth. On a machine that others use
// too only their ratio, taken from neighbouring moments, means much; goals are set on it where there is one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bench {

enum class Bound : std::uint8_t { at_most, at_least };
enum class Judged : std::uint8_t { ratio, value };

struct Goal {
  Bound bound = Bound::at_most;
  double limit = 0;
  Judged judged = Judged::ratio;
};

struct Figure {
  std::string name;
  std::string unit;
  std::optional<double> direct;  // Absent where there is nothing to compare with.
  double hearth = 0;
  std::optional<double> ratio;  // hearth / direct: the median of the rounds' ratios.
  std::optional<Goal> goal;
};

// One figure, measured both ways in neighbouring moments, and how much other work the machine did meanwhile.
struct Round {
  double direct = 0, hearth = 0;
  double noise = 0;  // In any unit, if it is the same for all rounds.
};

// The quieter half of the rounds counts.
Figure figure_of(std::string name, std::string unit, std::vector<Round> rounds,
                 std::optional<Goal> goal = {});
bool met(const Figure& figure);

// Figures with goals come first.
std::string table_of(const std::vector<Figure>& figures);
std::string json_of(const std::vector<Figure>& figures);

}  // namespace bench
