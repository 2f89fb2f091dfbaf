// What servers may take of the machine: "limits" of an entry and of "defaults", and "budget" for all.
//
// An entry says only what is to be otherwise than in "defaults"; null lifts a limit of these.
#include <array>
#include <charconv>
#include <cmath>

#include "app/config/config_reader.h"
#include "app/config/shown.h"

namespace app {
namespace {

constexpr auto limit_keys = std::to_array<std::string_view>({"memory", "cpu", "processes"});
constexpr auto budget_keys = std::to_array<std::string_view>({"memory", "pressure"});

// Less holds no program that speaks MCP; more is a slip of the pen.
constexpr std::uint64_t memory_min = std::uint64_t{1} << 20;
constexpr std::uint64_t memory_max = std::uint64_t{1} << 50;
// The kernel's own bounds: a hundredth of a processor, and the most ids that processes can have.
constexpr double cpu_min = 0.01;
constexpr double cpu_max = 4096;
constexpr std::int64_t processes_max = 4'194'304;

std::optional<double> number_of(const Value& value) {
  double number = 0;
  const auto [end, error] = std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
  const bool whole = error == std::errc() && end == value.text.data() + value.text.size();
  if (value.type != Type::number || !whole || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> bytes_of(const Value& value) {
  if (value.type == Type::string) return base::memory_size(value.text);
  const auto number = value.integer();
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

}  // namespace

std::optional<std::optional<std::uint64_t>> ConfigReader::memory(const Value& value) {
  if (value.type == Type::null) return std::optional<std::uint64_t>();
  const auto bytes = bytes_of(value);
  if (bytes && *bytes >= memory_min && *bytes <= memory_max) return bytes;
  error(value.at, "memory of " + owner_ +
                      " must be an amount from 1M to 1024T, like \"512M\" or \"1.5G\" (K, M, G and T are "
                      "powers of 1024), or a whole number of bytes, or null for no limit");
  return std::nullopt;
}

void ConfigReader::limits(const Value& object, base::ResourceLimits& into) {
  if (!is(object, Type::object, "limits", R"({"memory": "1G", "cpu": 1.5, "processes": 200})")) return;
  const std::string outside = owner_;
  owner_ = "limits of " + outside;
  keys(object, limit_keys);
  if (const Value* found = object.find("memory")) {
    if (const auto bytes = memory(*found)) into.memory = *bytes;
  }
  if (const Value* found = object.find("cpu")) {
    const auto number = number_of(*found);
    if (found->type == Type::null) {
      into.cpu.reset();
    } else if (number && *number >= cpu_min && *number <= cpu_max) {
      into.cpu = static_cast<std::uint32_t>(std::lround(*number * 1000));
    } else {
      error(found->at,
            "cpu of " + owner_ +
                " must be a number of processors from 0.01 to 4096, like 1.5, or null for no limit");
    }
  }
  if (const Value* found = object.find("processes")) {
    const auto number = found->integer();
    if (found->type == Type::null) {
      into.processes.reset();
    } else if (number && *number >= 1 && *number <= processes_max) {
      into.processes = static_cast<std::uint32_t>(*number);
    } else {
      error(found->at, "processes of " + owner_ + " must be a whole number from 1 to " +
                           std::to_string(processes_max) + ", like 200, or null for no limit");
    }
  }
  owner_ = outside;
}

void ConfigReader::budget(const Value& object) {
  owner_ = "budget";
  keys(object, budget_keys);
  if (const Value* found = object.find("memory")) {
    if (const auto bytes = memory(*found)) config_.budget.memory = *bytes;
  }
  if (const Value* found = object.find("pressure")) {
    if (is(*found, Type::boolean, "pressure", "false")) config_.budget.pressure = found->boolean;
  }
}

}  // namespace app
