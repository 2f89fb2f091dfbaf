// Bytes that several queues may hold at once, without a copy.
//
// A view into a buffer and a share in the buffer's life. This is the only shared ownership in the program:
// one buffer carries many messages, and each is freed when the last of them has been written.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace base {

struct Bytes {
  std::string_view text;
  std::shared_ptr<const char> owner;  // Empty for text that lives for ever.

  std::size_t size() const { return text.size(); }

  static Bytes literal(std::string_view text) { return {text, nullptr}; }
  static Bytes copy(std::string text) {
    auto held = std::make_shared<const std::string>(std::move(text));
    return {*held, std::shared_ptr<const char>(held, held->data())};
  }
};

}  // namespace base
