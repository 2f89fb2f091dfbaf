#include "io/child.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <optional>

#include "io/children.h"
#include "io/files.h"
#include "io/inheritance.h"
#include "io/mark.h"
#include "support.h"

using test::run_until;
using test::TempDir;
using test::Witness;

namespace {

constexpr base::Duration short_grace = std::chrono::milliseconds(50);
// For a child that is to end by itself when its input does, however busy the machine is.
constexpr base::Duration patient = std::chrono::hours(1);

// One daemon's worth of children, and one child whose life is written down.
struct Family {
  test::Guarded guarded;
  io::Loop loop;
  std::unique_ptr<io::Children> children;
  std::unique_ptr<io::Child> child;
  std::vector<std::string> lines;
  int spoke = 0;
  std::optional<base::Result<void>> started;
  pid_t first = 0;  // It may have left the server to another by now.
  std::optional<io::Gone> gone;

  explicit Family(base::Duration grace = short_grace)
      : children(io::Children::make(loop, {.daemon_id = guarded.record.id(),
                                           .guard = &guarded.guard,
                                           .grace = grace,
                                           .heir_patience = short_grace})
                     .value()) {
    loop.at_end_of_turn([this] {
      if (child && child->input() != nullptr) child->input()->flush();
    });
  }
  ~Family() { child.reset(); }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  io::Child::Events events() {
    return {.on_started =
                [this](pid_t pid) {
                  first = pid;
                  started.emplace();
                },
            .on_start_failed =
                [this](const base::Error& why) {
                  started = std::unexpected(why);
                  loop.retire(std::move(child));
                },
            .on_line = [this](proto::Line&& line) { lines.emplace_back(line.bytes.text); },
            .on_spoke = [this] { ++spoke; },
            .on_gone =
                [this](const io::Gone& how) {
                  gone = how;
                  loop.retire(std::move(child));
                }};
  }
  static io::LaunchSpec spec(std::vector<std::string> args) {
    return {.name = "files",
            .program = test::helper,
            .args = std::move(args),
            .directory = "/tmp",
            .environment = test::own_environment()};
  }
  // Until its program runs, or cannot be run.
  base::Result<void> start(const io::LaunchSpec& launch) {
    gone.reset();
    lines.clear();
    started.reset();
    child = children->spawn(launch, events());
    REQUIRE(run_until(loop, [this] { return started.has_value(); }));
    return *started;
  }
  std::string why_not(const io::LaunchSpec& launch) {
    const auto outcome = start(launch);
    return outcome ? "it started" : outcome.error().what;
  }
  bool until_gone() {
    return run_until(loop, [this] { return gone.has_value(); });
  }
  bool until_line() {
    return run_until(loop, [this] { return !lines.empty(); });
  }
};

std::string value_of(const std::vector<std::string>& lines, std::string_view name) {
  for (const std::string& line : lines) {
    if (line.starts_with(name)) return line.substr(name.size());
  }
  return "absent";
}

}  // namespace

TEST_CASE("a child has its pipes, its own session, default signals and nothing else of ours") {
  Family family;
  io::Pipe leaked = io::make_pipe().value();
  // Even what somebody forgot to protect.
  const int careless = dup(leaked.read_end.get());
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  struct sigaction before{};
  sigaction(SIGUSR2, &ignore, &before);
  sigset_t blocked;
  sigset_t mask;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, &mask);
  const auto started = family.start(Family::spec({"report"}));
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  sigaction(SIGUSR2, &before, nullptr);
  REQUIRE(started);
  REQUIRE(family.until_gone());
  close(careless);
  CHECK(value_of(family.lines, "descriptors ") == "3");
  CHECK(value_of(family.lines, "SigBlk:\t") == "0000000000000000");
  CHECK(value_of(family.lines, "SigIgn:\t") == "0000000000000000");
  CHECK(value_of(family.lines, "directory ") == "/tmp");
  CHECK(value_of(family.lines, "leader ") == "yes");
  CHECK(value_of(family.lines, "mark ").ends_with(".1"));
  CHECK(family.gone->how == "exited with status 0");
}

