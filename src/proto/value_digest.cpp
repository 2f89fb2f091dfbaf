#include "proto/value_digest.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdio>

#include "proto/cursor.h"
#include "proto/json.h"
#include "proto/spelling.h"

namespace proto {
namespace {

// -12.50e3 as "-125e2": no zeros at the ends, no point. The spelling itself where the exponent is beyond all
// use.
std::string plain_decimal(std::string_view spelt) {
  const std::size_t mark = spelt.find_first_of("eE");
  std::int64_t exponent = 0;
  if (mark != std::string_view::npos) {
    std::string_view digits = spelt.substr(mark + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    constexpr std::int64_t most = std::int64_t{1} << 60;
    if (error != std::errc() || exponent > most || exponent < -most) return std::string(spelt);
  }
  std::string digits;
  for (bool fraction = false; const char c : spelt.substr(0, mark)) {
    if (c == '.') fraction = true;
    if (c == '.' || c == '-') continue;
    digits += c;
    if (fraction) --exponent;
  }
  digits.erase(0, digits.find_first_not_of('0'));
  if (digits.empty()) return "0";
  const std::size_t last = digits.find_last_not_of('0');
  exponent += static_cast<std::int64_t>(digits.size() - last - 1);
  digits.resize(last + 1);
  return (spelt.starts_with('-') ? "-" : "") + digits + 'e' + std::to_string(exponent);
}

// `raw`: with its quotes.
bool is_one_of(std::initializer_list<std::string_view> plain, std::string_view raw) {
  if (raw.size() < 2) return false;
  const std::string_view inside = raw.substr(1, raw.size() - 2);
  return std::ranges::any_of(plain, [&](std::string_view name) { return spells(inside, name); });
}

class Walk {
 public:
  Walk(base::SipKey key, std::string_view text) : key_(key), text_(text) {}

  std::uint64_t object(std::initializer_list<std::string_view> without) {
    std::uint64_t members = 0;
    std::uint64_t count = 0;
    for (++at_; another('}');) {
      const std::string_view key = step();
      blanks();
      if (at_ < text_.size() && text_[at_] == ':') ++at_;
      if (is_one_of(without, key)) {
        blanks();
        step();
        continue;
      }
      members += hash('m', string(key), value());
      ++count;
    }
    return hash('{', members, count);
  }

  std::uint64_t value() {
    blanks();
    switch (at_ < text_.size() ? text_[at_] : '\0') {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return string();
      default:
        return scalar();
    }
  }

 private:
  std::uint64_t hash(char kind, std::string_view text) const {
    return base::siphash({key_.low, key_.high ^ static_cast<unsigned char>(kind)}, text);
  }
  std::uint64_t hash(char kind, std::uint64_t one, std::uint64_t other) const {
    const std::uint64_t both[] = {one, other};
    return hash(kind, {reinterpret_cast<const char*>(both), sizeof both});
  }

  void blanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").contains(text_[at_])) ++at_;
  }
  // Steps over the comma. False: the array or object ends here, and is stepped over.
  bool another(char closer) {
    blanks();
    if (at_ >= text_.size()) return false;
    if (text_[at_] == closer) {
      ++at_;
      return false;
    }
    if (text_[at_] == ',') ++at_;
    blanks();
    return at_ < text_.size();
  }
  std::string_view step() {
    Cursor cursor(text_, Utf8::trusted, at_);
    const std::size_t begin = at_;
    // Ill-formed text is taken as a whole: it equals itself and nothing else.
    at_ = cursor.value(1) ? cursor.offset() : text_.size();
    return text_.substr(begin, at_ - begin);
  }

  std::uint64_t object() { return object({}); }
  std::uint64_t array() {
    std::uint64_t items = 0;
    for (++at_; another(']');) items = hash('i', items, value());
    return hash('[', items, 0);
  }
  std::uint64_t string() { return string(step()); }
  std::uint64_t string(std::string_view raw) const {
    if (raw.size() < 2 || raw.contains('\\')) return hash('"', json::unquoted(raw));
    return hash('"', raw.substr(1, raw.size() - 2));
  }
  std::uint64_t scalar() {
    const std::string_view raw = step();
    const bool number = !raw.empty() && (raw.front() == '-' || (raw.front() >= '0' && raw.front() <= '9'));
    return number ? hash('0', plain_decimal(raw)) : hash('w', raw);
  }

  base::SipKey key_;
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::uint64_t value_digest(base::SipKey key, std::string_view json) {
  return Walk(key, json).value();
}

std::uint64_t value_digest(base::SipKey key, std::string_view json,
                           std::initializer_list<std::string_view> without) {
  json.remove_prefix(std::min(json.find_first_not_of(" \t\r\n"), json.size()));
  return Walk(key, json.starts_with('{') ? json : "{}").object(without);
}

std::string value_name(std::uint64_t key, std::string_view json) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx",
                static_cast<unsigned long long>(value_digest({key, 0x100}, json)),
                static_cast<unsigned long long>(value_digest({key, 0x200}, json)));
  return text;
}

}  // namespace proto
