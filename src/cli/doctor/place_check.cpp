#include "cli/doctor/place_check.h"

#include <array>
#include <charconv>

namespace cli::doctor {

namespace {

std::string in_octal(unsigned mode) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), mode, 8).ptr;
  return std::string(digits.data(), end).insert(0, "0");
}

}  // namespace

Findings check_place(const PlaceFacts& place) {
  Findings findings;
  if (!place.directory_trouble.empty()) {
    findings.push_back(finding_from("directory", Severity::error, place.directory_trouble,
                                    "have it removed, or set HEARTH_HOME to a directory of yours"));
    return findings;  // The rest lies below it.
  }
  for (const PlaceFacts::Open& open : place.open) {
    findings.push_back(
        {.id = "mode",
         .severity = Severity::warning,
         .what = open.path + " can be reached by other users (mode " + in_octal(open.mode) + ")",
         .advice = "'chmod " + in_octal(open.wanted) + " " + open.path + "'"});
  }
  if (place.lock == PlaceFacts::Lock::held && !place.answers) {
    findings.push_back({.id = "lock",
                        .severity = Severity::error,
                        .what = place.holder + " holds the lock " + place.lock_file +
                                ", but takes no connections on " + place.socket,
                        .advice = "'" + place.hearth + " shutdown --force' ends it and its servers"});
  } else if (place.lock != PlaceFacts::Lock::held && place.socket_exists && !place.listened) {
    findings.push_back({.id = "socket",
                        .severity = Severity::warning,
                        .what = "the socket " + place.socket + " is left from a daemon that was killed",
                        .advice = "nothing has to be done: the next session replaces it"});
  }
  return findings;
}

}  // namespace cli::doctor