TEST_CASE("a child begins life with what its session has, and not with what the daemon has") {
  Family family;
  io::LaunchSpec spec = Family::spec({"inherited"});
  spec.inheritance = io::own_inheritance();
  spec.inheritance.settings["umask"] = 027;
  spec.inheritance.settings["nice"] += 3;
  spec.inheritance.settings["oom_score_adj"] = 700;
  spec.inheritance.settings["scheduling"] = SCHED_BATCH;
  spec.inheritance.settings["io_priority"] = 3 << 13;
  spec.inheritance.settings["timer_slack"] = 70000;
  spec.inheritance.settings["personality"] = ADDR_NO_RANDOMIZE;
  spec.inheritance.settings["coredump_filter"] = 0x7f;
  spec.inheritance.settings["thp_disable"] = 1;
  spec.inheritance.limits["nofile"] = {.soft = 5, .hard = 7};  // Fewer than it takes to start a process.
  spec.inheritance.limits["cpu"] = {.soft = 100, .hard = 200};
  spec.inheritance.limits["fsize"] = {.soft = 0, .hard = 0};
  const std::string cpus = spec.inheritance.cpus;
  spec.inheritance.cpus = cpus.substr(0, cpus.find_first_of("-,"));
  REQUIRE(family.start(spec));
  REQUIRE(family.until_gone());
  const auto has = [&](const std::string& name) { return value_of(family.lines, name + ' '); };
  for (const auto& [name, value] : spec.inheritance.settings) {
    CAPTURE(name);
    CHECK(has(name) == std::to_string(value));
  }
  CHECK(value_of(family.lines, "nofile ") == "5 7");
  CHECK(value_of(family.lines, "cpu ") == "100 200");
  CHECK(value_of(family.lines, "fsize ") == "0 0");
  CHECK(value_of(family.lines, "cpus ") == spec.inheritance.cpus);
}

TEST_CASE("what cannot be handed over to a child is as near as it may be") {
  Family family;
  io::LaunchSpec spec = Family::spec({"inherited"});
  rlimit ours{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &ours) == 0);
  spec.inheritance.settings = {
      {"oom_score_adj", 100000}, {"scheduling", 99}, {"io_priority", -1}, {"unknown", 1}};
  spec.inheritance.limits["nofile"] = {.soft = {}, .hard = {}};  // The kernel has a limit for this one.
  spec.inheritance.cpus = "9-1,x";
  REQUIRE(family.start(spec));
  REQUIRE(family.until_gone());
  CHECK(value_of(family.lines, "nofile ") ==
        std::to_string(ours.rlim_max) + ' ' + std::to_string(ours.rlim_max));
  CHECK(value_of(family.lines, "scheduling ") == "0");
  CHECK(value_of(family.lines, "cpus ") == io::own_inheritance().cpus);
}

TEST_CASE("a launcher that leaves the server to its child has not ended it") {
  for (const std::string mode : {"once", "twice", "unmarked", "pipeline", "nested"}) {
    CAPTURE(mode);
    Family family(patient);
    REQUIRE(family.start(Family::spec({"launched", mode})));
    const pid_t launcher = family.first;
    REQUIRE(family.until_line());
    const pid_t server = test::numbers_in(family.lines.front()).front();
    const Witness witness(server);
    REQUIRE(run_until(family.loop, [&] { return family.child->pid() != launcher; }));
    REQUIRE(run_until(family.loop, [&] { return family.child->pid() == server; }));
    family.child->input()->queue(proto::Message(std::string("still here")));
    REQUIRE(run_until(family.loop, [&] { return family.lines.size() == 2; }));
    CHECK(family.lines.back() == "still here");
    family.child->stop();
    REQUIRE(family.until_gone());
    CHECK(family.gone->how == "exited with status 0");
    CHECK_FALSE(witness.alive());

    REQUIRE(family.start(Family::spec({"launched", mode})));
    REQUIRE(family.until_line());
    const pid_t next = test::numbers_in(family.lines.front()).front();
    REQUIRE(run_until(family.loop, [&] { return family.child->pid() == next; }));
    REQUIRE(kill(next, SIGKILL) == 0);
    REQUIRE(family.until_gone());
    CHECK(family.gone->how == "was killed by SIGKILL");
  }
}

TEST_CASE("a launcher that fails leaves nothing behind") {
  Family family(std::chrono::hours(1));
  REQUIRE(family.start(Family::spec({"launched", "failing"})));
  REQUIRE(family.until_gone());
  CHECK(family.gone->how == "exited with status 1");
}

