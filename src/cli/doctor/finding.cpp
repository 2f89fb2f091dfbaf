#include "cli/doctor/finding.h"

#include <array>
#include <iterator>
#include <utility>

namespace cli::doctor {

std::string_view name_of(Severity severity) {
  return severity == Severity::error ? "error" : "warning";
}

Finding finding_from(std::string_view id, Severity severity, std::string_view sentence,
                     std::string_view otherwise) {
  constexpr std::string_view between = "; ";
  const std::size_t at = sentence.find(between);
  const bool has_both = at != std::string_view::npos;
  return {.id = std::string(id),
          .severity = severity,
          .what = std::string(sentence.substr(0, at)),
          .advice = std::string(has_both ? sentence.substr(at + between.size()) : otherwise)};
}

void append(Findings& to, Findings more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Findings for_home(Findings findings, std::string_view home) {
  if (home.empty()) return findings;
  const std::string with_home = "'hearth --home " + std::string(home) + " ";
  constexpr std::string_view plain = "'hearth ";
  constexpr std::array<std::string_view, 3> commands = {"shutdown", "logs ", "restart "};
  for (Finding& finding : findings) {
    std::string& advice = finding.advice;
    for (std::size_t at = advice.find(plain); at != std::string::npos; at = advice.find(plain, at + 1)) {
      const std::string_view rest = std::string_view(advice).substr(at + plain.size());
      for (const std::string_view command : commands) {
        if (!rest.starts_with(command)) continue;
        advice.replace(at, plain.size(), with_home);
        break;
      }
    }
  }
  return findings;
}

}  // namespace cli::doctor
