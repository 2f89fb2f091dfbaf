// Reading. A mistake costs an object the member that it stands in, and an array itself, because a list
// without one of its elements is a different list. After a mistake the reader goes on at the next comma or
// closing bracket of the same depth, so that everything beside it is still read; strict reading stops at the
// first.
#include <algorithm>
#include <string>

#include "base/ensure.h"
#include "proto/cursor.h"
#include "proto/envelope.h"
#include "proto/escapes.h"
#include "proto/json.h"
#include "proto/utf8.h"

namespace proto::json {
namespace {

// Somebody who reads complaints stops long before; and a hostile text cannot make us hold one for each byte.
constexpr std::size_t mistakes_max = 50;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '+' || c == '.' || c == '$';
}

bool is_number(std::string_view word) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t begin = i;
    while (i < word.size() && word[i] >= '0' && word[i] <= '9') ++i;
    return i - begin;
  };
  if (i < word.size() && word[i] == '-') ++i;
  const std::size_t whole_at = i;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && word[whole_at] == '0')) return false;
  if (i < word.size() && word[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < word.size() && (word[i] == 'e' || word[i] == 'E')) {
    ++i;
    if (i < word.size() && (word[i] == '+' || word[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == word.size();
}

class Parser {
 public:
  Parser(std::string_view text, Dialect dialect) : text_(text), relaxed_(dialect == Dialect::relaxed) {}

  Document run();

 private:
  enum class Next { element, closed, broken };

  std::optional<Value> value();
  std::optional<Value> object();
  std::optional<Value> array();
  std::optional<Value> word();
  void member(Value& owner);
  Next separator(char closer);

  bool string(std::string& into);
  void unclosed_string(std::size_t begin);

  void blank();
  bool comment();
  void recover();
  void pass_string();
  void note(std::size_t at, std::string what);
  std::string shown() const;

  bool at_end() const { return pos_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[pos_]; }
  bool halted() const { return !relaxed_ && !mistakes_.empty(); }

  std::string_view text_;
  bool relaxed_;
  std::size_t pos_ = 0;
  std::string closers_;  // Of the brackets that are open.
  bool ended_ = false;   // The end of the text has been complained about.
  std::size_t noted_ = 0;
  std::vector<Mistake> mistakes_;
};

Document Parser::run() {
  if (relaxed_ && text_.starts_with("\xEF\xBB\xBF")) pos_ = 3;
  blank();
  std::optional<Value> root = value();
  ensure(closers_.empty());
  blank();
  if (root && !at_end()) note(pos_, "expected nothing more, but found " + shown());
  if (halted()) root.reset();
  return {std::move(root), std::move(mistakes_)};
}

std::optional<Value> Parser::value() {
  const std::size_t at = pos_;
  const char c = peek();
  if ((c == '{' || c == '[') && closers_.size() >= static_cast<std::size_t>(depth_max)) {
    note(at, "nested more than " + std::to_string(depth_max) + " deep");
    return std::nullopt;
  }
  std::optional<Value> made;
  if (c == '{') {
    made = object();
  } else if (c == '[') {
    made = array();
  } else if (c == '"') {
    Value text;
    text.type = Type::string;
    if (string(text.text)) made = std::move(text);
  } else {
    made = word();
  }
  if (halted()) return std::nullopt;
  if (made) {
    made->at = at;
    made->length = pos_ - at;
  }
  return made;
}

std::optional<Value> Parser::object() {
  Value made;
  made.type = Type::object;
  ++pos_;
  closers_ += '}';
  blank();
  if (peek() == '}') {
    ++pos_;
  } else {
    Next next = at_end() ? separator('}') : Next::element;
    while (next == Next::element && !halted()) {
      member(made);
      next = halted() ? Next::broken : separator('}');
    }
  }
  closers_.pop_back();
  return made;
}

std::optional<Value> Parser::array() {
  Value made;
  made.type = Type::array;
  ++pos_;
  closers_ += ']';
  bool whole = true;
  blank();
  if (peek() == ']') {
    ++pos_;
  } else {
    const std::size_t noted_before = noted_;
    Next next = at_end() ? separator(']') : Next::element;
    while (next == Next::element && !halted()) {
      std::optional<Value> element = value();
      if (element) {
        made.items.push_back(std::move(*element));
      } else {
        recover();
      }
      next = halted() ? Next::broken : separator(']');
    }
    // Mistakes deeper down, in an object that lives on, count as well: the list is not what its writer meant.
    whole = next == Next::closed && noted_ == noted_before;
  }
  closers_.pop_back();
  if (!whole) return std::nullopt;
  return made;
}

void Parser::member(Value& owner) {
  Member made;
  made.key_at = pos_;
  if (peek() != '"') {
    note(pos_, "expected a name in double quotes, but found " + shown());
    return recover();
  }
  if (!string(made.key)) return recover();
  blank();
  if (peek() != ':') {
    const std::string name = quoted(made.key);
    // Without its quotes: some clients black out what stands between them.
    note(pos_, "expected ':' after " + name.substr(1, name.size() - 2) + ", but found " + shown());
    return recover();
  }
  ++pos_;
  blank();
  std::optional<Value> found = value();
  if (!found) return recover();
  made.value = std::move(*found);
  owner.members.push_back(std::move(made));
}

// After an element: is there another one, or was it the last?
Parser::Next Parser::separator(char closer) {
  for (blank(); !at_end(); blank()) {
    const char c = peek();
    if (c == closer) {
      ++pos_;
      return Next::closed;
    }
    if (c == ',') {
      const std::size_t at = pos_++;
      blank();
      if (relaxed_ && peek() == closer) continue;
      if (peek() == closer) note(at, std::string("expected no ',' before '") + closer + "'");
      if (relaxed_ && peek() == ',') {
        note(pos_, "expected a value between two commas");
        continue;
      }
      if (at_end()) break;
      return halted() ? Next::broken : Next::element;
    }
    note(pos_, std::string("expected ',' or '") + closer + "', but found " + shown());
    if (halted()) return Next::broken;
    if (c == '}' || c == ']') {
      // If a bracket around us matches, ours was forgotten and this one closes that; else it is one too many.
      if (closers_.find(c) != std::string::npos) return Next::broken;
      ++pos_;
    } else if (c == '"') {
      return Next::element;  // Only the comma was forgotten.
    } else {
      recover();
    }
  }
  if (!ended_) {
    note(text_.size(), std::string("expected '") + closer + "', but the text ends here");
    ended_ = true;
  }
  return Next::broken;
}

std::optional<Value> Parser::word() {
  const std::size_t at = pos_;
  while (!at_end() && is_word(text_[pos_])) ++pos_;
  const std::string_view word = text_.substr(at, pos_ - at);
  Value made;
  if (word == "null") return made;
  if (word == "true" || word == "false") {
    made.type = Type::boolean;
    made.boolean = word == "true";
    return made;
  }
  if (is_number(word)) {
    made.type = Type::number;
    made.text = word;
    return made;
  }
  pos_ = at;
  note(at, "expected a value, but found " + shown());
  return std::nullopt;
}

// Reads the string at pos_; false after a mistake, with pos_ behind the string all the same.
bool Parser::string(std::string& into) {
  const std::size_t begin = pos_;
  if (Cursor whole(text_, Utf8::checked, begin); whole.string()) {
    pos_ = whole.offset();
    into = unquoted(text_.substr(begin, pos_ - begin));
    return true;
  }
  ++pos_;
  bool well = true;
  const auto wrong = [&](std::size_t at, std::string what) {
    if (well) note(at, std::move(what));
    well = false;
  };
  while (!at_end() && text_[pos_] != '\n') {
    const char c = text_[pos_];
    if (c == '"') {
      ++pos_;
      return well;
    }
    if (c == '\\') {
      const std::size_t at = pos_;
      if (!take_escape(text_, pos_, into)) {
        wrong(at,
              "expected an escape such as \\n or \\u00e9 after the backslash; a backslash itself is written "
              "\\\\");
        ++pos_;
      }
      if (halted()) return false;
      continue;
    }
    const std::size_t length = utf8::length_at(text_, pos_);
    if (length == 0) wrong(pos_, "expected UTF-8");
    if (length == 1 && static_cast<unsigned char>(c) < 0x20 && c != '\r') {
      wrong(pos_, c == '\t' ? "expected \\t instead of a tab in a string"
                            : "expected an escape instead of a control character in a string");
    }
    if (length == 1 && c == '\r' && (pos_ + 1 >= text_.size() || text_[pos_ + 1] != '\n')) {
      wrong(pos_, "expected \\r instead of a carriage return in a string");
    }
    if (halted()) return false;
    into += text_.substr(pos_, std::max<std::size_t>(length, 1));
    pos_ += std::max<std::size_t>(length, 1);
  }
  wrong(begin, "expected '\"' at the end of the string that begins here");
  unclosed_string(begin);
  return false;
}

// What ends the line behind a string whose quote was forgotten was most likely meant to stand behind that
// quote.
void Parser::unclosed_string(std::size_t begin) {
  constexpr std::string_view punctuation = ":,[]{} \t\r";
  while (pos_ > begin + 1 && punctuation.find(text_[pos_ - 1]) != std::string_view::npos) --pos_;
}

void Parser::blank() {
  while (!at_end()) {
    const char c = text_[pos_];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++pos_;
    } else if (!relaxed_ || c != '/' || !comment()) {
      return;
    }
  }
}

bool Parser::comment() {
  const std::string_view opening = text_.substr(pos_, 2);
  if (opening == "//") {
    pos_ = std::min(text_.find('\n', pos_), text_.size());
    return true;
  }
  if (opening != "/*") return false;
  const std::size_t end = text_.find("*/", pos_ + 2);
  if (end == std::string_view::npos) {
    note(pos_, "expected '*/' at the end of the comment that begins here");
    ended_ = true;
    pos_ = text_.size();
  } else {
    pos_ = end + 2;
  }
  return true;
}

// To the next comma or closing bracket at this depth, over whatever is nested in between.
void Parser::recover() {
  if (halted()) return;
  std::string opened;
  for (blank(); !at_end(); blank()) {
    const char c = peek();
    if (c == ',' && opened.empty()) return;
    if (c == '"') {
      pass_string();
      continue;
    }
    if (c == '{') opened += '}';
    if (c == '[') opened += ']';
    if (c == '}' || c == ']') {
      const std::size_t match = opened.rfind(c);
      if (match == std::string::npos && (opened.empty() || closers_.find(c) != std::string::npos)) return;
      if (match != std::string::npos) opened.resize(match);
    }
    ++pos_;
  }
}

void Parser::pass_string() {
  const std::size_t begin = pos_++;
  while (!at_end() && text_[pos_] != '\n' && text_[pos_] != '"') pos_ += text_[pos_] == '\\' ? 2U : 1U;
  pos_ = std::min(pos_, text_.size());
  if (peek() == '"') {
    ++pos_;
  } else {
    unclosed_string(begin);
  }
}

void Parser::note(std::size_t at, std::string what) {
  ++noted_;
  // One missing bracket is seen again from each level around it.
  const bool known = !mistakes_.empty() && mistakes_.back().at == at;
  if (!known && mistakes_.size() < mistakes_max) mistakes_.push_back({at, std::move(what)});
}

std::string Parser::shown() const {
  if (at_end()) return "the end of the text";
  if (text_[pos_] == '"') return "a string";
  if (text_[pos_] == '\'') return "a single quote; strings have double quotes";
  std::size_t end = pos_;
  bool letters = true;
  for (; end < text_.size() && is_word(text_[end]); ++end) letters = letters && (text_[end] | 0x20) >= 'a';
  // A long word may be a secret whose quotes were forgotten, and what we say here ends up in logs.
  constexpr std::size_t word_shown_max = 9;
  constexpr std::size_t mixed_shown_max = 4;
  if (end - pos_ > (letters ? word_shown_max : mixed_shown_max)) return "a word without quotes";
  if (end == pos_) end += std::max<std::size_t>(utf8::length_at(text_, pos_), 1);
  return "'" + std::string(text_.substr(pos_, end - pos_)) + "'";
}

}  // namespace

Document parse(std::string_view text, Dialect dialect) {
  return Parser(text, dialect).run();
}

}  // namespace proto::json
