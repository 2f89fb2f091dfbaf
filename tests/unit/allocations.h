// What the program takes with operator new while one of these lives. Only one lives at a time.
#pragma once

#include <cstddef>

namespace test {

class Allocations {
 public:
  Allocations();
  ~Allocations();
  Allocations(const Allocations&) = delete;
  Allocations& operator=(const Allocations&) = delete;

  std::size_t peak() const;   // The most that was held at once, beyond what was held at the beginning.
  std::size_t total() const;  // Everything that was taken, given back or not.
};

}  // namespace test
