// A descriptor that goes along when this program becomes another (io/successor.h).
//
// The number stays the same, so it can be written down as one. Whatever is written by a Passing is noted
// there: nothing has to be listed a second time. Numbers that are read are nobody's until they are taken.
#pragma once

#include <vector>

#include "base/result.h"
#include "io/descriptor.h"
#include "save/codec.h"

namespace io {

struct Passed {
  int number = -1;  // -1: there is none.
};

// The descriptor stays whose it is.
inline Passed pass(const Descriptor& descriptor) {
  return {descriptor.get()};
}

// By the program that it was passed to, once. Fails if there is none of that number.
base::Result<Descriptor> take(Passed passed);

class Passing : public save::Writer {
 public:
  void note(Passed passed) {
    if (passed.number >= 0) numbers_.push_back(passed.number);
  }
  const std::vector<int>& numbers() const { return numbers_; }

 private:
  std::vector<int> numbers_;
};

}  // namespace io

// Only a Passing may write one.
template <>
struct save::Codec<io::Passed> {
  static void write(Writer& writer, io::Passed passed) {
    writer.integer(passed.number);
    static_cast<io::Passing&>(writer).note(passed);
  }
  static void read(Reader& reader, io::Passed& passed) { save::read(reader, passed.number); }
};
