#include "record/names.h"

#include <iterator>

namespace record {
namespace {

// In the order of their bytes, and all behind the full stop, with which placeholders are filled, and behind
// what separates the parts of an address.
constexpr std::string_view name_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
constexpr std::size_t capitals = 26;
constexpr std::size_t name_max = 200;

// The shortest name above `low` and below `high`, which is empty where there is no bound. Its last digit is
// not the lowest, so that there is always room below it.
std::string between(std::string_view low, std::string_view high) {
  std::string name;
  bool bounded = !high.empty();
  for (std::size_t i = 0;; ++i) {
    const std::size_t from = i < low.size() ? name_digits.find(low[i]) : 0;
    const std::size_t top = i == 0 ? capitals : name_digits.size();
    const std::size_t to = bounded && i < high.size() ? name_digits.find(high[i]) : top;
    const std::size_t middle = (from + to) / 2;
    if (middle > from) return name + name_digits[middle];
    if (to > from && bounded && i + 1 < high.size()) return name + name_digits[to];
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

std::string_view ShortNames::of(std::string_view text, std::string_view prefix, std::uint64_t hash) {
  constexpr int tries_most = 4096;
  if (const auto known = names_.find(text); known != names_.end()) return known->second;
  if (names_.size() >= names_max) return {};
  for (int i = 0; i < tries_most; ++i, ++hash) {
    std::string name(prefix);
    for (std::uint64_t rest = hash; name.size() < text.size(); rest /= alphabet_.size())
      name += alphabet_[rest % alphabet_.size()];
    if (usable_(name) && given_.insert(name).second)
      return names_.emplace(text, std::move(name)).first->second;
  }
  return {};
}

}  // namespace record
