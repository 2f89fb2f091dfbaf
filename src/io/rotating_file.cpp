#include "io/rotating_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace io {

RotatingFile::RotatingFile(std::string path, std::uint64_t bytes_max, int files_max)
    : path_(std::move(path)), bytes_max_(bytes_max), files_max_(files_max) {}

void RotatingFile::write(std::string_view text) {
  trouble_ = 0;
  if (file_ && size_ >= bytes_max_) rotate();
  if (!file_) open();
  while (file_ && !text.empty()) {
    const ssize_t put = ::write(file_.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      trouble_ = errno;
      file_.reset();  // Opened anew for the next text: the disk may have room by then.
      break;
    }
    size_ += static_cast<std::uint64_t>(put);
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  dropped_ += text.size();
}

// Regular files only: a pipe in its place would block, or be nobody's log.
void RotatingFile::open_with(int flags) {
  file_.reset(::open(path_.c_str(),
                     O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600));
  struct stat status{};
  if (!file_ || fstat(file_.get(), &status) != 0) {
    trouble_ = errno;
    return file_.reset();
  }
  if (!S_ISREG(status.st_mode)) {
    trouble_ = EINVAL;
    return file_.reset();
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

void RotatingFile::open() {
  open_with(0);
  if (file_ && size_ >= bytes_max_) rotate();
}

void RotatingFile::rotate() {
  for (int i = files_max_ - 1; i > 0; --i) {
    const std::string from = i == 1 ? path_ : path_ + '.' + std::to_string(i - 1);
    rename(from.c_str(), (path_ + '.' + std::to_string(i)).c_str());
  }
  open_with(O_TRUNC);
}

}  // namespace io
