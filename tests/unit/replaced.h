// Scenarios a second time (unit_tests --replaced): after every step the object under test is one that was
// read from what the one before had written, as in the program after an upgrade.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "save/codec.h"

namespace test {

extern bool replaced;  // Set by main() before the first test.

template <class T>
std::string written(const T& object) {
  save::Writer writer;
  save::write(writer, object);
  return std::move(writer).finish();
}

template <class T>
T read_again(const T& object) {
  const std::string text = written(object);
  save::Reader reader(text);
  auto again = save::read<T>(reader);
  REQUIRE(reader.end("it"));
  CHECK(written(again) == text);
  return again;
}

}  // namespace test
