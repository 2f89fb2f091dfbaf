// Something that is wrong with this machine, and what mends it: what `hearth doctor` tells of.
//
// The checks in this room are functions from facts to findings. They look at nothing themselves, so a test
// plants whatever it wants.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli::doctor {

enum class Severity : std::uint8_t {
  error,    // Something does not work.
  warning,  // It works, but not as it should, or not for long.
};
std::string_view name_of(Severity severity);

struct Finding {
  std::string id;  // Which check it comes from: "config", "socket", …; for programs.
  Severity severity = Severity::error;
  std::string what;
  std::string advice;  // What to do now: a command where there is one.
};

using Findings = std::vector<Finding>;

// From a sentence of the form "what is wrong; what to do". `otherwise` is the advice if it has no second
// half.
Finding finding_from(std::string_view id, Severity severity, std::string_view sentence,
                     std::string_view otherwise);

void append(Findings& to, Findings more);

}  // namespace cli::doctor
