#include "record/mask.h"

#include <algorithm>

#include "proto/cursor.h"
#include "proto/json.h"
#include "record/words.h"

namespace record {
namespace {

using proto::Cursor;

constexpr std::string_view separators = "/?#";
constexpr std::string_view decimal_digits = "0123456789";
constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// What is shorter has a name, and no hash; a hash takes as much.
constexpr std::size_t hashed_least = 12;

bool all_of(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

// Names that Hearth makes up: of its tickets, tasks and questions, and the keys of questions.
bool is_ours(std::string_view text) {
  constexpr std::string_view ours = "hearth-";
  constexpr std::string_view task = "task-";
  if (text.starts_with('q')) return text.size() <= 20 && all_of(text.substr(1), decimal_digits);
  if (!text.starts_with(ours) || text.size() > 60) return false;
  text.remove_prefix(ours.size());
  if (text.starts_with(task)) text.remove_prefix(task.size());
  return all_of(text, "0123456789abcdef");
}

bool may_stay(std::string_view text) {
  return text.empty() || is_word(text) || is_ours(text);
}

bool may_be_name(std::string_view text) {
  return !may_stay(text);
}

bool may_be_number(std::string_view text) {
  return text.size() == 1 || !text.starts_with('0');
}

// Whether it may be an address, of which one can be below another.
bool may_be_address(std::string_view text) {
  constexpr std::size_t longest = 4096;
  return text.size() <= longest && std::ranges::none_of(text, [](char c) { return c >= '\0' && c <= ' '; });
}

// As JSON, with as much filling as it takes to be so long.
std::string filled(std::string_view name, std::size_t length) {
  Pieces pieces;
  pieces.text(name);
  if (length > name.size()) pieces.filling(length - name.size());
  return pieces.json();
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool in_a_number(char c) {
  return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
}

bool in_a_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

// One text on its way: where it is, and what stands around that.
class Masking {
 public:
  // `member`: whose value the text is.
  Masking(Mask& mask, std::string_view text, std::string_view member = {})
      : mask_(mask), text_(text), member_(member) {}

  std::string run() {
    while (at_ < text_.size()) step();
    return out_.json();
  }

 private:
  void step() {
    const char c = text_[at_];
    if (c == '"') return string();
    if (is_blank(c)) return keep(1);
    if (std::string_view("{}[]:,").contains(c)) return punctuation(c);
    if (c == '-' || (c >= '0' && c <= '9')) return number();
    word();
  }

  void keep(std::size_t count) {
    out_.text(text_.substr(at_, count));
    at_ += count;
  }

  void punctuation(char c) {
    if (c == '{' || c == '[') {
      ++depth_;
      if (contents_at_ == 0 && holds_contents(member_)) contents_at_ = depth_;
    }
    if (c == '}' || c == ']') {
      if (depth_ == contents_at_) contents_at_ = 0;
      if (depth_ > 0) --depth_;
    }
    if (c == '[') list_ = member_;
    if (c == '{' || c == ']') list_.clear();
    if (c != ':') member_.clear();
    keep(1);
  }

  void number() {
    std::size_t end = at_;
    while (end < text_.size() && in_a_number(text_[end])) ++end;
    const std::string_view spelt = text_.substr(at_, end - at_);
    if (contents_at_ == 0 && has_plain_number(member_)) return keep(spelt.size());
    Cursor cursor(spelt);
    out_.text(cursor.value(1) && cursor.at_end() ? mask_.number(spelt) : std::string(spelt.size(), '?'));
    at_ = end;
  }

  void word() {
    std::size_t end = at_;
    while (end < text_.size() && in_a_word(text_[end])) ++end;
    const std::string_view spelt = text_.substr(at_, end - at_);
    if (spelt == "true" || spelt == "false" || spelt == "null") return keep(spelt.size());
    const std::size_t count = std::max<std::size_t>(spelt.size(), 1);
    out_.text(std::string(count, '?'));
    at_ += count;
  }

  // Behind its closing quote; the end of the text if it has none.
  std::size_t end_of_string() const {
    std::size_t at = at_ + 1;
    while (at < text_.size() && text_[at] != '"') at += text_[at] == '\\' ? 2U : 1U;
    return std::min(at + 1, text_.size());
  }

  bool names_a_member(std::size_t end) const {
    while (end < text_.size() && is_blank(text_[end])) ++end;
    return end < text_.size() && text_[end] == ':';
  }

  void string() {
    const std::size_t end = end_of_string();
    const std::string_view raw = text_.substr(at_, end - at_);
    Cursor cursor(raw);
    if (!cursor.string() || !cursor.at_end()) {
      broken_string(raw, cursor.fault());
      at_ = end;
      return;
    }
    const std::string meant = proto::json::unquoted(raw);
    const bool is_id = contents_at_ == 0 && names_request(member_) && all_of(meant, decimal_digits);
    if (is_id || may_stay(meant)) {
      out_.text(raw);
    } else {
      out_.text("\"");
      mask_.placeholder(meant, out_, names(end));
      out_.text("\"");
      // What escapes took beyond what they mean, so that the message keeps its length.
      out_.text(std::string(raw.size() - 2 - meant.size(), ' '));
    }
    at_ = end;
    if (names_a_member(end)) member_ = meant;
  }

  // Where the order of texts counts: those that are met here. `end`: of the string.
  Names* names(std::size_t end) {
    if (names_a_member(end)) return nullptr;
    if (member_ == "uri" || list_ == "resourceSubscriptions") return &mask_.resources_;
    return member_ == "taskId" || list_ == "taskIds" ? &mask_.tasks_ : nullptr;
  }

  // Broken in the same way.
  void broken_string(std::string_view raw, Cursor::Fault fault) {
    std::string_view end;
    if (fault == Cursor::Fault::utf8)
      end = "\xff\"";
    else if (raw.size() > 1 && raw.ends_with('"'))
      end = "\\q\"";
    out_.text("\"");
    mask_.part(raw.substr(0, raw.size() - std::min(raw.size(), end.size() + 1)), out_);
    out_.text(end);
  }

  Mask& mask_;
  std::string_view text_;
  std::string member_;  // The one that the next value belongs to; empty: none.
  std::string list_;    // The array that the next items belong to.
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t contents_at_ = 0;  // The depth from which on everything is somebody's own; 0: nothing is.
  Pieces out_;
};

Mask::Mask(Contents contents, base::SipKey key)
    : contents_(contents),
      key_(key),
      short_texts_(letters, may_be_name),
      short_numbers_(decimal_digits, may_be_number) {}

std::string Mask::message(std::string_view text) {
  return contents_ == Contents::whole ? written_text(text) : Masking(*this, text).run();
}

std::string Mask::id(std::string_view raw) {
  return contents_ == Contents::whole ? written_text(raw) : Masking(*this, raw, "id").run();
}

std::string Mask::text(std::string_view text) {
  if (contents_ == Contents::whole || may_stay(text)) return written_text(text);
  Pieces pieces;
  placeholder(text, pieces);
  return pieces.json();
}

std::string Mask::secret(std::string_view text) const {
  return text.empty() ? written_text(text) : filled(hashed(text), text.size());
}

std::string Mask::resource(std::string_view uri) {
  if (contents_ == Contents::whole || may_stay(uri)) return written_text(uri);
  Pieces pieces;
  placeholder(uri, pieces, &resources_);
  return pieces.json();
}

std::string Mask::variable(std::string_view name, std::string_view value) {
  auto known = variables_.find(name);
  if (known == variables_.end()) known = variables_.emplace(name, Names()).first;
  if (value.empty()) return written_text(value);
  const std::string_view name_of_value = known->second.of(value);
  return filled(name_of_value.empty() ? hashed(value) : name_of_value, std::max(value.size(), hashed_least));
}

std::string Mask::program(std::string_view path) {
  const std::size_t name_at = path.find_last_of('/') + 1;
  const std::string_view name = path.substr(name_at);
  if (contents_ == Contents::whole || name_at == 0 || !is_launcher(name)) return text(path);
  Pieces pieces;
  placeholder(path.substr(0, name_at), pieces);
  pieces.text(name);
  return pieces.json();
}

void Mask::placeholder(std::string_view text, Pieces& into, Names* names) {
  if (!may_be_address(text)) return part(text, into, names);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    part(text.substr(0, end), into, names);
    into.text(text.substr(end, 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void Mask::part(std::string_view text, Pieces& into, Names* names) {
  if (text.empty()) return;
  std::string name;
  if (names != nullptr) name = names->of(text);
  if (name.empty() && text.size() < hashed_least) {
    // In a shorter one the sign of a placeholder would leave too little to tell texts apart.
    const bool has_sign = text.size() > 3;
    name = short_texts_.of(text, has_sign ? "~" : "", base::siphash(key_, text));
  }
  if (name.empty()) name = hashed(text);
  into.text(name);
  if (text.size() > name.size()) into.filling(text.size() - name.size());
}

std::string Mask::hashed(std::string_view text) const {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string name = "~";
  for (std::uint64_t hash = base::siphash(key_, text); name.size() < hashed_least; hash >>= 6)
    name += digits[hash & 63];
  return name;
}

std::string Mask::number(std::string_view spelt) {
  constexpr std::uint64_t fifteen_digits = 900'000'000'000'000;
  const std::uint64_t hash = base::siphash({key_.low, ~key_.high}, spelt);
  if (spelt.size() < hashed_least) {
    const std::string_view name = short_numbers_.of(spelt, "", hash);
    if (!name.empty()) return std::string(name);
  }
  std::string digits = std::to_string(hash % fifteen_digits + fifteen_digits / 9);
  if (spelt.size() >= hashed_least) digits.resize(spelt.size(), '0');
  return digits;
}

}  // namespace record