TEST_CASE("a process that was left with the pipes and does not read them is no server") {
  Family family;
  REQUIRE(family.start(Family::spec({"launched", "deaf"})));
  const pid_t launcher = family.first;
  REQUIRE(run_until(family.loop, [&] { return family.child->pid() != launcher; }));
  const Witness witness(family.child->pid());
  // Nothing was said to it, so nothing is known.
  CHECK_FALSE(family.gone);
  family.child->input()->queue(proto::Message(std::string("anybody there")));
  REQUIRE(family.until_gone());
  CHECK(family.gone->last_words == "its process has ended, and what it left behind does not read its stdin");
  CHECK_FALSE(witness.alive());
}

TEST_CASE("lines go through a child and come back") {
  Family family(patient);
  REQUIRE(family.start(Family::spec({"echo"})));
  family.child->input()->queue(proto::Message(std::string("{\"id\":1}")));
  REQUIRE(family.until_line());
  CHECK(family.lines.front() == "{\"id\":1}");
  family.child->stop();
  CHECK(family.child->input() == nullptr);
  REQUIRE(family.until_gone());
  CHECK(family.gone->how == "exited with status 0");
  CHECK(family.children->size() == 0);
}

TEST_CASE("what cannot be started is told in a sentence that names it") {
  Family family;
  const TempDir dir;
  io::LaunchSpec spec = Family::spec({});
  spec.program = "/no/such/program";
  CHECK(family.why_not(spec) ==
        "cannot start the server files: cannot run /no/such/program: No such file or directory");
  spec.program = dir / "plain";
  std::ofstream(spec.program) << "text";
  REQUIRE(chmod(spec.program.c_str(), 0600) == 0);
  CHECK(family.why_not(spec) ==
        "cannot start the server files: cannot run " + spec.program + ": Permission denied");
  spec.program = dir / "script";
  std::ofstream(spec.program) << "#!/no/such/interpreter\n";
  REQUIRE(chmod(spec.program.c_str(), 0700) == 0);
  CHECK(family.why_not(spec) == "cannot start the server files: cannot run " + spec.program +
                                    ": the interpreter that its first line names does not exist");
  spec = Family::spec({std::string(std::size_t{4} << 20, 'x')});
  CHECK(family.why_not(spec) == "cannot start the server files: cannot run " + spec.program +
                                    ": its arguments and environment together are too long");
  spec = Family::spec({"echo"});
  spec.directory = "/no/such/directory";
  CHECK(family.why_not(spec) ==
        "cannot start the server files: cannot enter its directory /no/such/directory: No such file or "
        "directory");
  CHECK(family.children->size() == 0);
}

TEST_CASE("a script without an interpreter line runs, as it does from any other client") {
  Family family;
  const TempDir dir;
  io::LaunchSpec spec = Family::spec({"word"});
  spec.program = dir / "script";
  std::ofstream(spec.program) << "echo \"got $1\"\n";
  REQUIRE(chmod(spec.program.c_str(), 0700) == 0);
  REQUIRE(family.start(spec));
  REQUIRE(family.until_gone());
  CHECK(family.lines == std::vector<std::string>{"got word"});
}

TEST_CASE("how a child ended, its last lines and its last words") {
  Family family;
  const TempDir dir;
  io::LaunchSpec spec = Family::spec({"words"});
  spec.log_file = dir / "files.log";
  REQUIRE(family.start(spec));
  REQUIRE(family.until_gone());
  CHECK(family.gone->how == "exited with status 3");
  CHECK(family.gone->last_words == "first\nsecond");
  CHECK(family.lines == std::vector<std::string>{"last line"});
  CHECK(io::read_small_file(dir / "files.log").value() == "first\nsecond\n");

  REQUIRE(family.start(Family::spec({"crash"})));
  REQUIRE(family.until_gone());
  CHECK(family.gone->how == "was killed by SIGKILL");
}

