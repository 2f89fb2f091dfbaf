#include "proto/lines.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "save/codec.h"

using proto::Line;
using proto::LineReader;
using proto::ReadBuffer;

namespace {

constexpr std::size_t kibibyte = 1024;
constexpr std::size_t mebibyte = 1024 * kibibyte;

// Puts `bytes` into the reader in chunks of at most `chunk`, and gives what came out.
void feed(LineReader& reader, std::string_view bytes, std::size_t chunk, std::vector<Line>& lines) {
  while (!bytes.empty()) {
    const auto room = reader.room();
    REQUIRE(!room.empty());
    const std::size_t count = std::min({room.size(), chunk, bytes.size()});
    std::memcpy(room.data(), bytes.data(), count);
    reader.filled(count);
    bytes.remove_prefix(count);
    while (auto line = reader.next()) lines.push_back(std::move(*line));
  }
}

std::vector<Line> lines_of(std::string_view bytes, std::size_t chunk = 1 * mebibyte,
                           std::size_t line_max = mebibyte) {
  LineReader reader(line_max);
  std::vector<Line> lines;
  feed(reader, bytes, chunk, lines);
  return lines;
}

std::vector<std::string> texts_of(const std::vector<Line>& lines) {
  std::vector<std::string> texts;
  for (const Line& line : lines) texts.push_back(line.overlong ? "(overlong)" : std::string(line.bytes.text));
  return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("lines are the same whatever the chunks") {
  struct Case {
    std::string stream;
    Texts lines;
  };
  const Case cases[] = {
      {"{}\n", {"{}"}},
      {"{}\n[1]\n2\n", {"{}", "[1]", "2"}},
      {"{}\r\n[1]\r\n", {"{}", "[1]"}},
      {"a\rb\r\r\n", {"a\rb\r"}},
      {"\n\r\n \n\t \r\n{}\n\n", {"{}"}},
      {" {} \n", {" {} "}},
      {"\xEF\xBB\xBF{}\n{}\n", {"{}", "{}"}},
      {"\xEF\xBB\xBF\n{}\n", {"{}"}},
      {"\xEF\xBB\xBF\r\n\xEF\xBB\xBF{}\n", {"\xEF\xBB\xBF{}"}},
      {"\xEF\xBB\n", {"\xEF\xBB"}},
      {"\"\xF0\x9F\x98\x80\"\n", {"\"\xF0\x9F\x98\x80\""}},
      {"\"\xE2\x80\xA8\xE2\x80\xA9\xC2\x85\v\f\"\n", {"\"\xE2\x80\xA8\xE2\x80\xA9\xC2\x85\v\f\""}},
      {std::string("\0\xFF\n", 3), {std::string("\0\xFF", 2)}},
      {"unfinished", {}},
      {"", {}},
  };
  for (const Case& c : cases) {
    for (std::size_t chunk = 1; chunk <= c.stream.size() + 1; ++chunk) {
      CHECK(texts_of(lines_of(c.stream, chunk)) == c.lines);
    }
    for (std::size_t split = 0; split <= c.stream.size(); ++split) {
      LineReader reader(mebibyte);
      std::vector<Line> lines;
      feed(reader, std::string_view(c.stream).substr(0, split), mebibyte, lines);
      feed(reader, std::string_view(c.stream).substr(split), mebibyte, lines);
      CHECK(texts_of(lines) == c.lines);
    }
  }
}

TEST_CASE("lines stay what they were while others follow") {
  std::string stream;
  Texts expected;
  for (std::size_t i = 0; i < 3000; ++i) {
    expected.push_back(std::to_string(i) + std::string(i % 1500, static_cast<char>('a' + i % 26)));
    stream += expected.back() + '\n';
  }
  for (const std::size_t chunk : std::initializer_list<std::size_t>{7, 1000, 4096, 65536, 1 << 20}) {
    CHECK(texts_of(lines_of(stream, chunk)) == expected);
  }
}

TEST_CASE("a line shows its length, and an unfinished one how much there is") {
  LineReader reader(100);
  std::vector<Line> lines;
  feed(reader, "abc\r\nde", 100, lines);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].length == 3);
  CHECK(reader.unfinished() == 2);
  CHECK(reader.unfinished_bytes() == "de");
  feed(reader, "\n", 100, lines);
  CHECK(reader.unfinished() == 0);
  CHECK(reader.unfinished_bytes().empty());
}

