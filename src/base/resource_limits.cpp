#include "base/resource_limits.h"

#include <array>
#include <charconv>
#include <cmath>

namespace base {
namespace {

struct Unit {
  char letter;
  std::uint64_t bytes;
};
constexpr std::array units = {
    Unit{'T', std::uint64_t{1} << 40},
    Unit{'G', std::uint64_t{1} << 30},
    Unit{'M', std::uint64_t{1} << 20},
    Unit{'K', std::uint64_t{1} << 10},
};

// Without zeros that say nothing: "1.5", "2".
std::string decimal(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed, 2);
  std::string shown(text.data(), end.ptr);
  while (shown.ends_with('0')) shown.pop_back();
  if (shown.ends_with('.')) shown.pop_back();
  return shown;
}

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

std::optional<std::uint64_t> memory_size(std::string_view text) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  const std::string_view rest = text.substr(1);
  if (!rest.empty() && rest != "iB" && rest != "ib") return std::nullopt;
  for (const Unit& unit : units) {
    if (upper(text.front()) != unit.letter) continue;
    const double bytes = number * static_cast<double>(unit.bytes);
    if (bytes >= static_cast<double>(std::uint64_t{1} << 62)) return std::nullopt;
    return static_cast<std::uint64_t>(bytes);
  }
  return std::nullopt;
}

std::string memory_shown(std::uint64_t bytes) {
  for (const Unit& unit : units) {
    if (bytes < unit.bytes) continue;
    return decimal(static_cast<double>(bytes) / static_cast<double>(unit.bytes)) + ' ' + unit.letter + "iB";
  }
  return std::to_string(bytes) + " B";
}

std::string shown(const ResourceLimits& limits, Resource resource) {
  switch (resource) {
    case Resource::memory:
      return limits.memory ? memory_shown(*limits.memory) + " of memory" : "";
    case Resource::cpu:
      return limits.cpu ? decimal(*limits.cpu / 1000.0) + (*limits.cpu == 1000 ? " processor" : " processors")
                        : "";
    case Resource::processes:
      return limits.processes ? std::to_string(*limits.processes) + " processes and threads" : "";
  }
  return "";
}

std::string ended_for(const ResourceLimits& limits, Resource resource) {
  const char* key = resource == Resource::memory ? "memory" : resource == Resource::cpu ? "cpu" : "processes";
  return "was ended because it used more than its limit of " + shown(limits, resource) + " (raise " + key +
         " in its limits in config.json if it needs more)";
}

std::string shown(const ResourceLimits& limits) {
  std::string all;
  for (const Resource resource : {Resource::memory, Resource::cpu, Resource::processes}) {
    const std::string one = shown(limits, resource);
    if (!one.empty()) all += (all.empty() ? "" : ", ") + one;
  }
  return all.empty() ? "none" : all;
}

}  // namespace base
