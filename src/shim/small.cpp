#include "shim/small.h"

#include <elf.h>
#include <malloc.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace shim {

namespace {

constexpr int large = 1024;
// Deeper than anything on the way to the sleep goes.
constexpr std::size_t stack_reach = std::size_t{64} << 10;

std::byte* at_address(std::uintptr_t address) {
  // The kernel speaks in numbers. NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<std::byte*>(address);
}

void give_back(std::uintptr_t from, std::uintptr_t to) {
  if (from < to) ::madvise(at_address(from), to - from, MADV_DONTNEED);
}

// Only segments that are never written: dropping a page that holds a relocation would undo it. Of a program
// that the loader placed (not static), nothing is dropped: the header's addresses are not where it lies.
void give_back_program(std::uintptr_t page) {
  const auto* first = reinterpret_cast<const Elf64_Phdr*>(at_address(::getauxval(AT_PHDR)));
  if (first == nullptr) return;
  const std::span<const Elf64_Phdr> headers(first, ::getauxval(AT_PHNUM));
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type == PT_INTERP || header.p_type == PT_DYNAMIC) return;
  }
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type != PT_LOAD || (header.p_flags & PF_W) != 0) continue;
    give_back(header.p_vaddr & ~(page - 1), (header.p_vaddr + header.p_memsz) & ~(page - 1));
  }
}

// What is below our own frame is free. noinline, so that the frame is the lowest in use.
[[gnu::noinline]] void give_back_stack(std::uintptr_t page) {
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) & ~(page - 1);
  give_back(here - stack_reach, here - page);
}

}  // namespace

void allocate_frugally() {
  ::mallopt(M_TOP_PAD, 0);
  ::mallopt(M_MMAP_THRESHOLD, large);
  // The C library has already taken 128 KiB, out of which even what is large would be served.
  ::malloc_trim(0);
}

void give_back_memory() {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  ::malloc_trim(0);
  give_back_stack(page);
  give_back_program(page);
}

}  // namespace shim