TEST_CASE("a start banner is no cause of death") {
  Family family;
  const auto dies = [&](const std::string& last) {
    REQUIRE(family.start(Family::spec({"banner", last})));
    family.child->input()->queue(proto::Message(std::string("hello")));
    run_until(family.loop, [&] { return family.gone || !family.lines.empty(); });
    if (family.child) family.child->input()->queue(proto::Message(std::string("go")));
    REQUIRE(family.until_gone());
    return *family.gone;
  };
  CHECK(dies("silent").how == "exited with status 3");
  CHECK(dies("silent").last_words.empty());
  CHECK(dies("trace").last_words == "it broke");
  CHECK(dies("killed").how == "was killed by SIGKILL");
  CHECK(dies("killed").last_words.empty());
  // One that says nothing on its stdout has nothing but its words.
  CHECK(dies("mute").last_words == "running on stdio");
}

TEST_CASE("the stdout of a server that is spoken to otherwise is a log") {
  Family family;
  const TempDir dir;
  io::LaunchSpec spec = Family::spec({"words"});
  spec.log_file = dir / "web.log";
  spec.output = io::Output::log;
  REQUIRE(family.start(spec));
  REQUIRE(family.until_gone());
  CHECK(family.lines.empty());
  CHECK(io::read_small_file(dir / "web.log").value().contains("last line\n"));
}

TEST_CASE("a hundred megabytes of stderr neither block the server nor stay anywhere") {
  Family family;
  const TempDir dir;
  io::LaunchSpec spec = Family::spec({"flood", std::to_string(std::size_t{100} << 20)});
  spec.log_file = dir / "files.log";
  REQUIRE(family.start(spec));
  REQUIRE(family.until_line());
  CHECK(family.lines.front() == "done");
  family.child->input()->queue(proto::Message(std::string("still here")));
  REQUIRE(run_until(family.loop, [&] { return family.lines.size() == 2; }));
  family.child->stop();
  REQUIRE(family.until_gone());
  struct stat status{};
  REQUIRE(stat((dir / "files.log").c_str(), &status) == 0);
  CHECK(status.st_size <= static_cast<off_t>(io::RotatingFile::bytes_max_default + (1 << 20)));
  CHECK(family.spoke > 0);
}

TEST_CASE("stop ends a tree of any kind to the last leaf") {
  for (const std::string mode : {"plain", "setsid", "double", "stubborn"}) {
    CAPTURE(mode);
    Family family;
    REQUIRE(family.start(Family::spec({"tree", mode})));
    REQUIRE(family.until_line());
    const std::vector<pid_t> pids = test::numbers_in(family.lines.front());
    REQUIRE(pids.size() >= 3);
    std::vector<Witness> witnesses;
    for (const pid_t pid : pids) witnesses.emplace_back(pid);
    for (const Witness& witness : witnesses) CHECK(witness.alive());
    const std::array<io::Question, 1> who{family.child->question(io::Question::About::relatives)};
    CHECK(io::survey(who).front().relatives.size() == pids.size() + 1);
    family.child->stop();
    REQUIRE(family.until_gone());
    CHECK(family.gone->survivors == 0);
    for (const Witness& witness : witnesses) CHECK_FALSE(witness.alive());
  }
}

TEST_CASE("what a crashed child leaves behind is swept at once") {
  Family family(std::chrono::hours(1));
  REQUIRE(family.start(Family::spec({"tree", "setsid"})));
  REQUIRE(family.until_line());
  std::vector<Witness> witnesses;
  for (const pid_t pid : test::numbers_in(family.lines.front())) witnesses.emplace_back(pid);
  REQUIRE(kill(family.child->pid(), SIGKILL) == 0);
  REQUIRE(family.until_gone());
  CHECK(family.gone->how == "was killed by SIGKILL");
  for (const Witness& witness : witnesses) CHECK_FALSE(witness.alive());
}

TEST_CASE("a child that closes its stdout or its stdin is ended") {
  Family family;
  REQUIRE(family.start(Family::spec({"silent"})));
  REQUIRE(family.until_gone());
  CHECK(family.gone->how == "closed its stdout, and was stopped for that (was killed by SIGTERM)");
  CHECK_FALSE(family.gone->clean);

  REQUIRE(family.start(Family::spec({"deaf"})));
  REQUIRE(family.until_line());
  family.child->input()->queue(proto::Message(std::string("unheard")));
  REQUIRE(family.until_gone());
  CHECK(family.gone->how == "closed its stdin, and was stopped for that (was killed by SIGTERM)");
}

