// How the entries of a chronicle (record/chronicle.h) become values of save/codec.h: by its rule, but for
// what is said here. For the chronicle only: no saved state has any of these.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/time.h"
#include "broker/context/environment_codec.h"
#include "broker/event.h"
#include "core/kept.h"
#include "record/page.h"
#include "save/codec.h"

namespace record {

enum class EntryKind : std::uint8_t {
  event,
  opened,  // SessionOpened, and its page as it was; absent: it had none, or a fresh one.
  admitted,
  dismissed,
  ticked,
};

// What a beginning says of the options that the broker was made with; the others are in the saved broker.
struct Opening {
  base::Duration retire_after{};
  std::string version;
  core::Allowances allowances{};
  static constexpr std::size_t fields = 3;
};

struct EntryReader : broker::EnvironmentReader {
  EntryReader() : EnvironmentReader(save::InPieces()) {}
  std::string_view text;  // What follows the values of this entry.
};

}  // namespace record

namespace save {

// The bytes of a line are the text that follows.
template <>
struct Codec<proto::Line> {
  static void write(Writer& writer, const proto::Line& line) {
    const auto& [bytes, overlong, length, id, has_method] = line;
    writer.list(overlong ? 3 : 0);
    if (!overlong) return;
    save::write(writer, length);
    save::write(writer, id);
    save::write(writer, has_method);
  }
  static void read(Reader& reader, proto::Line& line) {
    line.bytes = base::Bytes::copy(std::string(static_cast<record::EntryReader&>(reader).text));
    line.length = line.bytes.size();
    const std::size_t parts = reader.list();
    if (parts == 0) return;
    if (parts != 3) return reader.fail("an overlong line has three parts");
    line.overlong = true;
    save::read(reader, line.length);
    save::read(reader, line.id);
    save::read(reader, line.has_method);
  }
};

// The broker that is told the line scans it again.
template <>
struct Codec<std::optional<proto::Envelope>> {
  static void write(Writer& writer, const std::optional<proto::Envelope>&) { writer.list(0); }
  static void read(Reader& reader, std::optional<proto::Envelope>&) {
    if (reader.list() != 0) reader.fail("there is something where nothing belongs");
  }
};

// The page is written beside the event.
template <>
struct Codec<std::span<std::byte>> {
  static void write(Writer& writer, const std::span<std::byte>&) { writer.list(0); }
  static void read(Reader& reader, std::span<std::byte>&) {
    if (reader.list() != 0) reader.fail("there is something where nothing belongs");
  }
};

}  // namespace save
