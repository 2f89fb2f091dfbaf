#include "io/mapped_page.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "io/mapped_guard.h"
#include "io/system_error.h"

namespace io {
namespace {

const dev_t zero_device = makedev(1, 5);  // The same on every Linux.

base::Result<void> has_size(const Descriptor& file, std::size_t bytes) {
  struct stat status{};
  if (fstat(file.get(), &status) != 0)
    return std::unexpected(system_error("cannot look at the journal", errno));
  if (static_cast<std::size_t>(status.st_size) == bytes) return {};
  return base::failure("the journal has " + std::to_string(status.st_size) + " bytes instead of " +
                       std::to_string(bytes));
}

// Under a limit of file sizes that forbids a memory file.
bool is_zero_device(const Descriptor& file) {
  struct stat status{};
  return fstat(file.get(), &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == zero_device;
}

}  // namespace

base::Result<MappedPage> MappedPage::map(const Descriptor& file, std::size_t bytes) {
  if (is_zero_device(file)) return map_it(file, bytes);
  TRY(has_size(file, bytes));
  const int seals = fcntl(file.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0)
    return base::failure("the journal is not sealed against shrinking");
  return map_it(file, bytes);
}

std::string MappedPage::not_in(const Descriptor& file) const {
  if (!is_zero_device(file)) return {};
  return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
}

base::Result<MappedPage> MappedPage::create(const std::string& path, std::size_t bytes) {
  const Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return std::unexpected(system_error("cannot create " + path, errno));
  if (ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) {
    const int error = errno;
    unlink(path.c_str());
    return std::unexpected(system_error("cannot make room for " + path, error));
  }
  auto page = map_guarded(file, bytes);
  if (!page) unlink(path.c_str());
  return page;
}

base::Result<MappedPage> MappedPage::reopen(const std::string& path, std::size_t bytes) {
  const Descriptor file(open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return std::unexpected(system_error("cannot open " + path, errno));
  TRY(has_size(file, bytes));
  return map_guarded(file, bytes);
}

base::Result<MappedPage> MappedPage::map_guarded(const Descriptor& file, std::size_t bytes) {
  MappedPage page = TRY(map_it(file, bytes));
  if (!guard_mapping(page.bytes_)) return base::failure("too many journals are open");
  return page;
}

base::Result<MappedPage> MappedPage::map_it(const Descriptor& file, std::size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (at == MAP_FAILED) return std::unexpected(system_error("cannot map the journal", errno));
  return MappedPage({static_cast<std::byte*>(at), bytes});
}

MappedPage::MappedPage(MappedPage&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedPage::~MappedPage() {
  if (bytes_.empty()) return;
  munmap(bytes_.data(), bytes_.size());
  stop_guarding(bytes_);
}

}  // namespace io
