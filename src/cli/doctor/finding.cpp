#include "cli/doctor/finding.h"

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

}  // namespace cli::doctor
