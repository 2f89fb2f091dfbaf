// The journal on a page with arbitrary contents: nothing outside is touched, and what is written afterwards
// is found again as if the page had been sound.
//
// Input: 24 bytes of head; the four set-up lengths; then pairs of operation and argument. A slot's length can
// be damaged at any time, as a page shared with another process may be.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ensure.h"
#include "proto/journal.h"

using proto::Journal;

namespace {

constexpr std::size_t head_bytes = 24;
constexpr std::size_t slots_at[] = {64, 4096};  // The first calls' in either layout.
constexpr std::size_t setups_at[] = {69632, 69632 + 262144, 1088, 1088 + 1504};

class Run {
 public:
  Run(std::vector<std::byte>& page, const std::uint8_t* data, std::size_t size) : page_(page) {
    std::fill(page_.begin(), page_.end(), std::byte{});
    const std::size_t head = std::min(size, head_bytes);
    std::memcpy(page_.data(), data, head);
    rest_ = {reinterpret_cast<const char*>(data) + head, size - head};
    for (const std::size_t at : setups_at) put(at, take_word());
    journal_ = Journal(page_);
    look();
    journal_.forget_calls();
  }

  void go() {
    while (rest_.size() >= 2) {
      const auto operation = static_cast<unsigned char>(rest_[0]);
      const auto argument = static_cast<unsigned char>(rest_[1]);
      rest_.remove_prefix(2);
      act(operation % 10, argument);
    }
    look();
  }

 private:
  std::uint32_t take_word() {
    std::uint32_t word = 0;
    const std::size_t size = std::min(rest_.size(), sizeof word);
    std::memcpy(&word, rest_.data(), size);
    rest_.remove_prefix(size);
    return word;
  }

  void put(std::size_t at, std::uint32_t word) { std::memcpy(page_.data() + at, &word, sizeof word); }

  bool inside(std::string_view text) const {
    const auto* from = reinterpret_cast<const char*>(page_.data());
    return text.empty() || (text.data() >= from && text.data() + text.size() <= from + page_.size());
  }

  void look() {
    const Journal next(page_);
    ensure(inside(next.setup()));
    ensure(inside(next.unread().value_or("")));
    const auto calls = next.calls();
    for (const auto& id : calls) ensure(!id.empty() && id.size() <= proto::journal_id_max);
    if (damaged_) return;
    std::vector<std::string> expected;
    for (const auto& [slot, id] : calls_) expected.push_back(id);
    if (began_) ensure(calls == expected);
    if (setup_) ensure(next.setup() == *setup_);
    if (unread_) ensure(next.unread() == *unread_);
    began_ = true;
  }

  void start(unsigned char argument) {
    const std::string id(argument % 70, static_cast<char>('0' + argument % 10));
    const auto slot = journal_.call_started(id);
    ensure(damaged_ || slot.has_value() == (!id.empty() && id.size() <= proto::journal_id_max));
    if (!slot) return;
    ensure(*slot < proto::journal_calls_max);
    ensure(damaged_ || !calls_.contains(*slot));
    calls_[*slot] = id;
  }

  // Somebody else writes a word into the page: from now on only its borders are checked.
  void damage(std::size_t argument) {
    damaged_ = damaged_ || argument > 250;
    const std::size_t slots = slots_at[argument / 8 % 2];
    const std::size_t at = argument % 2 == 0 ? slots + argument % 8 * 64 : argument % 24 / 4 * 4;
    if (damaged_) put(at, take_word());
  }

  void act(int operation, unsigned char argument) {
    switch (operation) {
      case 0:
      case 1:
        return start(argument);
      case 2: {
        if (calls_.empty()) return;
        const auto call = std::next(calls_.begin(), static_cast<long>(argument % calls_.size()));
        journal_.call_ended(call->first);
        calls_.erase(call);
        return;
      }
      case 3:
        setup_ = std::string(std::size_t{argument} * 10, 's');
        ensure(journal_.set_setup(*setup_));
        return;
      case 4:
        unread_ = std::string(std::size_t{argument} * 7, 'u');
        return journal_.set_unread(*unread_);
      case 5:
        journal_.set_writing(argument % 2 == 1);
        ensure(journal_.writing() == (argument % 2 == 1));
        return;
      case 6:
        journal_ = Journal(page_);  // The next life.
        return look();
      case 7:
        journal_.forget_calls();
        calls_.clear();
        return;
      case 8:
        journal_.begin();
        ensure(!journal_.fresh());
        return;
      default:
        return damage(argument);
    }
  }

  std::vector<std::byte>& page_;
  std::string_view rest_;
  Journal journal_;
  bool damaged_ = false;
  bool began_ = false;
  std::map<std::uint16_t, std::string> calls_;
  std::optional<std::string> setup_;
  std::optional<std::string> unread_;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // One page for all runs: a fresh one costs more than the run itself.
  static std::vector<std::byte> page(proto::journal_bytes);
  Run(page, data, size).go();
  return 0;
}
