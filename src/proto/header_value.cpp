#include "proto/header_value.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "proto/utf8.h"

namespace proto {
namespace {

constexpr std::string_view opening = "=?base64?";
constexpr std::string_view closing = "?=";
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool printable(char c) {
  return c >= ' ' && c <= '~';
}

bool allowed(char c) {
  return c == '\t' || printable(c);
}

// Also where opening and closing share a character: some readers would not notice.
bool looks_encoded(std::string_view text) {
  return text.starts_with(opening) && text.ends_with(closing);
}

std::string base64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t length = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < length ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= length ? alphabet[(group >> (18 - 6 * k)) & 0x3F] : '=';
    }
  }
  return text;
}

// Only what base64() writes: every text has one encoding.
std::optional<std::string> base64_decoded(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes;
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool pads = i + padding >= text.size();
    const std::size_t digit = pads ? 0 : alphabet.find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) bytes += static_cast<char>((group >> shift) & 0xFF);
    group = 0;
  }
  bytes.resize(bytes.size() - padding);
  if (base64(bytes) != text) return std::nullopt;
  return bytes;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8::length_at(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace

std::string header_value(std::string_view text) {
  const bool plain = !text.empty() && text.front() != ' ' && text.back() != ' ' &&
                     std::ranges::all_of(text, printable) && !looks_encoded(text);
  if (plain) return std::string(text);
  return std::string(opening) + base64(text) + std::string(closing);
}

std::optional<std::string> text_of_header(std::string_view value) {
  if (!std::ranges::all_of(value, allowed)) return std::nullopt;
  if (!looks_encoded(value) || value.size() < opening.size() + closing.size()) return std::string(value);
  value.remove_prefix(opening.size());
  value.remove_suffix(closing.size());
  auto text = base64_decoded(value);
  if (!text || !is_utf8(*text)) return std::nullopt;
  return text;
}

}  // namespace proto
