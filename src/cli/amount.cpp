#include "cli/amount.h"

#include <array>
#include <cstdio>

namespace cli {

namespace {

std::string decimal(double amount, const char* unit) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), amount < 100 ? "%.1f %s" : "%.0f %s", amount, unit);
  return text.data();
}

}  // namespace

std::string bytes_shown(std::int64_t bytes) {
  const auto amount = static_cast<double>(bytes);
  if (bytes < 1024) return std::to_string(bytes) + " B";
  if (bytes < (std::int64_t{1} << 20)) return decimal(amount / 1024, "KiB");
  if (bytes < (std::int64_t{1} << 30)) return decimal(amount / (1 << 20), "MiB");
  return decimal(amount / (1 << 30), "GiB");
}

std::string milliseconds_shown(std::int64_t milliseconds) {
  if (milliseconds < 1000) return std::to_string(milliseconds) + " ms";
  const std::int64_t seconds = milliseconds / 1000;
  if (seconds < 60) return std::to_string(seconds) + " s";
  const std::int64_t minutes = seconds / 60;
  if (minutes < 60) {
    const std::int64_t rest = seconds % 60;
    return std::to_string(minutes) + " min" + (rest == 0 ? "" : " " + std::to_string(rest) + " s");
  }
  const std::int64_t hours = minutes / 60;
  if (hours < 24) {
    const std::int64_t rest = minutes % 60;
    return std::to_string(hours) + " h" + (rest == 0 ? "" : " " + std::to_string(rest) + " min");
  }
  const std::int64_t rest = hours % 24;
  return std::to_string(hours / 24) + " d" + (rest == 0 ? "" : " " + std::to_string(rest) + " h");
}

std::string counted(std::int64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace cli
