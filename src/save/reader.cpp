#include "save/reader.h"

#include <algorithm>
#include <utility>

#include "base/siphash.h"

namespace save {
namespace {

constexpr int depth_max = 64;
constexpr std::size_t head_bytes = magic.size() + 4;
constexpr std::size_t foot_bytes = 8;

std::uint64_t fixed(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i)
    value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::natural:
    case Kind::negative:
      return "a number";
    case Kind::text:
      return "a text";
    case Kind::list:
      return "a list";
    case Kind::record:
      return "a record";
  }
  return "nothing that is known";
}

// What is wrong with the whole; empty: nothing.
std::string fault_of(std::string_view saved) {
  if (saved.size() < head_bytes + foot_bytes || !saved.starts_with(magic)) return "it is no saved state";
  const std::uint64_t written_as = fixed(saved.substr(magic.size(), 4));
  if (written_as != format)
    return "it has format " + std::to_string(written_as) + ", and this build reads format " +
           std::to_string(format);
  const std::size_t end = saved.size() - foot_bytes;
  if (fixed(saved.substr(end)) != base::siphash({}, saved.substr(0, end))) return "it is damaged";
  return {};
}

}  // namespace

Reader::Reader(std::string_view saved) : saved_(saved), failure_(fault_of(saved)) {
  if (failed()) return;
  at_ = head_bytes;
  end_ = saved.size() - foot_bytes;
}

void Reader::begin_piece(std::string_view piece) {
  if (at_ != end_) fail("something follows that was not expected");
  saved_ = piece;
  at_ = 0;
  end_ = piece.size();
}

void Reader::fail(std::string why) {
  if (failure_.empty()) failure_ = std::move(why) + " (at byte " + std::to_string(at_) + ")";
}

base::Result<void> Reader::end(std::string_view what) {
  if (at_ != end_) fail("something follows that was not expected");
  if (failure_.empty()) return {};
  return base::failure(std::string(what) + " cannot be read: " + failure_);
}

std::uint64_t Reader::natural() {
  return take(Kind::natural) ? number() : 0;
}

std::int64_t Reader::integer() {
  const bool negative = next_is(Kind::negative);
  if (!take(negative ? Kind::negative : Kind::natural)) return 0;
  const std::uint64_t value = number();
  if (value > static_cast<std::uint64_t>(INT64_MAX)) {
    fail("a number is too large");
    return 0;
  }
  return negative ? -static_cast<std::int64_t>(value) - 1 : static_cast<std::int64_t>(value);
}

std::string_view Reader::text() {
  return take(Kind::text) ? bytes() : std::string_view();
}

std::size_t Reader::list() {
  if (!take(Kind::list)) return 0;
  const std::uint64_t length = number();
  if (length > end_ - at_) fail("a list is longer than all that follows");
  return failed() ? 0 : static_cast<std::size_t>(length);
}

std::size_t Reader::begin_record() {
  if (!take(Kind::record)) return 0;
  const std::uint64_t known_as = number();
  if (known_as > classes_.size()) fail("a class is used before it is named");
  if (failed() || known_as < classes_.size()) return static_cast<std::size_t>(known_as);
  const std::uint64_t count = number();
  if (count > end_ - at_) fail("a class has more members than bytes follow");
  std::vector<std::string_view> names;
  for (std::uint64_t i = 0; i < count && !failed(); ++i) {
    names.push_back(bytes());
    if (std::ranges::count(names, names.back()) > 1) fail("a class names a member twice");
  }
  classes_.push_back(std::move(names));
  return classes_.size() - 1;
}

void Reader::skip_if_empty(std::string_view name) {
  if (!skip(0) && !failed())
    fail("it says something about \"" + std::string(name) + "\", which this build does not know");
}

bool Reader::skip(int depth) {
  if (failed() || at_ >= end_ || depth > depth_max) {
    fail("it ends early, or nests too deep");
    return true;
  }
  switch (peek()) {
    case Kind::natural:
      return natural() == 0;
    case Kind::negative:
      integer();
      return false;
    case Kind::text:
      return text().empty();
    case Kind::list: {
      const std::size_t length = list();
      for (std::size_t i = 0; i < length && !failed(); ++i) skip(depth + 1);
      return length == 0;
    }
    case Kind::record: {
      const std::size_t known_as = begin_record();
      bool empty = true;
      for (std::size_t i = 0; !failed() && i < classes_[known_as].size(); ++i) empty &= skip(depth + 1);
      return empty;
    }
  }
  fail("a value is of no kind that is known");
  return true;
}

bool Reader::take(Kind kind) {
  if (failed()) return false;
  if (at_ >= end_) {
    fail("it ends early");
    return false;
  }
  if (peek() != kind) {
    fail("there is " + std::string(name_of(peek())) + " where " + std::string(name_of(kind)) + " belongs");
    return false;
  }
  ++at_;
  return true;
}

std::uint64_t Reader::number() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && at_ < end_; shift += 7) {
    const auto byte = static_cast<unsigned char>(saved_[at_++]);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail("a number does not end, or is too large");
  return 0;
}

std::string_view Reader::bytes() {
  const std::uint64_t length = number();
  if (failed() || length > end_ - at_) {
    fail("a text is longer than all that follows");
    return {};
  }
  const std::string_view found = saved_.substr(at_, static_cast<std::size_t>(length));
  at_ += found.size();
  return found;
}

}  // namespace save
