// The start of children: one in a turn, and without waiting for what the disk does.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/child.h"
#include "io/children.h"
#include "io/mark.h"
#include "support.h"

using test::run_until;
using test::Witness;

namespace {

// A program whose execution waits, as on a slow disk, until it is released. It becomes the helper. The kernel
// asks the holder of a lease on a file before it lets anybody open it.
class HeldProgram {
 public:
  HeldProgram() : path_(dir_ / "held") {
    std::ofstream(path_) << "#!/bin/sh\nexec " << test::helper << " \"$@\"\n";
    REQUIRE(chmod(path_.c_str(), 0700) == 0);
    file_ = io::Descriptor(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(fcntl(file_.get(), F_SETSIG, SIGURG) == 0);  // Which is ignored, as SIGIO is not.
    REQUIRE(fcntl(file_.get(), F_SETLEASE, F_WRLCK) == 0);
  }
  const std::string& path() const { return path_; }
  void release() { REQUIRE(fcntl(file_.get(), F_SETLEASE, F_UNLCK) == 0); }

 private:
  test::TempDir dir_;
  std::string path_;
  io::Descriptor file_;
};

struct Nursery {
  struct Member {
    std::unique_ptr<io::Child> child;
    std::vector<std::string> told;  // "started", "failed: …", lines, "gone: …".
    int code = 0;
    bool has(std::string_view what) const { return std::ranges::find(told, what) != told.end(); }
  };

  Nursery()
      : children(io::Children::make(loop, {.daemon_id = guarded.record.id(),
                                           .guard = &guarded.guard,
                                           .exec_patience = std::chrono::hours(1)})
                     .value()) {
    loop.at_end_of_turn([this] {
      for (const auto& member : members) {
        if (member->child && member->child->input() != nullptr) member->child->input()->flush();
      }
    });
  }
  ~Nursery() {
    loop.at_end_of_turn([] {});
    members.clear();
  }
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;

  Member& add(const std::string& program) {
    Member& member = *members.emplace_back(std::make_unique<Member>());
    const auto tell = [&member](std::string what) { member.told.push_back(std::move(what)); };
    member.child =
        children->spawn({.name = "files",
                         .program = program,
                         .args = {"echo"},
                         .directory = "/tmp",
                         .environment = test::own_environment()},
                        {.on_started = [tell](pid_t) { tell("started"); },
                         .on_start_failed =
                             [this, tell, &member](const base::Error& why) {
                               member.code = why.code;
                               loop.retire(std::move(member.child));
                               tell("failed: " + why.what);
                             },
                         .on_line = [tell](proto::Line&& line) { tell(std::string(line.bytes.text)); },
                         .on_gone =
                             [this, tell, &member](const io::Gone& how) {
                               loop.retire(std::move(member.child));
                               tell("gone: " + how.how);
                             }});
    return member;
  }
  bool until(const std::function<bool()>& done) { return run_until(loop, done); }
  // Until it waits for its program: it has closed all that it does not need.
  void hold(const Member& member) {
    REQUIRE(until([&] { return member.child->pid() != 0; }));
    while (descriptors_of(member.child->pid()) != 4) {
    }
  }
  static std::size_t descriptors_of(pid_t pid) {
    std::size_t count = 0;
    std::error_code gone;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", gone))
      count += entry.path().empty() ? 0U : 1U;
    return count;
  }

