#include "io/handover.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "io/memory_file.h"
#include "io/packets.h"
#include "io/paths.h"
#include "support.h"

using test::run_until;
using test::TempDir;

namespace {

// The daemon's side as it is, the other's played by hand.
struct Giver {
  io::Loop loop;
  io::PacketSockets sockets = io::make_packet_sockets().value();
  io::OtherProcess other{loop, std::move(sockets.theirs)};
  std::optional<std::optional<base::Error>> told;

  void try_it(base::Duration patience = std::chrono::hours(1)) {
    const auto file = io::memory_file("as it is").value();
    REQUIRE(other.try_it(file, patience, [this](const std::optional<base::Error>& why) { told = why; }));
  }
  void answer(std::string_view words) {
    REQUIRE(io::send_packet(sockets.ours.get(), words, {}, io::Wait::no));
  }
  io::Packet heard() { return std::move(*io::receive_packet(sockets.ours.get(), 4096, io::Wait::yes)); }
  bool is_told() {
    return run_until(loop, [this] { return told.has_value(); });
  }
};

// The other's side as it is, the daemon's played by hand: all that it says is said beforehand.
struct Taker {
  io::PacketSockets sockets = io::make_packet_sockets().value();

  void say(std::string_view words, std::vector<int> descriptors = {}) {
    REQUIRE(io::send_packet(sockets.theirs.get(), words, descriptors, io::Wait::no));
  }
  void show(std::string_view words, std::string_view state) {
    const auto file = io::memory_file(state).value();
    say(words, {file.get()});
  }
  std::vector<std::string> answers() {
    std::vector<std::string> all;
    while (auto packet = io::receive_packet(sockets.theirs.get(), 4096, io::Wait::no)) {
      if (packet->bytes.empty()) break;
      all.push_back(packet->bytes);
    }
    return all;
  }
};

base::Result<void> any_state(const std::string& /*state*/) {
  return {};
}

// One that nothing has here.
constexpr int far_number = 700;

}  // namespace

TEST_CASE("what is to take over is shown the state, and says whether it can") {
  Giver giver;
  giver.try_it();
  io::Packet packet = giver.heard();
  CHECK(packet.bytes == "state");
  CHECK(io::contents_of(packet.descriptors.front()).value() == "as it is");
  giver.answer("ok");
  REQUIRE(giver.is_told());
  CHECK_FALSE(giver.told->has_value());
}

TEST_CASE("why it cannot take over is told") {
  Giver giver;
  giver.try_it();
  SUBCASE("in its words") {
    giver.answer("it is a poem");
    REQUIRE(giver.is_told());
    CHECK(giver.told->value().what == "it is a poem");
  }
  SUBCASE("when it dies") {
    giver.sockets.ours.reset();
    REQUIRE(giver.is_told());
    CHECK(giver.told->value().what.contains("does not answer"));
  }
}

TEST_CASE("what is silent has no time for ever") {
  Giver giver;
  giver.try_it(std::chrono::milliseconds(1));
  REQUIRE(giver.is_told());
  CHECK(giver.told->value().code == EAGAIN);
}

TEST_CASE("the daemon goes on when the other dies, or cannot place what it was sent") {
  Giver giver;
  const auto file = io::memory_file("the last").value();
  SUBCASE("dies") {
    giver.sockets.ours.reset();
    CHECK(giver.other.take_over(file, {0}).what.contains("does not answer"));
  }
  SUBCASE("cannot") {
    giver.answer("descriptor 7 is in use");
    CHECK(giver.other.take_over(file, {0, 1}).what == "descriptor 7 is in use");
    CHECK(giver.heard().bytes == "number 0 1");
    CHECK(giver.heard().bytes == "final");
  }
}

TEST_CASE("descriptors come to their numbers, and the last state counts") {
  Taker taker;
  const io::Pipe pipe = io::make_pipe().value();
  taker.show("state", "first");
  taker.say("number 700 701", {pipe.read_end.get(), pipe.write_end.get()});
  taker.show("final", "last");
  taker.say("go");
  std::vector<std::string> shown;
  const auto state = io::take_over_from(taker.sockets.ours,
                                        [&](const std::string& text) -> base::Result<void> {
                                          shown.push_back(text);
                                          return {};
                                        },
                                        {});
  REQUIRE(state);
  CHECK(*state == "last");
  CHECK(shown == std::vector<std::string>{"first"});
  CHECK(taker.answers() == std::vector<std::string>{"hand over", "ok", "taken"});
  CHECK(taker.sockets.ours.get() > far_number + 1);
  const io::Descriptor input(far_number);
  const io::Descriptor output(far_number + 1);
  CHECK((fcntl(far_number, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(write(output.get(), "x", 1) == 1);
  char said = 0;
  CHECK(read(input.get(), &said, 1) == 1);
}

TEST_CASE("what comes is not put over what is there, and what is our own makes way") {
  Taker taker;
  const io::Pipe pipe = io::make_pipe().value();
  SUBCASE("over a stranger's") {
    taker.say("number 0", {pipe.read_end.get()});
    taker.show("final", "last");
    CHECK_FALSE(io::take_over_from(taker.sockets.ours, any_state, {}));
    CHECK(taker.answers().back() == "descriptor 0 is in use");
  }
  SUBCASE("our own") {
    io::Descriptor own(fcntl(pipe.write_end.get(), F_DUPFD_CLOEXEC, far_number));
    REQUIRE(own.get() == far_number);
    taker.say("number 700", {pipe.read_end.get()});
    taker.show("final", "last");
    taker.say("go");
    REQUIRE(io::take_over_from(taker.sockets.ours, any_state, {&own}));
    const io::Descriptor input(far_number);
    CHECK(write(own.get(), "x", 1) == 1);
    char said = 0;
    CHECK(read(input.get(), &said, 1) == 1);
  }
}

TEST_CASE("a daemon that changes its mind, or ends, has lost nothing") {
  Taker taker;
  SUBCASE("says why") {
    taker.show("state", "first");
    taker.say("a server is starting");
    const auto state = io::take_over_from(taker.sockets.ours, any_state, {});
    REQUIRE_FALSE(state);
    CHECK(state.error().what == "a server is starting");
  }
  SUBCASE("ends before the last word") {
    taker.show("final", "last");
    taker.sockets.theirs.reset();
    CHECK_FALSE(io::take_over_from(taker.sockets.ours, any_state, {}));
  }
  SUBCASE("a state that cannot be read") {
    taker.show("state", "a poem");
    const auto state = io::take_over_from(
        taker.sockets.ours, [](const std::string&) { return base::failure("it is a poem"); }, {});
    CHECK_FALSE(state);
    CHECK(taker.answers().back() == "it is a poem");
  }
}

TEST_CASE("a socket waits for those who want to take over, and goes with its daemon") {
  const TempDir dir;
  io::Paths paths;
  paths.handover = dir / "handover";
  io::Loop loop;
  int asked = 0;
  auto listener = io::HandoverListener::open(loop, paths, [&](const io::Descriptor&) { ++asked; }).value();
  struct stat status{};
  REQUIRE(stat(paths.handover.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
  // One that says nothing keeps nobody out.
  auto silent = io::connect_for_packets_to(paths.handover).value();
  auto other = io::connect_for_packets_to(paths.handover).value();
  REQUIRE(io::send_packet(other.get(), "hand over", {}, io::Wait::no));
  REQUIRE(run_until(loop, [&] { return asked == 1; }));
  listener.reset();
  CHECK(access(paths.handover.c_str(), F_OK) != 0);
}
