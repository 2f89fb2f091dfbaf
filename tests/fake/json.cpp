#include "json.h"

#include <cstdlib>

namespace fake {
namespace {

constexpr int depth_max = 1000;  // The witness must not overflow its own stack.

struct Parser {
  std::string_view text;
  std::size_t at = 0;
  bool good = true;

  char peek() const { return at < text.size() ? text[at] : '\0'; }
  bool take(char c) {
    if (peek() != c || at >= text.size()) return false;
    ++at;
    return true;
  }
  void blanks() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
      ++at;
  }
  void expect(char c) {
    if (!take(c)) good = false;
  }

  bool digits() {
    const std::size_t from = at;
    while (peek() >= '0' && peek() <= '9') ++at;
    return at > from;
  }
  void number() {
    take('-');
    if (!take('0')) good = digits() && good;
    if (take('.')) good = digits() && good;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      good = digits() && good;
    }
  }

  void string() {
    expect('"');
    while (good && !take('"')) {
      if (at >= text.size() || static_cast<unsigned char>(text[at]) < 0x20) {
        good = false;
      } else if (take('\\')) {
        escape();
      } else {
        ++at;
      }
    }
  }
  void escape() {
    const char c = peek();
    ++at;
    if (c == 'u') {
      for (int i = 0; i < 4; ++i, ++at)
        good = good && std::string_view("0123456789abcdefABCDEF").contains(peek());
    } else {
      good = good && c != '\0' && std::string_view("\"\\/bfnrt").contains(c);
    }
  }

  void word(std::string_view spelling) {
    good = good && text.substr(at, spelling.size()) == spelling;
    at += spelling.size();
  }

  Json value(int depth) {
    Json json;
    blanks();
    const std::size_t from = at;
    switch (peek()) {
      case '{':
        json.type = Json::Type::object;
        object(json, depth);
        break;
      case '[':
        json.type = Json::Type::array;
        array(json, depth);
        break;
      case '"':
        json.type = Json::Type::string;
        string();
        break;
      case 't':
        json.type = Json::Type::boolean;
        word("true");
        break;
      case 'f':
        json.type = Json::Type::boolean;
        word("false");
        break;
      case 'n':
        word("null");
        break;
      default:
        json.type = Json::Type::number;
        number();
    }
    good = good && at > from && at <= text.size();
    if (good) json.raw = text.substr(from, at - from);
    return json;
  }
  void object(Json& json, int depth) {
    expect('{');
    blanks();
    if (take('}')) return;
    do {
      blanks();
      const std::size_t from = at;
      string();
      if (!good || depth > depth_max) {
        good = false;
        return;
      }
      Json key;
      key.type = Json::Type::string;
      key.raw = text.substr(from, at - from);
      blanks();
      expect(':');
      json.members.push_back({key.text(), value(depth + 1)});
      blanks();
    } while (good && take(','));
    expect('}');
  }
  void array(Json& json, int depth) {
    expect('[');
    blanks();
    if (take(']')) return;
    do {
      if (depth > depth_max) {
        good = false;
        return;
      }
      json.items.push_back(value(depth + 1));
      blanks();
    } while (good && take(','));
    expect(']');
  }
};

void append_utf8(std::string& out, unsigned long c) {
  const auto put = [&](unsigned long byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6));
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3f));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

unsigned long hex4(std::string_view raw, std::size_t at) {
  return std::strtoul(std::string(raw.substr(at, 4)).c_str(), nullptr, 16);
}

}  // namespace

const Json* Json::find(std::string_view key) const {
  for (const auto& [name, value] : members) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::string Json::text() const {
  if (type != Type::string) return std::string(raw);
  std::string out;
  for (std::size_t i = 1; i + 1 < raw.size(); ++i) {
    if (raw[i] != '\\') {
      out += raw[i];
      continue;
    }
    const char c = raw[++i];
    if (c == 'u') {
      unsigned long code = hex4(raw, i + 1);
      i += 4;
      if (code >= 0xd800 && code < 0xdc00 && raw.substr(i + 1, 2) == "\\u") {
        code = 0x10000 + ((code - 0xd800) << 10) + (hex4(raw, i + 3) - 0xdc00);
        i += 6;
      }
      append_utf8(out, code);
    } else {
      const std::size_t known = std::string_view("bfnrt").find(c);
      out += known == std::string_view::npos ? c : "\b\f\n\r\t"[known];
    }
  }
  return out;
}

long Json::number() const {
  return type == Type::number ? std::strtol(std::string(raw).c_str(), nullptr, 10) : 0;
}

std::string Json::text_or(std::string_view key, std::string_view otherwise) const {
  const Json* found = find(key);
  return found ? found->text() : std::string(otherwise);
}

long Json::number_or(std::string_view key, long otherwise) const {
  const Json* found = find(key);
  return found ? found->number() : otherwise;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    const unsigned lead = byte(i);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xc2 ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf5 ? 4
                                             : 0;
    if (length == 0) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    }
    const unsigned second = byte(i + 1);
    if (lead == 0xe0 && second < 0xa0) return false;
    if (lead == 0xed && second > 0x9f) return false;
    if (lead == 0xf0 && second < 0x90) return false;
    if (lead == 0xf4 && second > 0x8f) return false;
    i += length;
  }
  return true;
}

std::optional<Json> parse(std::string_view text) {
  if (!is_utf8(text)) return std::nullopt;
  Parser parser{text};
  Json root = parser.value(0);
  parser.blanks();
  if (!parser.good || parser.at != text.size()) return std::nullopt;
  return root;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      constexpr std::string_view hex = "0123456789abcdef";
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace fake
