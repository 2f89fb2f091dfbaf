#include "base/nearest.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace base {
namespace {

// Names are short; longer words come from somewhere else, and the work grows with the square.
constexpr std::size_t word_max = 64;

std::string plain(std::string_view word) {
  std::string out;
  for (const char c : word) {
    if (c == '_' || c == '-') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

}  // namespace

std::size_t distance(std::string_view one, std::string_view other) {
  const std::string a = plain(one);
  const std::string b = plain(other);
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > word_max) return std::nullopt;
  std::optional<std::string_view> best;
  // A third of the word may be wrong; beyond that the guess would only confuse.
  std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > word_max) continue;
    const std::size_t found = distance(word, candidate);
    if (found >= best_distance) continue;
    best_distance = found;
    best = candidate;
  }
  return best;
}

}  // namespace base