  test::Guarded guarded;
  io::Loop loop;
  std::unique_ptr<io::Children> children;
  std::vector<std::unique_ptr<Member>> members;
};

}  // namespace

TEST_CASE("while a child waits for its program, others start, are served and end") {
  Nursery nursery;
  HeldProgram held;
  const Nursery::Member& slow = nursery.add(held.path());
  // It keeps nothing of ours open meanwhile: its pipes and the report are all that it has.
  nursery.hold(slow);
  const Witness witness(slow.child->pid());
  const Nursery::Member& other = nursery.add(test::helper);
  REQUIRE(nursery.until([&] { return other.has("started"); }));
  other.child->input()->queue(proto::Message(std::string("served")));
  REQUIRE(nursery.until([&] { return other.has("served"); }));
  other.child->stop();
  REQUIRE(nursery.until([&] { return other.has("gone: exited with status 0"); }));
  CHECK(slow.told.empty());
  CHECK(slow.child->input() == nullptr);
  CHECK(witness.alive());

  held.release();
  REQUIRE(nursery.until([&] { return slow.has("started"); }));
  slow.child->input()->queue(proto::Message(std::string("at last")));
  REQUIRE(nursery.until([&] { return slow.has("at last"); }));
  CHECK(slow.told == std::vector<std::string>{"started", "at last"});
}

TEST_CASE("a child that is stopped while it waits for its program ends as soon as that runs") {
  Nursery nursery;
  HeldProgram held;
  const Nursery::Member& slow = nursery.add(held.path());
  nursery.hold(slow);
  CHECK_FALSE(slow.child->stopping());
  slow.child->stop();
  CHECK(slow.child->stopping());
  held.release();
  REQUIRE(nursery.until([&] { return slow.told.size() == 2; }));
  CHECK(slow.told == std::vector<std::string>{"started", "gone: exited with status 0"});
}

TEST_CASE("a child whose program takes too long to run is killed, and told of as one that cannot run") {
  Nursery nursery;
  // Forked by us, so that its process is known at once: a guard that is slow to tell takes of the same time.
  nursery.children.reset();
  nursery.children = io::Children::make(nursery.loop, {.daemon_id = io::make_daemon_id(),
                                                       .exec_patience = std::chrono::milliseconds(50)})
                         .value();
  HeldProgram held;
  const Nursery::Member& slow = nursery.add(held.path());
  std::optional<Witness> witness;
  REQUIRE(nursery.until([&] {
    if (!witness && slow.child && slow.child->pid() != 0) witness.emplace(slow.child->pid());
    return !slow.told.empty();
  }));
  CHECK(slow.told == std::vector<std::string>{"failed: cannot start the server files: cannot run " +
                                              held.path() + ": Connection timed out"});
  CHECK(slow.code == ETIMEDOUT);
  CHECK(nursery.children->size() == 0);
  CHECK(witness.value().died());
}

TEST_CASE("a child that is let go before its program runs is killed, or never started") {
  Nursery nursery;
  HeldProgram held;
  Nursery::Member& slow = nursery.add(held.path());
  nursery.hold(slow);
  const Witness witness(slow.child->pid());
  slow.child.reset();
  CHECK(witness.died());
  Nursery::Member& never = nursery.add(test::helper);
  CHECK(never.child->pid() == 0);
  never.child.reset();
  Nursery::Member& next = nursery.add(test::helper);
  REQUIRE(nursery.until([&] { return next.has("started"); }));
  CHECK(slow.told.empty());
  CHECK(never.told.empty());
  CHECK(nursery.children->size() == 1);
}

TEST_CASE("of children that are wanted together each is told of by itself, those that cannot run too") {
  Nursery nursery;
  for (int i = 0; i < 5; ++i) nursery.add("/no/such/program");
  const Nursery::Member& good = nursery.add(test::helper);
  for (int i = 0; i < 5; ++i) nursery.add("/no/such/program");
  REQUIRE(nursery.until([&] {
    return std::ranges::none_of(nursery.members, [](const auto& member) { return member->told.empty(); });
  }));
  for (const auto& member : nursery.members) {
    if (member.get() == &good) continue;
    CHECK(member->told == std::vector<std::string>{"failed: cannot start the server files: cannot run "
                                                   "/no/such/program: No such file or directory"});
  }
  CHECK(good.told == std::vector<std::string>{"started"});
  CHECK(nursery.children->size() == 1);
}

TEST_CASE("of many children that are wanted at once, one is forked in a turn where there is no guard") {
  Nursery nursery;
  nursery.children.reset();
  nursery.children = io::Children::make(nursery.loop, {.daemon_id = io::make_daemon_id()}).value();
  constexpr std::size_t many = 12;
  for (std::size_t i = 0; i < many; ++i) nursery.add(test::helper);
  std::size_t begun = 0;
  std::size_t most = 0;
  const auto count = [&](auto&& is_so) {
    return static_cast<std::size_t>(std::ranges::count_if(nursery.members, is_so));
  };
  REQUIRE(nursery.until([&] {
    const std::size_t now = count([](const auto& member) { return member->child->pid() != 0; });
    most = std::max(most, now - begun);
    begun = now;
    return count([](const auto& member) { return member->has("started"); }) == many;
  }));
  CHECK(begun == many);
  CHECK(most == 1);
}
