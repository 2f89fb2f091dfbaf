// What a client of ours hears on its descriptor, while the loop that serves it runs.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <string>
#include <string_view>

#include "io/descriptor.h"
#include "io/loop.h"

namespace test {

// Everything that has come or comes until the text, or until the end; an empty text is waited for in vain.
// `until` turns the loop.
inline std::string heard(io::Loop& loop, const io::Descriptor& client, std::string_view text,
                         const std::function<bool(const std::function<bool()>&)>& until) {
  std::string all;
  bool ended = false;
  const auto read = [&] {
    std::array<char, 65536> piece;
    const ssize_t got = recv(client.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (got > 0) all.append(piece.data(), static_cast<std::size_t>(got));
    ended |= got == 0;
  };
  const io::Watch watch = loop.watch(client.get(), io::Interest::read, read).value();
  CHECK(until([&] { return ended || (!text.empty() && all.contains(text)); }));
  return all;
}

}  // namespace test
