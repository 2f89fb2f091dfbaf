// A walk of /proc that waits, on the surveyor's thread, until the test lets it go on.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <utility>
#include <vector>

#include "io/descriptor.h"
#include "io/loop.h"
#include "io/surveyor.h"

namespace test {

class HeldWalk {
 public:
  enum class Held : unsigned char { before, after };  // It looks.

  explicit HeldWalk(io::Loop& loop, io::Surveyor::Walk walk = io::survey, Held held = Held::before)
      : walk_(std::move(walk)),
        held_(held),
        begun_(io::make_pipe().value()),
        released_(io::make_pipe().value()),
        watch_(loop.watch(begun_.read_end.get(), io::Interest::read, [this] { note(); }).value()) {}

  io::Surveyor::Walk walk() {
    return [this](std::span<const io::Question> questions) {
      std::vector<io::Seen> seen;
      if (held_ == Held::after) seen = walk_(questions);
      put(begun_);
      char go = 0;
      while (read(released_.read_end.get(), &go, 1) < 0 && errno == EINTR) {
      }
      return held_ == Held::after ? seen : walk_(questions);
    };
  }
  // How many walks wait or have waited. The loop is woken by each.
  int begun() const { return count_; }
  void release() { put(released_); }

 private:
  void note() {
    char one = 0;
    CHECK(read(begun_.read_end.get(), &one, 1) == 1);
    ++count_;
  }
  static void put(const io::Pipe& pipe) { CHECK(write(pipe.write_end.get(), "x", 1) == 1); }

  io::Surveyor::Walk walk_;
  Held held_;
  io::Pipe begun_;
  io::Pipe released_;
  io::Watch watch_;
  int count_ = 0;
};

}  // namespace test
