#include "app/config/words.h"

#include <optional>
#include <utility>

namespace app {

base::Result<std::vector<std::string>> words_of(std::string_view command) {
  std::vector<std::string> words;
  std::optional<std::string> word;  // '' is one, too.
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (quote == 0 && blank) {
      if (word) words.push_back(*std::exchange(word, std::nullopt));
      continue;
    }
    if (!word) word.emplace();
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'') {
      if (++i == command.size()) return base::failure("nothing follows the last backslash of the command");
      *word += command[i];
    } else {
      *word += c;
    }
  }
  if (quote != 0) return base::failure(std::string("a ") + quote + " in the command is not closed");
  if (word) words.push_back(std::move(*word));
  return words;
}

}  // namespace app