TEST_CASE("what a child has not read when it ends is given back, from the first byte that it has not read") {
  Family family;
  const std::string first = "first";
  REQUIRE(family.start(Family::spec({"one-line"})));
  for (const std::string& text : {first, std::string("second"), std::string("third")})
    family.child->input()->queue(proto::Message(text));
  REQUIRE(family.until_gone());
  CHECK(family.lines == std::vector<std::string>{first});
  CHECK(family.gone->clean);
  CHECK(family.gone->unread == "second\nthird\n");

  // Also what did not fit into the pipe.
  REQUIRE(family.start(Family::spec({"one-line"})));
  const std::string large(std::size_t{300} << 10, 'x');
  family.child->input()->queue(proto::Message(first));
  family.child->input()->queue(proto::Message(large));
  REQUIRE(family.until_gone());
  CHECK(family.gone->unread == large + "\n");
}

TEST_CASE("where there are control groups, nobody escapes: not even without mark, parent and session") {
  Family family;
  if (!family.children->has_cgroups()) return;
  REQUIRE(family.start(Family::spec({"escape"})));
  REQUIRE(family.until_line());
  const pid_t escaped = test::numbers_in(family.lines.front()).front();
  const Witness witness(escaped);
  CHECK(io::mark_in(escaped).empty());
  CHECK(io::process_of(escaped)->session == escaped);
  family.child->stop();
  REQUIRE(family.until_gone());
  CHECK_FALSE(witness.alive());
}

TEST_CASE("a child that is let go without a stop takes its tree with it") {
  Family family;
  REQUIRE(family.start(Family::spec({"tree", "stubborn"})));
  REQUIRE(family.until_line());
  std::vector<Witness> witnesses;
  for (const pid_t pid : test::numbers_in(family.lines.front())) witnesses.emplace_back(pid);
  family.child.reset();
  CHECK(family.children->size() == 0);
  for (const Witness& witness : witnesses) CHECK(witness.died());
}

TEST_CASE("a child that is ended for a reason is killed at once with its tree, and the reason is told") {
  Family family(std::chrono::hours(1));
  REQUIRE(family.start(Family::spec({"tree", "stubborn"})));
  REQUIRE(family.until_line());
  std::vector<Witness> witnesses;
  for (const pid_t pid : test::numbers_in(family.lines.front())) witnesses.emplace_back(pid);
  family.child->end_for("was ended because it took too much");
  REQUIRE(family.until_gone());
  CHECK(family.gone->how == "was ended because it took too much");
  CHECK_FALSE(family.gone->clean);
  CHECK(family.gone->survivors == 0);
  for (const Witness& witness : witnesses) CHECK(witness.died());
}

TEST_CASE("where no group keeps a limit of memory, each process gets no more than twice as much") {
  Family family;
  if (family.children->controllers().memory) return;
  constexpr std::uint64_t gib = std::uint64_t{1} << 30;
  const auto data_with = [&](std::uint64_t limit) {
    io::LaunchSpec spec = Family::spec({"echo"});
    spec.limits.memory = limit;
    spec.inheritance.limits["data"] = {.soft = 8 * gib, .hard = 8 * gib};
    REQUIRE(family.start(std::move(spec)));
    rlimit data{};
    REQUIRE(prlimit(family.child->pid(), RLIMIT_DATA, nullptr, &data) == 0);
    CHECK(data.rlim_cur == data.rlim_max);
    family.child->stop();
    REQUIRE(family.until_gone());
    return data.rlim_cur;
  };
  CHECK(data_with(gib) == 2 * gib);
  CHECK(data_with(gib / 4) == gib / 4 + gib / 2);
  CHECK(data_with(6 * gib) == 8 * gib);  // What the session has is less.
}

TEST_CASE("two hundred lives leave no descriptor and no group behind") {
  Family family;
  const auto live_once = [&] {
    REQUIRE(family.start(Family::spec({"echo"})));
    family.child->stop();
    REQUIRE(family.until_gone());
  };
  live_once();
  const std::size_t before = test::open_descriptors();
  for (int i = 0; i < 200; ++i) live_once();
  CHECK(test::open_descriptors() == before);
  CHECK(family.children->size() == 0);
}
