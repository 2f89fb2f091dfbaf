#include "transport/outbound/session_words.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "proto/members.h"

namespace transport {
namespace {

// A sentence of a server's; beyond it are pages of HTML.
constexpr std::size_t sentence_bytes_max = 400;
// "No transport found for session" on one side, "session with id 7 does not exist" on the other.
constexpr std::size_t words_before = 4;
constexpr std::size_t words_after = 5;

constexpr auto before = std::to_array<std::string_view>(
    {"invalid", "no", "unknown", "expired", "missing", "unrecognized", "bad"});
constexpr auto after =
    std::to_array<std::string_view>({"not", "doesn't", "invalid", "unknown", "expired", "missing",
                                     "terminated", "closed", "gone", "ended", "unrecognized"});
constexpr auto find = std::to_array<std::string_view>({"find"});
constexpr auto in_vain = std::to_array<std::string_view>({"not", "cannot", "couldn't", "can't"});

bool among(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// What a person would read of it.
std::string sentence_of(std::string_view body) {
  if (!proto::well_formed(body)) return std::string(body);
  body.remove_prefix(body.find_first_not_of(" \t\r\n"));
  if (!body.starts_with('{')) return std::string(body);
  const auto [error, message, detail] = proto::members(body, {"error", "message", "detail"});
  if (error.starts_with('{')) return proto::text_of(error, "message");
  for (const std::string_view raw : {error, message, detail}) {
    if (auto text = proto::string_in(raw).value_or(""); !text.empty()) return text;
  }
  return {};
}

// In small letters, "sessionId" and "mcp-session-id" as two words each.
std::vector<std::string> words_of(std::string text, std::string_view session) {
  for (std::size_t at = 0; !session.empty() && (at = text.find(session, at)) != std::string::npos;)
    text.replace(at, session.size(), 1, ' ');
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool capital = c >= 'A' && c <= 'Z';
    const bool letter = capital || (c >= 'a' && c <= 'z') || c == '\'';
    const bool begins = capital && i > 0 && text[i - 1] >= 'a' && text[i - 1] <= 'z';
    if (!letter || begins) words.emplace_back();
    if (letter) words.back() += capital ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  std::erase_if(words, [](const std::string& word) { return word.empty() || word == "mcp"; });
  return words;
}

bool any(const std::vector<std::string>& words, std::size_t from, std::size_t to,
         std::span<const std::string_view> of) {
  for (std::size_t i = from; i < std::min(to, words.size()); ++i) {
    if (among(of, words[i])) return true;
  }
  return false;
}

}  // namespace

bool says_unknown_session(std::string_view body, std::string_view session) {
  std::string sentence = sentence_of(body);
  if (sentence.size() > sentence_bytes_max) return false;
  const std::vector<std::string> words = words_of(std::move(sentence), session);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "initialized" && i > 0 && words[i - 1] == "not") return true;
    if (words[i] != "session" && words[i] != "sessions") continue;
    const std::size_t from = i - std::min(i, words_before);
    if (any(words, from, i, before) || any(words, i + 1, i + 1 + words_after, after)) return true;
    if (any(words, from, i, find) && any(words, from, i, in_vain)) return true;  // "could not find session"
  }
  return false;
}

}  // namespace transport
