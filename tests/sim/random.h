// Chance, the same on every machine and with every compiler.
//
// splitmix64. No distribution of the library is used, because those may differ between implementations.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : static_cast<std::size_t>(next() % limit); }
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
  bool permille(std::size_t chance) { return below(1000) < chance; }

  // Mostly about `usual`, now and then ten or a hundred times as long.
  base::Duration about(base::Duration usual) {
    const auto most = static_cast<std::size_t>(usual.count()) * 2;
    const std::size_t stretch = permille(30) ? (permille(200) ? 100 : 10) : 1;
    return base::Duration(static_cast<base::Duration::rep>(below(most + 1) * stretch));
  }

  template <class List>
  auto& pick(List& list) {
    return list[below(list.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace sim
