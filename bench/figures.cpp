#include "bench/figures.h"

#include <fmt/format.h>

#include <algorithm>

namespace bench {

namespace {

// Of at least one value.
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::string number(double value) {
  if (value >= 1000) return fmt::format("{:.0f}", value);
  return value >= 100 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

std::string number(std::optional<double> value) {
  return value ? number(*value) : "-";
}

std::string text_of(const Figure& figure, const Goal& goal) {
  const char* sign = goal.bound == Bound::at_most ? "<=" : ">=";
  if (goal.judged == Judged::ratio) return fmt::format("{} {:g} x", sign, goal.limit);
  return fmt::format("{} {:g} {}", sign, goal.limit, figure.unit);
}

std::string row_of(const Figure& figure) {
  return fmt::format(
      "{:<50} {:>10} {:>10} {:<9} {:>6}   {:<12} {}\n", figure.name, number(figure.direct),
      number(figure.hearth), figure.unit, figure.ratio ? fmt::format("{:.2f}", *figure.ratio) : "-",
      figure.goal ? text_of(figure, *figure.goal) : "", figure.goal ? (met(figure) ? "yes" : "NO") : "");
}

std::string json_of(std::optional<double> value) {
  return value ? fmt::format("{:.6g}", *value) : "null";
}

}  // namespace

Figure figure_of(std::string name, std::string unit, std::vector<Round> rounds, std::optional<Goal> goal) {
  std::sort(rounds.begin(), rounds.end(), [](const Round& a, const Round& b) { return a.noise < b.noise; });
  rounds.resize((rounds.size() + 1) / 2);
  std::vector<double> direct, hearth, ratios;
  for (const Round& round : rounds) {
    direct.push_back(round.direct);
    hearth.push_back(round.hearth);
    ratios.push_back(round.hearth / round.direct);
  }
  return {.name = std::move(name),
          .unit = std::move(unit),
          .direct = median(direct),
          .hearth = median(hearth),
          .ratio = median(ratios),
          .goal = goal};
}

bool met(const Figure& figure) {
  if (!figure.goal) return true;
  const double value = figure.goal->judged == Judged::ratio ? figure.ratio.value_or(0) : figure.hearth;
  return figure.goal->bound == Bound::at_most ? value <= figure.goal->limit : value >= figure.goal->limit;
}

std::string table_of(const std::vector<Figure>& figures) {
  std::string table = fmt::format("{:<50} {:>10} {:>10} {:<9} {:>6}   {:<12} {}\n", "figure", "direct",
                                  "hearth", "", "ratio", "goal", "met");
  for (const Figure& figure : figures) {
    if (figure.goal) table += row_of(figure);
  }
  table += '\n';
  for (const Figure& figure : figures) {
    if (!figure.goal) table += row_of(figure);
  }
  return table;
}

std::string json_of(const std::vector<Figure>& figures) {
  std::string text = "{\"figures\":[";
  for (const Figure& figure : figures) {
    if (&figure != &figures.front()) text += ',';
    text += fmt::format(
        R"(
  {{"name":"{}","unit":"{}","direct":{},"hearth":{},"ratio":{},"goal":{},"met":{}}})",
        figure.name, figure.unit, json_of(figure.direct), json_of(figure.hearth), json_of(figure.ratio),
        figure.goal ? fmt::format("\"{}\"", text_of(figure, *figure.goal)) : "null", met(figure));
  }
  return text + "\n]}\n";
}

}  // namespace bench
