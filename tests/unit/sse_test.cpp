#include "proto/sse.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using proto::SseEvent;
using proto::SseReader;

namespace {

// "type|data|id|retry", with - for what is not there.
std::string text_of(const SseEvent& event) {
  return event.type + '|' + event.data + '|' + event.id.value_or("-") + '|' +
         (event.retry_ms ? std::to_string(*event.retry_ms) : "-");
}

using Texts = std::vector<std::string>;

Texts events_of(SseReader& reader, std::string_view bytes, std::size_t chunk = SIZE_MAX) {
  Texts events;
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, chunk));
    bytes.remove_prefix(std::min(chunk, bytes.size()));
    while (const auto event = reader.next()) events.push_back(text_of(*event));
  }
  return events;
}

}  // namespace

TEST_CASE("sse: the same in chunks of every size") {
  const struct {
    std::string text;
    Texts events;
  } table[] = {
      {"data: a\n\n", {"|a|-|-"}},
      {"data: a\r\n\r\n", {"|a|-|-"}},
      {"data: a\r\r", {"|a|-|-"}},
      {"data: a\r\n\n", {"|a|-|-"}},
      {"data: a\n\r", {"|a|-|-"}},
      {"data: a\r\n\r\ndata: b\r\rdata: c\n\n", {"|a|-|-", "|b|-|-", "|c|-|-"}},
      {"\xEF\xBB\xBF"
       "data: a\n\n",
       {"|a|-|-"}},
      {"\xEF\xBB\xBF\xEF\xBB\xBF"
       "data: a\n\ndata: b\n\n",
       {"|b|-|-"}},
      {"data: a\n\n\xEF\xBB\xBF"
       "data: b\n\n",
       {"|a|-|-"}},
      {"\xEF\xBB\xBF\ndata: b\n\n", {"|b|-|-"}},
      {"data:a\ndata: b\ndata:  c\ndata\n\n", {"|a\nb\n c\n|-|-"}},
      {"event: ping\nid: 7\nretry: 250\ndata: x\n\n", {"ping|x|7|250"}},
      {"event: a\nevent: b\nid: 1\nid: 2\ndata: x\n\n", {"b|x|2|-"}},
      {"event: lost\n\ndata: x\n\n", {"|x|-|-"}},
      {"id: 3\n\n", {"||3|-"}},
      {"id: 3\ndata:\n\n", {"||3|-"}},
      {"id\ndata: x\n\n", {"|x||-"}},
      {"retry: 10\n\n", {"||-|10"}},
      {"retry: 10x\nretry: -1\nretry:\nretry: 99999999999999999999\n\n", {}},
      {"data:\n\n", {"||-|-"}},
      {"\n\n\n", {}},
      {": comment\n\n:\n\ndata: x\n: in between\n\n", {"|x|-|-"}},
      {"what: ever\nDATA: x\n data: y\ndata : z\n\n", {}},
      {"data: cut off\n", {}},
      {"data: cut off", {}},
      {"data: {\"a\":\"b: c\"}\n\n", {"|{\"a\":\"b: c\"}|-|-"}},
  };
  for (const auto& row : table) {
    CAPTURE(row.text);
    for (std::size_t chunk = 1; chunk <= row.text.size(); ++chunk) {
      CAPTURE(chunk);
      SseReader reader(1000);
      CHECK(events_of(reader, row.text, chunk) == row.events);
      CHECK(reader.skipped() == 0);
    }
  }
}

TEST_CASE("sse: an id with NUL in it is none") {
  SseReader reader(1000);
  CHECK(events_of(reader, std::string_view("id: a\0b\ndata: x\n\n", 17)) == Texts{"|x|-|-"});
}

TEST_CASE("sse: a comment ends no event") {
  SseReader reader(1000);
  reader.feed("data: x\n: y\n");
  CHECK_FALSE(reader.next());
  reader.feed("\n");
  CHECK(reader.next());
}

TEST_CASE("sse: what is too large is skipped, and the stream goes on") {
  const std::string large(3000, 'x');
  const struct {
    std::string text;
    Texts events;
    std::uint64_t skipped;
  } table[] = {
      {"data: " + large + "\n\ndata: b\n\n", {"|b|-|-"}, 1},
      {"data: " + std::string(99, 'x') + "\n\n", {"|" + std::string(99, 'x') + "|-|-"}, 0},
      {"data: " + std::string(100, 'x') + "\n\n", {}, 1},
      {"data: " + std::string(60, 'x') + "\ndata: " + std::string(60, 'x') + "\n\ndata: b\n\n",
       {"|b|-|-"},
       1},
      {"id: 4\nevent: e\ndata: " + large + "\n\n", {"||4|-"}, 1},
      {"data: " + large + "\nid: 4\ndata: more\n\ndata: b\n\n", {"||4|-", "|b|-|-"}, 1},
      {"data: " + large + "\ndata: " + large + "\n\ndata: b\n\n", {"|b|-|-"}, 1},
      {"data: " + large + "\n\ndata: " + large + "\n\n", {}, 2},
      {": " + large + "\ndata: b\n\n", {"|b|-|-"}, 0},
      {"event: " + large + "\ndata: a\n\n", {}, 1},
      {"id: " + large + "\ndata: a\n\n", {}, 1},
  };
  for (const auto& row : table) {
    CAPTURE(row.text.substr(0, 40));
    for (const std::size_t chunk : {SIZE_MAX, std::size_t{1}, std::size_t{100}, std::size_t{1500}}) {
      CAPTURE(chunk);
      SseReader reader(100);
      CHECK(events_of(reader, row.text, chunk) == row.events);
      CHECK(reader.skipped() == row.skipped);
    }
  }
}

TEST_CASE("sse: what is written reads back") {
  const SseEvent events[] = {
      {.type = "", .data = "{}"},
      {.type = "endpoint", .data = "/sse/x?session=1"},
      {.type = "", .data = "two\nlines\n", .id = "1-2-3"},
      {.type = "", .data = "", .id = "1-2-3", .retry_ms = 1000},
      {.type = "", .data = "", .id = std::nullopt, .retry_ms = 5},
      {.type = "message", .data = " leading blank", .id = ""},
      {.type = "", .data = "\n\n"},
  };
  std::string text;
  Texts expected;
  for (const SseEvent& event : events) {
    text += proto::sse_text(event) + proto::sse_comment("in between\n\ndata: x");
    expected.push_back(text_of(event));
  }
  SseReader reader(1000);
  CHECK(events_of(reader, text) == expected);
}

TEST_CASE("sse: the text of an event") {
  CHECK(proto::sse_text({.type = "message", .data = "{}", .id = "7"}) ==
        "event: message\nid: 7\ndata: {}\n\n");
  CHECK(proto::sse_text({.type = "", .data = "", .id = "7", .retry_ms = 9}) == "id: 7\nretry: 9\ndata: \n\n");
  CHECK(proto::sse_text({.type = "", .data = "", .retry_ms = 9}) == "retry: 9\n\n");
  CHECK(proto::sse_text({.type = "", .data = "a\r\nb\rc"}) == "data: a\ndata: b\ndata: c\n\n");
  CHECK(proto::sse_text({.type = "a\nb", .data = "x", .id = "1\r\n\r\ndata: y"}) ==
        "event: ab\nid: 1data: y\ndata: x\n\n");
  CHECK(proto::sse_comment("alive") == ": alive\n\n");
}
