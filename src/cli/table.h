// Rows of words as a table with aligned columns, for a terminal or a pipe.
//
// Widths are counted in characters, not bytes. What the cells hold may come from anybody (a client's name, a
// server's version), so control characters are shown as '?': no cell can move the cursor or colour the
// screen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cli {

enum class Align : unsigned char { left, right };

struct Column {
  std::string_view title;
  Align align = Align::left;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void row(std::vector<std::string> cells);  // As many as there are columns.
  std::string text() const;                  // Title line and rows, each ended by a newline.

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// `text` with control characters replaced, fit to be shown.
std::string printable(std::string_view text);

}  // namespace cli
