#include "io/successor.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "io/passed.h"
#include "io/stream.h"
#include "support.h"

using test::run_until;
using test::SocketPair;

namespace {

constexpr std::size_t longest = std::size_t{1} << 20;
constexpr base::Duration long_enough = std::chrono::hours(1);

// Written and read again, as another program would; whose descriptors are copies, because this one is still
// there.
template <class Saved>
Saved passed_on(const Saved& saved, io::Passed& (*descriptor_of)(Saved&)) {
  io::Passing writer;
  save::write(writer, saved);
  const std::vector<int> numbers = writer.numbers();
  const std::string text = std::move(writer).finish();
  save::Reader reader(text);
  Saved read = save::read<Saved>(reader);
  REQUIRE(reader.end("it"));
  io::Passed& passed = descriptor_of(read);
  REQUIRE(numbers == std::vector{passed.number});
  passed.number = fcntl(passed.number, F_DUPFD_CLOEXEC, 3);
  return read;
}

io::Passed& source(io::Reader::Saved& saved) {
  return saved.source.descriptor;
}
io::Passed& target(io::Writer::Saved& saved) {
  return saved.target.descriptor;
}

void say(int fd, std::string_view text) {
  REQUIRE(write(fd, text.data(), text.size()) == std::ssize(text));
}

struct Verdict {
  io::Loop loop;
  bool told = false;
  std::optional<base::Error> why;
  std::unique_ptr<io::Trial> trial;

  explicit Verdict(std::string_view state, base::Duration patience = long_enough) {
    const auto file = io::memory_file(state);
    REQUIRE(file);
    auto started =
        io::Trial::start(loop, test::helper, {}, *file, patience, [this](std::optional<base::Error> said) {
          told = true;
          why = std::move(said);
        });
    REQUIRE(started);
    trial = std::move(*started);
  }
};

}  // namespace

TEST_CASE("a reader goes on in the middle of a line, and serves what it had read") {
  io::Loop loop;
  SocketPair pair;
  std::vector<std::string> first;
  std::vector<std::string> second;
  bool read = false;
  auto reader = io::Reader::open(loop, std::move(pair.ours), longest,
                                 {.on_line = [&](proto::Line&& line) { first.emplace_back(line.bytes.text); },
                                  .on_turn = [&] { read = true; }});
  REQUIRE(reader);
  say(pair.theirs.get(), "{\"a\":1}\n{\"b\":");
  REQUIRE(run_until(loop, [&] { return read; }));
  const auto resumed =
      io::Reader::resume(loop, passed_on((*reader)->saved(), source),
                         {.on_line = [&](proto::Line&& line) { second.emplace_back(line.bytes.text); }});
  reader->reset();
  REQUIRE(resumed);
  say(pair.theirs.get(), "2}\n");
  REQUIRE(run_until(loop, [&] { return !second.empty(); }));
  CHECK(first == std::vector<std::string>{"{\"a\":1}"});
  CHECK(second == std::vector<std::string>{"{\"b\":2}"});
}

TEST_CASE("a reader that was paused stays paused") {
  io::Loop loop;
  SocketPair pair;
  auto reader = io::Reader::open(loop, std::move(pair.ours), longest, {.on_line = [](proto::Line&&) {}});
  REQUIRE(reader);
  (*reader)->pause();
  std::vector<std::string> lines;
  const auto resumed =
      io::Reader::resume(loop, passed_on((*reader)->saved(), source),
                         {.on_line = [&](proto::Line&& line) { lines.emplace_back(line.bytes.text); }});
  reader->reset();
  REQUIRE(resumed);
  say(pair.theirs.get(), "{}\n");
  REQUIRE((*resumed)->waits());
  int turns = 0;
  io::Timer turn(loop, [&] { ++turns; });
  turn.set(base::Instant());
  REQUIRE(run_until(loop, [&] { return turns > 0; }));
  CHECK(lines.empty());
  (*resumed)->resume();
  REQUIRE(run_until(loop, [&] { return !lines.empty(); }));
}