TEST_CASE("a line may be as long as the limit and not a byte longer") {
  for (const std::string start : {"", "\xEF\xBB\xBF", "x\n"}) {
    for (const std::string end : {"\n", "\r\n"}) {
      for (std::size_t size = 60; size <= 70; ++size) {
        std::string stream = start;
        stream.append(size, 'a').append(end).append("next\n");
        for (const std::size_t chunk : std::initializer_list<std::size_t>{1, 3, 64, 1000}) {
          const auto lines = lines_of(stream, chunk, 64);
          REQUIRE(lines.size() == (start == "x\n" ? 3 : 2));
          const Line& line = lines[lines.size() - 2];
          CHECK(line.overlong == (size > 64));
          CHECK(line.length == size);
          CHECK(line.bytes.size() == (size > 64 ? 0 : size));
          CHECK(lines.back().bytes.text == "next");
        }
      }
    }
  }
}

TEST_CASE("an overlong line says who it was from") {
  const std::string filler(500, 'x');
  struct Case {
    std::string text;
    std::string id;
    bool has_method;
  };
  const Case cases[] = {
      {R"({"id":7,"method":"m","params":")" + filler + "\"}", "7", true},
      {R"({"params":")" + filler + R"(","method":"m","id":"a"})", "\"a\"", true},
      {R"({"result":{"id":1,"t":")" + filler + R"("},"id":8})", "8", false},
      {filler, "", false},
  };
  for (const Case& c : cases) {
    for (const std::size_t chunk : std::initializer_list<std::size_t>{1, 50, 10000}) {
      const auto lines = lines_of("a\n" + c.text + "\r\nb\n", chunk, 64);
      REQUIRE(lines.size() == 3);
      CHECK(lines[1].overlong);
      CHECK(lines[1].bytes.size() == 0);
      CHECK(lines[1].length == c.text.size());
      CHECK(lines[1].id == c.id);
      CHECK(lines[1].has_method == c.has_method);
      CHECK_FALSE(lines[2].overlong);
      CHECK(lines[2].id.empty());
    }
  }
}

TEST_CASE("an overlong line is not kept") {
  LineReader reader(mebibyte);
  std::vector<Line> lines;
  const std::string piece(32 * kibibyte, 'x');
  for (int i = 0; i < 100; ++i) {
    feed(reader, piece, piece.size(), lines);
    CHECK(reader.room().size() <= 2 * mebibyte);
  }
  CHECK(reader.unfinished() == 100 * piece.size());
  CHECK(reader.unfinished_bytes().empty());
  CHECK(reader.room().size() == 64 * kibibyte);
  feed(reader, "\n", 1, lines);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].length == 100 * piece.size());
}

TEST_CASE("a reader that holds nothing keeps nothing, and what was read small takes no more than its size") {
  ReadBuffer common;
  LineReader one(mebibyte, common);
  LineReader other(mebibyte, common);
  const char* place = one.room().data();
  std::vector<Line> lines;
  for (int i = 0; i < 100; ++i) {
    LineReader& reader = i % 2 == 0 ? one : other;
    CHECK(reader.room().data() == place);
    feed(reader, std::string(1000, static_cast<char>('a' + i % 26)) + '\n', 5000, lines);
  }
  // The lines stay what they were, each with memory of its own.
  for (std::size_t i = 0; i < 100; ++i) {
    CHECK(lines[i].bytes.text == std::string(1000, static_cast<char>('a' + i % 26)));
    CHECK(lines[i].bytes.owner.use_count() == 1);
  }
}

TEST_CASE("a line that one reader has begun is not touched by what another reads") {
  ReadBuffer common;
  LineReader one(mebibyte, common);
  LineReader other(mebibyte, common);
  std::vector<Line> lines;
  for (const std::size_t size : {std::size_t{5}, 10 * kibibyte, 40 * kibibyte}) {
    const std::string begun(size, 'x');
    feed(one, "first\n" + begun, 64 * kibibyte, lines);
    CHECK(one.unfinished_bytes() == begun);
    feed(other, std::string(50 * kibibyte, 'y') + '\n', 64 * kibibyte, lines);
    CHECK(one.unfinished_bytes() == begun);
    feed(one, "\n", 1, lines);
    REQUIRE(lines.size() == 3);
    CHECK(texts_of(lines) == Texts{"first", std::string(50 * kibibyte, 'y'), begun});
    lines.clear();
  }
}

TEST_CASE("a long line costs no copy, and outlives its reader and what it was read into") {
  const std::string text(20 * kibibyte, 'x');
  Line line;
  const char* place = nullptr;
  {
    ReadBuffer common;
    LineReader reader(mebibyte, common);
    std::vector<Line> lines;
    place = reader.room().data();
    feed(reader, text + '\n', 64 * kibibyte, lines);
    line = lines.at(0);
    CHECK(reader.room().data() != place);
  }
  CHECK(line.bytes.text == text);
  CHECK(line.bytes.text.data() == place);
}

