#include "cli/table.h"

#include <algorithm>

#include "base/ensure.h"

namespace cli {

namespace {

constexpr std::size_t gap = 2;

// Of well-formed UTF-8; good enough for names, which seldom hold wide or combining characters.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown(text);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto c = static_cast<unsigned char>(shown[i]);
    if (c < 0x20 || c == 0x7F) shown[i] = '?';
    // U+0080 to U+009F are control characters to a terminal as well.
    const bool c1 = c == 0xC2 && i + 1 < shown.size() && static_cast<unsigned char>(shown[i + 1]) < 0xA0;
    if (c1) shown.replace(i, 2, "?");
  }
  return shown;
}

void Table::row(std::vector<std::string> cells) {
  ensure(cells.size() == columns_.size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = width_of(columns_[i].title);
    for (const auto& cells : rows_) width = std::max(width, width_of(cells[i]));
    widths.push_back(width);
  }
  std::string out;
  const auto append_line = [&](auto&& cell_at) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string_view cell = cell_at(i);
      const std::size_t padding = widths[i] - width_of(cell);
      if (columns_[i].align == Align::right) out.append(padding, ' ');
      out += cell;
      if (i + 1 == columns_.size()) break;
      out.append(gap + (columns_[i].align == Align::left ? padding : 0), ' ');
    }
    while (out.ends_with(' ')) out.pop_back();
    out += '\n';
  };
  append_line([&](std::size_t i) { return columns_[i].title; });
  for (const auto& cells : rows_) append_line([&](std::size_t i) { return std::string_view(cells[i]); });
  return out;
}

}  // namespace cli