TEST_CASE("a writer goes on behind the last byte that was taken") {
  io::Loop loop;
  SocketPair pair;
  auto writer = io::Writer::open(loop, std::move(pair.ours), {});
  REQUIRE(writer);
  std::string all;
  for (int i = 0; i < 40; ++i) {
    const std::string text = std::to_string(i) + std::string(100000, 'x');
    (*writer)->queue(proto::Message(text));
    all += text + '\n';
  }
  (*writer)->flush();
  REQUIRE((*writer)->half_written());
  bool drained = false;
  const auto resumed = io::Writer::resume(loop, passed_on((*writer)->saved(), target),
                                          {.on_drained = [&] { drained = true; }});
  REQUIRE(resumed);
  CHECK((*resumed)->queued_bytes() == (*writer)->queued_bytes());
  writer->reset();
  std::string taken;
  const auto other =
      io::Reader::open(loop, std::move(pair.theirs), longest,
                       {.on_line = [&](proto::Line&& line) { taken.append(line.bytes.text).append("\n"); }});
  REQUIRE(other);
  REQUIRE(run_until(loop, [&] { return drained && taken.size() >= all.size(); }));
  CHECK(taken == all);
}

TEST_CASE("a program says whether it can read the state") {
  Verdict good("ok");
  REQUIRE(run_until(good.loop, [&] { return good.told; }));
  CHECK_FALSE(good.why);
  Verdict bad("it is of another world");
  REQUIRE(run_until(bad.loop, [&] { return bad.told; }));
  REQUIRE(bad.why);
  CHECK(bad.why->what == "it is of another world");
  Verdict mute("");
  REQUIRE(run_until(mute.loop, [&] { return mute.told; }));
  REQUIRE(mute.why);
  CHECK(mute.why->what.find("ended without a word") != std::string::npos);
  Verdict hanging("hang", std::chrono::milliseconds(1));
  REQUIRE(run_until(hanging.loop, [&] { return hanging.told; }));
  REQUIRE(hanging.why);
  CHECK(hanging.why->what.find("in time") != std::string::npos);
  while (wait(nullptr) > 0) {
  }
}

TEST_CASE("what must not be run is named") {
  const test::TempDir directory;
  CHECK_FALSE(io::unfit(test::helper));
  CHECK(io::unfit("hearthd")->what == "hearthd is not an absolute path");
  CHECK(io::unfit(directory / "none"));
  CHECK(io::unfit(directory.path()));
  const std::string open_to_all = directory / "program";
  const int fd = open(open_to_all.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
  REQUIRE(fd >= 0);
  close(fd);
  CHECK_FALSE(io::unfit(open_to_all));
  chmod(open_to_all.c_str(), 0707);
  CHECK(io::unfit(open_to_all)->what.find("another user may write") != std::string::npos);
}

TEST_CASE("a process becomes another program with what is passed on, and signals wait for it") {
  const test::Helper process = test::start_helper({"become"});
  CHECK(test::read_line(process.output.get()) == "passed: said before");
  CHECK(test::read_line(process.output.get()) == "kept back: closed");
  CHECK(test::read_line(process.output.get()) == "same process: yes");
  CHECK(test::read_line(process.output.get()) == "signal: waits");
  int status = 0;
  REQUIRE(waitpid(process.pid, &status, 0) == process.pid);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGUSR2);  // It let the signals in.
}

TEST_CASE("a program that cannot be run changes nothing") {
  SocketPair pair;
  const std::array passed{pair.ours.get()};
  const base::Error why = io::become("/nowhere/hearthd", {}, passed);
  CHECK(why.what.find("/nowhere/hearthd") != std::string::npos);
  CHECK((fcntl(pair.ours.get(), F_GETFD) & FD_CLOEXEC) != 0);
  sigset_t mask;
  REQUIRE(pthread_sigmask(SIG_BLOCK, nullptr, &mask) == 0);
  CHECK(sigismember(&mask, SIGTERM) == 0);
}
