// A message on its way out: the bytes as they came, with a few pieces replaced.
//
// Forwarding changes an id and perhaps a token and leaves megabytes alone, so a message is the received bytes
// plus at most `splices_max` splices, and is written with one gathered write. The line terminator is not part
// of it: whoever writes it to a stdio link adds "\n".
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/ensure.h"
#include "base/fields.h"
#include "proto/envelope.h"

namespace proto {

class Message {
 public:
  static constexpr std::size_t splices_max = 4;

  Message() = default;
  explicit Message(base::Bytes bytes) : bytes_(std::move(bytes)) {}
  explicit Message(std::string text) : bytes_(base::Bytes::copy(std::move(text))) {}

  // Puts `text` in place of the span; a span of length 0 inserts. Splices must be added in the order of their
  // positions and must not overlap.
  void splice(Span span, std::string_view text) {
    ensure(count_ < splices_max);
    ensure(count_ == 0 || splices_[count_ - 1].span.at + splices_[count_ - 1].span.length <= span.at);
    splices_[count_++] = {span, static_cast<std::uint32_t>(texts_.size()),
                          static_cast<std::uint32_t>(text.size())};
    texts_ += text;
  }

  // The same in any order, in place of what may have been spliced in for that span before.
  void restate(Span span, std::string_view text) {
    const auto end = splices_.begin() + count_;
    const auto place = [](const Span& one) { return std::pair(one.at, one.length); };
    auto at = std::find_if(splices_.begin(), end,
                           [&](const Splice& one) { return place(one.span) >= place(span); });
    if (at == end || place(at->span) != place(span)) {
      ensure(count_ < splices_max);
      std::move_backward(at, end, end + 1);
      ++count_;
    }
    *at = {span, static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint32_t>(text.size())};
    texts_ += text;
  }

  bool has_room_for(std::size_t splices) const { return count_ + splices <= splices_max; }

  // Puts text before and behind the whole, as a framing does.
  void surround(std::string_view before, std::string_view behind) {
    ensure(count_ + 2 <= splices_max);
    for (std::size_t i = count_; i > 0; --i) splices_[i] = splices_[i - 1];
    ++count_;
    splices_[0] = {{}, static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint32_t>(before.size())};
    texts_ += before;
    splice({bytes_.size(), 0}, behind);
  }

  // What stands in the place of the span: the text that was spliced in there, or the bytes as they came.
  std::string_view standing_at(Span span) const {
    for (std::size_t i = 0; i < count_; ++i) {
      const Splice& splice = splices_[i];
      if (splice.span.at != span.at || splice.span.length != span.length) continue;
      return std::string_view(texts_).substr(splice.text_at, splice.text_length);
    }
    return span.in(bytes_.text);
  }

  // f(std::string_view) for each piece in order; the concatenation is the message.
  template <class F>
  void each_piece(F&& f) const {
    std::size_t from = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const Splice& splice = splices_[i];
      if (splice.span.at > from) f(bytes_.text.substr(from, splice.span.at - from));
      if (splice.text_length != 0) f(std::string_view(texts_).substr(splice.text_at, splice.text_length));
      from = splice.span.at + splice.span.length;
    }
    if (from < bytes_.text.size()) f(bytes_.text.substr(from));
  }

  std::size_t size() const {
    std::size_t total = bytes_.size();
    for (std::size_t i = 0; i < count_; ++i) {
      total += splices_[i].text_length;
      total -= splices_[i].span.length;
    }
    return total;
  }
  std::string text() const {
    std::string whole;
    whole.reserve(size());
    each_piece([&](std::string_view piece) { whole += piece; });
    return whole;
  }
  const base::Bytes& bytes() const { return bytes_; }

  static constexpr std::size_t fields = 4;
  friend struct base::Fields;

 private:
  // Small on purpose: a message is moved through several queues, and most splices are short numbers.
  struct Splice {
    Span span;
    std::uint32_t text_at = 0;
    std::uint32_t text_length = 0;
    static constexpr std::size_t fields = 3;
  };

  base::Bytes bytes_;
  std::string texts_;  // What stands in the places of the spans, one after the other.
  std::array<Splice, splices_max> splices_;
  std::size_t count_ = 0;
};

}  // namespace proto