TEST_CASE("a line of 100 MiB goes through, and the memory is given back") {
  constexpr std::size_t size = 100 * mebibyte;
  LineReader reader(size);
  std::vector<Line> lines;
  for (std::size_t done = 0; done < size;) {
    const auto room = reader.room();
    const std::size_t count = std::min(room.size(), size - done);
    std::memset(room.data(), 'x', count);
    reader.filled(count);
    CHECK_FALSE(reader.next());
    done += count;
  }
  feed(reader, "\nrest", 5, lines);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].bytes.size() == size);
  CHECK(lines[0].bytes.text.find_first_not_of('x') == std::string_view::npos);
  // What had begun behind it has moved out, so the large buffer belongs to its line alone.
  CHECK(reader.room().size() <= 64 * kibibyte);
  CHECK(reader.unfinished_bytes() == "rest");
  CHECK(lines[0].bytes.owner.use_count() == 1);
}

TEST_CASE("a large buffer is let go at once when nothing follows") {
  LineReader reader(mebibyte);
  std::vector<Line> lines;
  feed(reader, std::string(600 * kibibyte, 'x') + '\n', 64 * kibibyte, lines);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].bytes.owner.use_count() == 1);
}

TEST_CASE("a begun line is carried over into a fresh reader at every byte") {
  const std::string stream = "\xEF\xBB\xBF{\"a\":\"\xF0\x9F\x98\x80\"}\r\n{}\r\n";
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    LineReader before(mebibyte);
    std::vector<Line> lines;
    feed(before, stream.substr(0, split), mebibyte, lines);
    LineReader after(mebibyte);
    after.resume(before.unfinished_bytes());
    CHECK(after.unfinished() == before.unfinished());
    feed(after, stream.substr(split), mebibyte, lines);
    CHECK(texts_of(lines) == Texts{"{\"a\":\"\xF0\x9F\x98\x80\"}", "{}"});
  }
}

TEST_CASE("a large begun line is carried over") {
  LineReader reader(mebibyte);
  std::vector<Line> lines;
  const std::string begun(400 * kibibyte, 'x');
  reader.resume(begun);
  feed(reader, "y\n", 2, lines);
  CHECK(texts_of(lines) == Texts{begun + "y"});
}

TEST_CASE("a line whose beginning is lost is reported at its end, without an id") {
  LineReader reader(mebibyte);
  std::vector<Line> lines;
  reader.resume_lost();
  feed(reader, R"(x":{"id":1}},"id":2})", 3, lines);
  CHECK(lines.empty());
  feed(reader, "\n{}\n", 1, lines);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].overlong);
  CHECK(lines[0].id.empty());
  CHECK(lines[1].bytes.text == "{}");
}

TEST_CASE("a reader of another process goes on in the middle of whatever is held") {
  const std::string stream =
      "\xEF\xBB\xBF{\"a\":1}\r\n{\"id\":7,\"x\":\"" + std::string(100, 'x') + "\"}\r\n\n{\"b\":2}\n{\"c\":3";
  constexpr std::size_t line_max = 20;
  const std::vector<Line> whole = lines_of(stream + "}\n", 1000, line_max);
  REQUIRE(whole.size() == 4);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    LineReader first(line_max);
    std::vector<Line> lines;
    feed(first, std::string_view(stream).substr(0, cut), 7, lines);
    save::Writer writer;
    save::write(writer, first.saved());
    const std::string text = std::move(writer).finish();
    save::Reader reader(text);
    auto saved = save::read<LineReader::Saved>(reader);
    REQUIRE(reader.end("it"));
    LineReader second(line_max);
    second.resume(std::move(saved));
    feed(second, stream.substr(cut) + "}\n", 5, lines);
    CHECK(texts_of(lines) == texts_of(whole));
    REQUIRE(lines.size() == whole.size());
    CHECK(lines[1].id == whole[1].id);
    CHECK(lines[1].length == whole[1].length);
  }
}

TEST_CASE("whole lines that nobody has asked for go along to a reader of another process") {
  LineReader first(mebibyte);
  const std::string_view text = "{}\n[1]\n[2";
  std::memcpy(first.room().data(), text.data(), text.size());
  first.filled(text.size());
  LineReader second(mebibyte);
  second.resume(first.saved());
  std::vector<Line> lines;
  while (auto line = second.next()) lines.push_back(std::move(*line));
  CHECK(texts_of(lines) == Texts{"{}", "[1]"});
  CHECK(second.unfinished_bytes() == "[2");
}
