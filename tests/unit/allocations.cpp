#include "allocations.h"

#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

bool counting = false;
std::int64_t held = 0;
std::int64_t most_held = 0;
std::int64_t taken = 0;

void* take(std::size_t size) {
  void* const at = std::malloc(std::max<std::size_t>(size, 1));
  if (at == nullptr) throw std::bad_alloc();
  if (counting) {
    const auto bytes = static_cast<std::int64_t>(malloc_usable_size(at));
    held += bytes;
    taken += bytes;
    most_held = std::max(most_held, held);
  }
  return at;
}

void give_back(void* at) {
  if (counting && at != nullptr) held -= static_cast<std::int64_t>(malloc_usable_size(at));
  std::free(at);
}

}  // namespace

// The forms for arrays come here, too; the forms that do not throw would be a sanitizer's own if they were
// left out.
void* operator new(std::size_t size) {
  return take(size);
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  try {
    return take(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* at, const std::nothrow_t& /*tag*/) noexcept {
  give_back(at);
}
void operator delete(void* at) noexcept {
  give_back(at);
}
void operator delete(void* at, std::size_t /*size*/) noexcept {
  give_back(at);
}

namespace test {

Allocations::Allocations() {
  held = most_held = taken = 0;
  counting = true;
}
Allocations::~Allocations() {
  counting = false;
}

std::size_t Allocations::peak() const {
  return static_cast<std::size_t>(most_held);
}
std::size_t Allocations::total() const {
  return static_cast<std::size_t>(taken);
}

}  // namespace test
