#include "proto/message.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using proto::Message;

namespace {

std::vector<std::string> pieces_of(const Message& message) {
  std::vector<std::string> pieces;
  message.each_piece([&](std::string_view piece) { pieces.emplace_back(piece); });
  return pieces;
}

using Pieces = std::vector<std::string>;

struct Replacement {
  proto::Span span;
  std::string text;
};

}  // namespace

TEST_CASE("a message without splices is its bytes") {
  const Message message("{\"id\":1}");
  CHECK(message.text() == "{\"id\":1}");
  CHECK(message.size() == 8);
  CHECK(pieces_of(message) == Pieces{"{\"id\":1}"});
  CHECK(pieces_of(Message()).empty());
  CHECK(Message().size() == 0);
}

TEST_CASE("pieces are replaced, inserted and taken out") {
  struct Case {
    std::vector<Replacement> splices;
    std::string text;
  };
  const Case cases[] = {
      {{{{0, 2}, "X"}}, "Xcdefgh"},
      {{{{6, 2}, "XYZ"}}, "abcdefXYZ"},
      {{{{3, 2}, ""}}, "abcfgh"},
      {{{{0, 8}, ""}}, ""},
      {{{{4, 0}, "X"}}, "abcdXefgh"},
      {{{{0, 0}, "X"}, {{8, 0}, "Y"}}, "XabcdefghY"},
      {{{{1, 1}, "X"}, {{2, 1}, "Y"}, {{3, 1}, "Z"}, {{7, 1}, "W"}}, "aXYZefgW"},
  };
  for (const Case& c : cases) {
    Message message("abcdefgh");
    for (const auto& splice : c.splices) message.splice(splice.span, splice.text);
    CHECK(message.text() == c.text);
    CHECK(message.size() == c.text.size());
    for (const auto& piece : pieces_of(message)) CHECK_FALSE(piece.empty());
  }
}

TEST_CASE("an id is put back in the client's own bytes, and the rest is not copied") {
  const auto bytes = base::Bytes::copy(R"({"jsonrpc":"2.0","id":17,"result":{"text":"…"}})");
  Message message(bytes);
  const auto envelope = proto::scan(bytes.text);
  REQUIRE(envelope);
  message.splice(envelope->id, "\"client-1\"");
  CHECK(message.text() == R"({"jsonrpc":"2.0","id":"client-1","result":{"text":"…"}})");
  std::vector<const char*> places;
  message.each_piece([&](std::string_view piece) { places.push_back(piece.data()); });
  REQUIRE(places.size() == 3);
  CHECK(places[0] == bytes.text.data());
  CHECK(places[2] == bytes.text.data() + envelope->id.at + envelope->id.length);
}

TEST_CASE("text is put around a message that has splices already") {
  Message message("abcdefgh");
  message.splice({0, 1}, "A");
  message.splice({7, 1}, "H");
  message.surround("data: ", "!\n");
  CHECK(message.text() == "data: AbcdefgH!\n");
  CHECK(message.size() == message.text().size());

  Message empty;
  empty.surround("[", "]");
  CHECK(empty.text() == "[]");
}

TEST_CASE("what stands at a span is the text that replaced it") {
  Message message("abcdefgh");
  message.splice({2, 3}, "X");
  CHECK(message.standing_at({2, 3}) == "X");
  CHECK(message.standing_at({0, 2}) == "ab");
  message.surround("<", ">");
  CHECK(message.standing_at({2, 3}) == "X");
  CHECK(message.standing_at({5, 3}) == "fgh");
}

TEST_CASE("what was spliced in can be replaced, in any order") {
  Message message("{\"a\":1,\"b\":2}");
  message.splice({11, 1}, "two");
  message.restate({5, 1}, "one");
  CHECK(message.text() == "{\"a\":one,\"b\":two}");
  message.restate({11, 1}, "2222");
  message.restate({5, 1}, "");
  CHECK(message.text() == "{\"a\":,\"b\":2222}");
  CHECK(message.size() == message.text().size());
  CHECK(message.standing_at({11, 1}) == "2222");
  // Inserted before what is replaced at the same place.
  message.restate({11, 0}, "x");
  CHECK(message.text() == "{\"a\":,\"b\":x2222}");
  CHECK(message.has_room_for(1));
  CHECK_FALSE(message.has_room_for(2));
}
