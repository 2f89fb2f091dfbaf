// What a request, or the task that it became, has come to.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

namespace core {

struct Outcome {
  bool failed = false;
  std::string raw;  // The result, or the error object: JSON, as the one who asked is to read it.

  static Outcome result(std::string raw) { return {false, std::move(raw)}; }
  static Outcome error(std::string raw) { return {true, std::move(raw)}; }

  // "\"result\":…" or "\"error\":…", as it stands in a response and in a task of 2026-07-28.
  std::string member() const { return (failed ? R"("error":)" : R"("result":)") + raw; }
  static constexpr std::size_t fields = 2;
};

}  // namespace core
