#include "record/names.h"

#include <iterator>

namespace record {
namespace {

// In the order of their bytes, and all behind the full stop, with which placeholders are filled.
constexpr std::string_view name_digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
constexpr std::size_t name_max = 200;

// A name above `low` and below `high`, which is empty where there is no bound. Its last digit is not the
// lowest, so that there is always room below it.
std::string between(std::string_view low, std::string_view high) {
  std::string name;
  bool bounded = !high.empty();
  for (std::size_t i = 0;; ++i) {
    const std::size_t from = i < low.size() ? name_digits.find(low[i]) : 0;
    const std::size_t to = bounded && i < high.size() ? name_digits.find(high[i]) : name_digits.size();
    const std::size_t middle = (from + to) / 2;
    if (middle > from) return name + name_digits[middle];
    name += name_digits[from];
    if (to > from) bounded = false;
  }
}

}  // namespace

std::string_view Names::of(std::string_view text) {
  const auto at = names_.lower_bound(text);
  if (at != names_.end() && at->first == text) return at->second;
  if (names_.size() >= names_max || text.size() > text_max) return {};
  const std::string_view low = at == names_.begin() ? std::string_view() : std::prev(at)->second;
  const std::string_view high = at == names_.end() ? std::string_view() : at->second;
  std::string name = between(low, high);
  if (name.size() > name_max) return {};
  return names_.emplace_hint(at, text, std::move(name))->second;
}

}  // namespace record
