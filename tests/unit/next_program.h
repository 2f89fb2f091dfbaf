// What is passed to the next program, within this one.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "io/descriptor.h"
#include "io/passed.h"
#include "save/codec.h"

namespace test {

// All of it as it is read after `let_go`, which destroys what was saved: the numbers of its descriptors are
// closed by that, and stand for the same things again afterwards.
template <class... Saved>
std::tuple<Saved...> passed_on(auto&& let_go, const Saved&... saved) {
  io::Passing writer;
  (save::write(writer, saved), ...);
  std::vector<std::pair<int, io::Descriptor>> kept;
  for (const int number : writer.numbers()) kept.emplace_back(number, dup(number));
  const std::string text = std::move(writer).finish();
  let_go();
  for (const auto& [number, descriptor] : kept) REQUIRE(dup2(descriptor.get(), number) == number);
  save::Reader reader(text);
  std::tuple<Saved...> all;
  std::apply([&](auto&... one) { (save::read(reader, one), ...); }, all);
  REQUIRE(reader.end("it"));
  return all;
}

}  // namespace test
