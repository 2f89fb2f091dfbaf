// The pieces of one gathered write.
//
// Small pieces are copied together: the kernel takes one piece of a few kilobytes much faster than a hundred
// small ones. Large ones are written from where they are, so what was added must stay until the write is
// done. Lives on the stack.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "proto/message.h"

namespace io {

class Gathered {
 public:
  // What one write takes at most. A reader that keeps up would have the kernel copy a whole long message in
  // one go, while everybody else waits.
  static constexpr std::size_t at_once_max = std::size_t{512} << 10;

  // `skip` bytes at the beginning have been written before.
  explicit Gathered(std::size_t skip) : skip_(skip) {}

  // For one more message, with a little around it.
  bool has_room() const { return count_ + pieces_per_message_max <= pieces_max; }

  void add(std::string_view piece) {
    const std::size_t skipped = std::min(skip_, piece.size());
    skip_ -= skipped;
    piece.remove_prefix(skipped);
    if (piece.empty()) return;
    size_ += piece.size();
    if (piece.size() > worth_gathering || in_small_ + piece.size() > small_max) {
      pieces_[count_++] = {const_cast<char*>(piece.data()), piece.size()};
      return;
    }
    char* const end = small_.data() + in_small_;
    std::memcpy(end, piece.data(), piece.size());
    in_small_ += piece.size();
    if (count_ > 0 && static_cast<char*>(pieces_[count_ - 1].iov_base) + pieces_[count_ - 1].iov_len == end) {
      pieces_[count_ - 1].iov_len += piece.size();
    } else {
      pieces_[count_++] = {end, piece.size()};
    }
  }

  std::size_t size() const { return size_; }

  // As much as there is room for, of what follows the first `from` bytes. For who cannot take pieces.
  std::size_t copy(std::size_t from, std::span<char> to) const {
    std::size_t copied = 0;
    for (std::size_t i = 0; i < count_ && copied < to.size(); ++i) {
      const std::size_t skipped = std::min(from, pieces_[i].iov_len);
      const std::size_t part = std::min(pieces_[i].iov_len - skipped, to.size() - copied);
      from -= skipped;
      std::memcpy(to.data() + copied, static_cast<const char*>(pieces_[i].iov_base) + skipped, part);
      copied += part;
    }
    return copied;
  }

  // As the system calls return, but never interrupted.
  ssize_t send_to(int socket) {
    constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    msghdr message{};
    message.msg_iov = pieces_.data();
    message.msg_iovlen = at_once();
    ssize_t put = 0;
    do {
      // A single piece costs the kernel less without a header.
      put = count_ == 1 ? send(socket, pieces_[0].iov_base, pieces_[0].iov_len, flags)
                        : sendmsg(socket, &message, flags);
    } while (put < 0 && errno == EINTR);
    return put;
  }
  ssize_t write_to(int fd) {
    const int count = static_cast<int>(at_once());
    ssize_t put = 0;
    do {
      put = writev(fd, pieces_.data(), count);
    } while (put < 0 && errno == EINTR);
    return put;
  }

 private:
  // Cuts off what is too much for one write; how many pieces are left.
  std::size_t at_once() {
    std::size_t room = at_once_max;
    for (std::size_t i = 0; i < count_; ++i) {
      pieces_[i].iov_len = std::min(pieces_[i].iov_len, room);
      room -= pieces_[i].iov_len;
      if (room == 0) return i + 1;
    }
    return count_;
  }

  // Below IOV_MAX, so that the array fits a stack.
  static constexpr std::size_t pieces_max = 256;
  static constexpr std::size_t pieces_per_message_max = 2 * proto::Message::splices_max + 4;
  static constexpr std::size_t worth_gathering = 1024;
  static constexpr std::size_t small_max = std::size_t{32} << 10;

  std::array<iovec, pieces_max> pieces_;
  std::array<char, small_max> small_;
  std::size_t count_ = 0;
  std::size_t in_small_ = 0;
  std::size_t size_ = 0;
  std::size_t skip_ = 0;
};

}  // namespace io
