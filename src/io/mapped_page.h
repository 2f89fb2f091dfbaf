// A memory file of another process, mapped and written with plain stores.
//
// Made for a session's journal (proto/journal.h). The file must have the size that is mapped and be sealed
// against shrinking, or the other side could end this process by cutting it short.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "io/descriptor.h"

namespace io {

class MappedPage {
 public:
  static base::Result<MappedPage> map(const Descriptor& file, std::size_t bytes);

  MappedPage(MappedPage&& other) noexcept;
  MappedPage& operator=(MappedPage&&) = delete;
  ~MappedPage();

  std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedPage(std::span<std::byte> bytes) : bytes_(bytes) {}
  std::span<std::byte> bytes_;
};

}  // namespace io
