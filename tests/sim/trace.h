// What happened, for people and for comparison.
//
// The digest covers every action in order and is always kept. Lines for people are only made when somebody
// wants them: a world that failed is simply run again with its lines kept.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <string_view>

namespace sim {

class Trace {
 public:
  enum class Lines : std::uint8_t { none, keep, print };

  explicit Trace(Lines lines) : lines_(lines) {}

  bool wanted() const { return lines_ != Lines::none; }
  void line(std::string text) {
    if (lines_ == Lines::print) std::printf("%s\n", text.c_str());
    kept_.push_back(std::move(text));
    if (kept_.size() > kept_most) kept_.pop_front();
  }
  const std::deque<std::string>& kept() const { return kept_; }

  void digest(std::string_view text) {
    for (const char c : text) digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    digest_ = (digest_ ^ 0xffU) * 0x100000001b3ULL;
  }
  void digest(std::uint64_t number) {
    for (int i = 0; i < 8; ++i) digest_ = (digest_ ^ (number >> (8 * i) & 0xffU)) * 0x100000001b3ULL;
  }
  std::uint64_t digest() const { return digest_; }

 private:
  static constexpr std::size_t kept_most = 40;
  Lines lines_;
  std::deque<std::string> kept_;
  std::uint64_t digest_ = 0xcbf29ce484222325ULL;
};

}  // namespace sim
