// The transports towards clients as values that are written and read (save/codec.h), between two turns.
//
// One that was read is told by follow() what the next program has in another way: bounds, times, and where
// its neighbours are.
#pragma once

#include <vector>

#include "base/ensure.h"
#include "save/codec.h"
#include "transport/inbound/desk.h"
#include "transport/inbound/exchange.h"
#include "transport/inbound/sse_server.h"
#include "transport/inbound/streamable_server.h"

namespace save {

// What is in an outbox goes out before its turn ends.
template <>
struct Codec<std::vector<transport::Output>> {
  static void write(Writer& writer, const std::vector<transport::Output>& outbox) {
    ensure(outbox.empty());
    writer.list(0);
  }
  static void read(Reader& reader, std::vector<transport::Output>&) {
    if (reader.list() != 0) reader.fail("it was written in the middle of a turn");
  }
};

template <>
struct Codec<transport::StreamableServer> {
  static void write(Writer& writer, const transport::StreamableServer& server);
  static void read(Reader& reader, transport::StreamableServer& server);
};
template <>
struct Codec<transport::SseServer> {
  static void write(Writer& writer, const transport::SseServer& server);
  static void read(Reader& reader, transport::SseServer& server);
};
template <>
struct Codec<transport::Desk> {
  static void write(Writer& writer, const transport::Desk& desk);
  static void read(Reader& reader, transport::Desk& desk);
};

}  // namespace save
