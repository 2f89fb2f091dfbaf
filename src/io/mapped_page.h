// A file, mapped and written with plain stores: the memory file of another process, or one on disk of ours.
//
// Made for a session's journal (proto/journal.h). Another process's must have the size that is mapped and be
// sealed against shrinking, or the other side could end this process by cutting it short. One of ours is
// sparse, and guarded (io/mapped_guard.h), or a full disk could.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"
#include "io/descriptor.h"

namespace io {

class MappedPage {
 public:
  static base::Result<MappedPage> map(const Descriptor& file, std::size_t bytes);
  // Mode 0600, zeroed; must not exist yet.
  static base::Result<MappedPage> create(const std::string& path, std::size_t bytes);
  // One that an earlier process of ours has created.
  static base::Result<MappedPage> reopen(const std::string& path, std::size_t bytes);

  MappedPage(MappedPage&& other) noexcept;
  MappedPage& operator=(MappedPage&&) = delete;
  ~MappedPage();

  std::span<std::byte> bytes() const { return bytes_; }

  // What has to be kept beside the file that was mapped: all of it, if the file is none that keeps anything.
  std::string not_in(const Descriptor& file) const;

 private:
  explicit MappedPage(std::span<std::byte> bytes) : bytes_(bytes) {}
  static base::Result<MappedPage> map_guarded(const Descriptor& file, std::size_t bytes);
  static base::Result<MappedPage> map_it(const Descriptor& file, std::size_t bytes);
  std::span<std::byte> bytes_;
};

}  // namespace io
