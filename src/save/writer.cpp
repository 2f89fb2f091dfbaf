#include "save/writer.h"

#include <utility>

#include "base/siphash.h"

namespace save {
namespace {

void fixed(std::string& out, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace

Writer::Writer() : out_(magic) {
  fixed(out_, format, 4);
}

void Writer::natural(std::uint64_t value) {
  kind(Kind::natural);
  number(value);
}

void Writer::integer(std::int64_t value) {
  if (value >= 0) return natural(static_cast<std::uint64_t>(value));
  kind(Kind::negative);
  number(static_cast<std::uint64_t>(-(value + 1)));
}

void Writer::text(std::string_view value) {
  kind(Kind::text);
  bytes(value);
}

void Writer::list(std::size_t length) {
  kind(Kind::list);
  number(length);
}

void Writer::record(std::span<const std::string_view> names) {
  kind(Kind::record);
  const auto [known, is_new] = classes_.try_emplace(names.data(), classes_.size());
  number(known->second);
  if (!is_new) return;
  number(names.size());
  for (const std::string_view name : names) bytes(name);
}

std::string Writer::finish() && {
  fixed(out_, base::siphash({}, out_), 8);
  return std::move(out_);
}

void Writer::begin_piece() {
  constexpr std::size_t kept = std::size_t{64} << 10;
  if (out_.capacity() > kept) out_ = {};
  out_.clear();
}

void Writer::number(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(0x80 | (value & 0x7f));
  out_ += static_cast<char>(value);
}

void Writer::bytes(std::string_view value) {
  number(value.size());
  out_ += value;
}

}  // namespace save
