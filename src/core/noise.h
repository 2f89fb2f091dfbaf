// Lines of a server that are no messages: banners, debug output, a broken library.
//
// The first is worth a look, of those that follow only their number: a million of them must not push
// everything else out of the log. Told are the first of a process, each power of ten, and the sum when the
// process has ended.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/fields.h"

namespace core {

class Noise {
 public:
  enum class Worth : std::uint8_t { a_look, its_number, nothing };

  // One more.
  Worth add() {
    ++count_;
    if (count_ != told_at_) return Worth::nothing;
    told_ = count_;
    told_at_ *= 10;
    return count_ == 1 ? Worth::a_look : Worth::its_number;
  }

  std::uint64_t count() const { return count_; }

  // The process has ended. How many there were, if that has not been told; 0: it has.
  std::uint64_t end() {
    const std::uint64_t sum = count_ > told_ ? count_ : 0;
    count_ = told_ = 0;
    told_at_ = 1;
    return sum;
  }

  // Sessions hear of it once, not with every process that begins with the same banner. True the first time.
  bool news_for_sessions() {
    const bool news = !sessions_know_;
    sessions_know_ = true;
    return news;
  }

  static constexpr std::size_t fields = 4;
  friend struct base::Fields;

 private:
  std::uint64_t count_ = 0;
  std::uint64_t told_ = 0;
  std::uint64_t told_at_ = 1;
  bool sessions_know_ = false;
};

}  // namespace core
