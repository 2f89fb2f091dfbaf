#include "io/stream.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "io/gathered.h"
#include "support.h"

using test::run_until;
using test::SocketPair;

namespace {

constexpr std::size_t line_max = std::size_t{1} << 20;

struct Heard {
  std::vector<std::string> lines;
  int turns = 0;
  int ends = 0;
  std::string error;

  io::Reader::Events events() {
    return {.on_line = [this](proto::Line&& line) { lines.emplace_back(line.bytes.text); },
            .on_turn = [this] { ++turns; },
            .on_end = [this] { ++ends; },
            .on_error = [this](base::Error why) { error = why.what; }};
  }
};

proto::Message literal(std::string_view text) {
  return proto::Message(base::Bytes::literal(text));
}

void put(int fd, std::string_view text) {
  REQUIRE(write(fd, text.data(), text.size()) == std::ssize(text));
}

bool nonblocking(int fd) {
  return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

}  // namespace

TEST_CASE("lines come out whole, whatever the pieces they arrive in") {
  io::Loop loop;
  SocketPair pair;
  Heard heard;
  const auto reader = io::Reader::open(loop, std::move(pair.ours), line_max, heard.events());
  REQUIRE(reader);
  for (const char c : std::string_view("{\"a\":1}\n\r\n{\"b\":2}\r\nrest")) {
    put(pair.theirs.get(), {&c, 1});
    const int turns = heard.turns;
    REQUIRE(run_until(loop, [&] { return heard.turns > turns; }));
  }
  CHECK(heard.lines == std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"});
  CHECK((*reader)->lines().unfinished_bytes() == "rest");
  pair.theirs.reset();
  REQUIRE(run_until(loop, [&] { return heard.ends > 0; }));
  CHECK(heard.ends == 1);
  CHECK(heard.error.empty());
}

TEST_CASE("a paused reader reads nothing and goes on where it stopped") {
  io::Loop loop;
  SocketPair pair;
  SocketPair other;
  Heard heard;
  Heard heard_other;
  const auto reader = io::Reader::open(loop, std::move(pair.ours), line_max, heard.events());
  const auto witness = io::Reader::open(loop, std::move(other.ours), line_max, heard_other.events());
  REQUIRE(reader);
  REQUIRE(witness);
  (*reader)->pause();
  put(pair.theirs.get(), "one\n");
  put(other.theirs.get(), "passed\n");
  REQUIRE(run_until(loop, [&] { return !heard_other.lines.empty(); }));
  CHECK(heard.lines.empty());
  (*reader)->resume();
  REQUIRE(run_until(loop, [&] { return !heard.lines.empty(); }));
  CHECK(heard.lines.front() == "one");
}

TEST_CASE("a reader that is closed in its callback says no more, not even what it has read") {
  io::Loop loop;
  SocketPair pair;
  int lines = 0;
  std::unique_ptr<io::Reader> reader;
  io::Reader::Events events{.on_line = [&](proto::Line&&) {
    ++lines;
    reader->close();
    loop.retire(std::move(reader));
  }};
  reader = io::Reader::open(loop, std::move(pair.ours), line_max, std::move(events)).value();
  put(pair.theirs.get(), "one\ntwo\nthree\n");
  REQUIRE(run_until(loop, [&] { return lines > 0; }));
  CHECK(lines == 1);
}

TEST_CASE("many small lines are served over several turns, in order, and others in between") {
  io::Loop loop;
  SocketPair pair;
  SocketPair other;
  Heard heard;
  Heard heard_other;
  std::vector<std::size_t> at_turns;  // How many lines had come by the end of each turn.
  const auto reader = io::Reader::open(loop, std::move(pair.ours), line_max, heard.events());
  const auto witness = io::Reader::open(loop, std::move(other.ours), line_max, heard_other.events());
  REQUIRE(reader);
  REQUIRE(witness);
  constexpr std::size_t count = 5 * io::Reader::lines_per_turn;
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += std::to_string(i) + '\n';
  put(pair.theirs.get(), text + "rest");
  loop.at_end_of_turn([&] { at_turns.push_back(heard.lines.size()); });
  REQUIRE(run_until(loop, [&] { return !heard.lines.empty(); }));
  CHECK(heard.lines.size() == io::Reader::lines_per_turn);
  CHECK((*reader)->waits());
  put(other.theirs.get(), "short\n");
  REQUIRE(run_until(loop, [&] { return !heard_other.lines.empty(); }));
  CHECK(heard.lines.size() < count);
  REQUIRE(run_until(loop, [&] { return heard.lines.size() == count; }));
  std::size_t before = 0;
  for (const std::size_t lines : at_turns) {
    CHECK(lines - before <= io::Reader::lines_per_turn);
    before = lines;
  }
  for (std::size_t i = 0; i < count; ++i) CHECK(heard.lines[i] == std::to_string(i));
  CHECK((*reader)->lines().unfinished_bytes() == "rest");
  put(pair.theirs.get(), " of it\n");
  REQUIRE(run_until(loop, [&] { return heard.lines.size() > count; }));
  CHECK(heard.lines.back() == "rest of it");
}

TEST_CASE("drain serves what an earlier turn has left, and a paused reader what it has read") {
  io::Loop loop;
  SocketPair pair;
  Heard heard;
  const auto reader = io::Reader::open(loop, std::move(pair.ours), line_max, heard.events());
  REQUIRE(reader);
  constexpr std::size_t count = 4 * io::Reader::lines_per_turn;
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "x\n";
  put(pair.theirs.get(), text);
  REQUIRE(run_until(loop, [&] { return !heard.lines.empty(); }));
  (*reader)->pause();
  REQUIRE(run_until(loop, [&] { return heard.lines.size() > io::Reader::lines_per_turn; }));
  (*reader)->drain(line_max);
  CHECK(heard.lines.size() == count);
}

TEST_CASE("lines of an earlier reader are served without anything to read") {
  io::Loop loop;
  SocketPair pair;
  Heard heard;
  const auto reader = io::Reader::open(loop, std::move(pair.ours), line_max, heard.events());
  REQUIRE(reader);
  (*reader)->lines().resume("one\ntwo\nthr");
  (*reader)->serve_held();
  REQUIRE(run_until(loop, [&] { return heard.lines.size() == 2; }));
  put(pair.theirs.get(), "ee\n");
  REQUIRE(run_until(loop, [&] { return heard.lines.size() == 3; }));
  CHECK(heard.lines.back() == "three");
}

TEST_CASE("drain reads what is there, and the end") {
  io::Loop loop;
  io::Pipe pipe = io::make_pipe().value();
  Heard heard;
  const auto reader = io::Reader::open(loop, std::move(pipe.read_end), line_max, heard.events());
  REQUIRE(reader);
  put(pipe.write_end.get(), "last\n");
  (*reader)->drain(line_max);
  CHECK(heard.lines.size() == 1);
  CHECK(heard.ends == 0);
  pipe.write_end.reset();
  (*reader)->drain(line_max);
  CHECK(heard.ends == 1);
}

TEST_CASE("a pipe is non-blocking while it is ours and as before afterwards; a socket is never touched") {
  io::Loop loop;
  io::Pipe pipe = io::make_pipe().value();
  const io::Descriptor shared = pipe.write_end.duplicate().value();
  auto writer = io::Writer::open(loop, std::move(pipe.write_end), {});
  REQUIRE(writer);
  CHECK(nonblocking(shared.get()));
  writer->reset();
  CHECK_FALSE(nonblocking(shared.get()));

  REQUIRE(fcntl(shared.get(), F_SETFL, O_NONBLOCK) == 0);
  writer = io::Writer::open(loop, shared.duplicate().value(), {});
  REQUIRE(writer);
  writer->reset();
  CHECK(nonblocking(shared.get()));

  SocketPair pair;
  const io::Descriptor same = pair.ours.duplicate().value();
  writer = io::Writer::open(loop, std::move(pair.ours), {});
  const auto reader = io::Reader::open(loop, same.duplicate().value(), line_max, Heard().events());
  REQUIRE(writer);
  REQUIRE(reader);
  CHECK_FALSE(nonblocking(same.get()));
}

TEST_CASE("messages leave in order, spliced, each with its line feed, in one write") {
  io::Loop loop;
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);  // Keeps writes apart.
  io::Descriptor theirs(ends[1]);
  auto writer = io::Writer::open(loop, io::Descriptor(ends[0]), {});
  REQUIRE(writer);
  proto::Message spliced = literal("{\"id\":1,\"x\":2}");
  spliced.splice({6, 1}, "\"seven\"");
  (*writer)->queue(std::move(spliced));
  (*writer)->queue(literal("second"));
  (*writer)->queue_raw(literal("raw"));
  (*writer)->queue(literal(""));
  CHECK((*writer)->queued_bytes() == 20 + 1 + 7 + 3 + 1);
  (*writer)->flush();
  CHECK((*writer)->queued_bytes() == 0);
  std::array<char, 256> got{};
  const ssize_t count = recv(theirs.get(), got.data(), got.size(), MSG_DONTWAIT);
  REQUIRE(count > 0);
  CHECK(std::string(got.data(), static_cast<std::size_t>(count)) ==
        "{\"id\":\"seven\",\"x\":2}\nsecond\nraw\n");
}

TEST_CASE("a long message is written over several turns, however much the other side takes") {
  io::Loop loop;
  io::Pipe pipe = io::make_pipe().value();
  REQUIRE(fcntl(pipe.write_end.get(), F_SETPIPE_SZ, 1 << 20) == 1 << 20);
  int drained = 0;
  auto writer = io::Writer::open(loop, std::move(pipe.write_end), {.on_drained = [&] { ++drained; }});
  REQUIRE(writer);
  const std::size_t length = io::Gathered::at_once_max + 100'000;
  (*writer)->queue(proto::Message(std::string(length, 'x')));
  (*writer)->queue(literal("next"));
  (*writer)->flush();
  const auto waiting = [&] {
    int count = 0;
    REQUIRE(ioctl(pipe.read_end.get(), FIONREAD, &count) == 0);
    return static_cast<std::size_t>(count);
  };
  CHECK(waiting() == io::Gathered::at_once_max);
  REQUIRE(run_until(loop, [&] { return drained == 1; }));
  CHECK(waiting() == length + std::string_view("\nnext\n").size());
}

TEST_CASE("what the other side does not take waits, byte for byte, and the journal knows of half a line") {
  for (const bool socket : {true, false}) {
    CAPTURE(socket);
    io::Loop loop;
    SocketPair pair;
    io::Pipe pipe = io::make_pipe().value();
    io::Descriptor target = std::move(socket ? pair.ours : pipe.write_end);
    io::Descriptor source = std::move(socket ? pair.theirs : pipe.read_end);
    std::vector<std::byte> page(proto::journal_bytes);
    proto::Journal journal{std::span<std::byte>(page)};
    journal.begin();
    int drained = 0;
    auto writer = io::Writer::open(loop, std::move(target), {.on_drained = [&] { ++drained; }});
    REQUIRE(writer);
    (*writer)->mirror_into(&journal);

    std::string expected;
    for (int i = 0; i < 3000; ++i) {
      const std::string text =
          std::to_string(i) + std::string(static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
      expected += text + '\n';
      (*writer)->queue(proto::Message(text));
      if (i % 700 == 0) (*writer)->flush();
    }
    (*writer)->flush();
    CHECK((*writer)->blocked());
    CHECK((*writer)->half_written());
    CHECK(journal.writing());
    CHECK(drained == 0);
    std::string got;
    std::thread other([&] {
      std::array<char, 1000> piece;
      while (got.size() < expected.size()) {
        const ssize_t count = read(source.get(), piece.data(), piece.size());
        if (count <= 0) break;
        got.append(piece.data(), static_cast<std::size_t>(count));
      }
    });
    const bool done = run_until(loop, [&] { return drained > 0; });
    if (!done) (*writer).reset();
    other.join();
    CHECK(done);
    CHECK(got == expected);
    CHECK(drained == 1);
    CHECK_FALSE((*writer)->half_written());
    CHECK_FALSE(journal.writing());
    CHECK((*writer)->queued_bytes() == 0);
  }
}

TEST_CASE("a small message that waits does not keep the buffer it came in") {
  io::Loop loop;
  SocketPair pair;
  auto writer = io::Writer::open(loop, std::move(pair.ours), {});
  REQUIRE(writer);
  (*writer)->queue(proto::Message(std::string(std::size_t{4} << 20, 'x')));
  const auto buffer = std::make_shared<std::string>(std::size_t{64} << 10, 'y');
  const std::weak_ptr<std::string> watched = buffer;
  base::Bytes piece{std::string_view(*buffer).substr(0, 100),
                    std::shared_ptr<const char>(buffer, buffer->data())};
  (*writer)->queue(proto::Message(std::move(piece)));
  CHECK(watched.use_count() == 2);
  (*writer)->flush();
  REQUIRE((*writer)->blocked());
  CHECK(watched.use_count() == 1);
  CHECK((*writer)->queued_bytes() > 101);
}

TEST_CASE("an error while flushing is told from the loop, once") {
  io::Loop loop;
  io::Pipe pipe = io::make_pipe().value();
  std::string why;
  int errors = 0;
  auto writer = io::Writer::open(loop, std::move(pipe.write_end), {.on_error = [&](base::Error error) {
                                   why = error.what;
                                   ++errors;
                                 }});
  REQUIRE(writer);
  pipe.read_end.reset();
  (*writer)->queue(literal("lost"));
  (*writer)->flush();
  CHECK(errors == 0);
  CHECK((*writer)->failed());
  (*writer)->queue(literal("lost too"));
  (*writer)->flush();
  REQUIRE(run_until(loop, [&] { return errors > 0; }));
  CHECK(errors == 1);
  CHECK(why == "cannot write: Broken pipe");
}

TEST_CASE("a reader whose writer waits for good hears of the reset") {
  io::Loop loop;
  SocketPair pair;
  Heard heard;
  put(pair.ours.get(), "unread");
  const auto reader = io::Reader::open(loop, std::move(pair.ours), line_max, heard.events());
  REQUIRE(reader);
  put(pair.theirs.get(), "line\n");
  pair.theirs.reset();
  REQUIRE(run_until(loop, [&] { return !heard.error.empty(); }));
  CHECK(heard.lines.size() == 1);
  CHECK(heard.ends == 0);
}
