// What it costs to reach a server through Hearth instead of through a pipe of one's own.
//
// Runs a server both ways side by side, lets short batches of calls alternate between the two, and reports
// the median of the ratios of neighbours: other work on the machine then hits both alike. Needs nothing and
// touches nothing of the user's Hearth: it uses a HEARTH_HOME of its own and ends the daemon it caused to
// start.
#include <fmt/format.h>
#include <getopt.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/client.h"
#include "bench/figures.h"
#include "bench/sample.h"

namespace {

using bench::Bound;
using bench::Figure;
using bench::Goal;
using bench::Judged;
using bench::Round;
using std::chrono::milliseconds;

struct Settings {
  bench::Command direct;
  bench::Command hearth;
  bench::Command apart;  // The same with a server for each session; empty: the way is not Hearth's.
  std::string daemon_name = "hearthd";
  bench::Wire wire = bench::Wire::pipes;
  std::string only;  // Scenarios whose name holds this; empty: all, and the rest too.
  std::size_t rounds = 30;
  milliseconds batch{120};
  std::size_t starts = 300;
  std::string json_file;
  bool check = false;
};

struct Scenario {
  std::string name;
  std::size_t sessions = 1;
  bench::Load load;
  bench::Placement placement = bench::Placement::anywhere;
  bench::Rounds::Goals goals = {};
};

bench::Load echo(std::size_t bytes, std::size_t in_flight, bench::Writes writes = bench::Writes::one_by_one) {
  bench::Load load = bench::echo_of(bytes);
  load.in_flight = in_flight;
  load.writes = writes;
  return load;
}

bench::Load now_and_then() {
  bench::Load load = bench::echo_of(100);
  load.pause = milliseconds(10);
  return load;
}

std::vector<Scenario> scenarios() {
  constexpr std::size_t megabyte = 1'000'000;
  const auto at_least = [](double limit) { return Goal{.bound = Bound::at_least, .limit = limit}; };
  const auto at_most = [](double limit) { return Goal{.bound = Bound::at_most, .limit = limit}; };
  return {
      {.name = "1 session, 100 B", .load = echo(100, 1)},
      {.name = "1 session, all on one CPU", .load = echo(100, 1), .placement = bench::Placement::one_cpu},
      {.name = "1 session, client on a CPU of its own",
       .load = echo(100, 1),
       .placement = bench::Placement::client_apart,
       .goals = {.latency = at_most(2.5)}},
      {.name = "10 sessions, 100 B",
       .sessions = 10,
       .load = echo(100, 1),
       .goals = {.throughput = at_least(0.8), .cpu = at_most(2)}},
      {.name = "50 sessions, 100 B",
       .sessions = 50,
       .load = echo(100, 1),
       .goals = {.throughput = at_least(0.8)}},
      {.name = "64 in flight, 100 B", .load = echo(100, 64), .goals = {.throughput = at_least(0.45)}},
      {.name = "64 in flight, written together", .load = echo(100, 64, bench::Writes::together)},
      {.name = "1 MB result", .load = bench::blob_of(megabyte), .goals = {.throughput = at_least(0.45)}},
      {.name = "1 MB there and back", .load = echo(megabyte, 1), .goals = {.throughput = at_least(0.45)}},
      {.name = "10 ms between calls, 100 B", .load = now_and_then()},
  };
}

base::Result<bench::Sample> measure(bench::Client& client, const Scenario& scenario, milliseconds length,
                                    const std::vector<pid_t>& processes) {
  const bench::Meter meter(processes);
  return meter.sample(TRY(client.run(scenario.load, length)));
}

base::Result<bool> run_scenario(const Settings& settings, const Scenario& scenario,
                                std::vector<Figure>& figures) {
  bench::Client direct(settings.direct, settings.wire);
  bench::Client hearth(settings.hearth, settings.wire);
  TRY(direct.open_up_to(scenario.sessions));
  TRY(hearth.open_up_to(scenario.sessions));
  const std::vector<pid_t> direct_processes = direct.processes();
  // Shims, daemon, its guard, the shared server.
  const std::vector<pid_t> hearth_processes = bench::all_but(direct_processes);

  std::vector<pid_t> all = bench::descendants();
  all.push_back(getpid());
  bench::place(all, scenario.placement);

  TRY(direct.run(scenario.load, settings.batch / 2));
  TRY(hearth.run(scenario.load, settings.batch / 2));
  bench::Rounds rounds;
  for (std::size_t i = 0; i < settings.rounds; ++i) {
    const bench::Sample a = TRY(measure(direct, scenario, settings.batch, direct_processes));
    rounds.add(a, TRY(measure(hearth, scenario, settings.batch, hearth_processes)));
  }
  rounds.into(figures, scenario.name, scenario.goals);
  bench::place(all, bench::Placement::anywhere);
  TRY(direct.close());
  TRY(hearth.close());
  return true;
}

// From exec to the answer of initialize, while another session keeps daemon and server warm.
base::Result<bool> measure_start(const Settings& settings, std::vector<Figure>& figures) {
  bench::Client warm(settings.hearth, settings.wire);
  TRY(warm.open_up_to(1));
  std::vector<Round> rounds;
  for (std::size_t i = 0; i < settings.starts; ++i) {
    const double direct = TRY(bench::Client::time_to_initialize(settings.direct, settings.wire));
    const double hearth = TRY(bench::Client::time_to_initialize(settings.hearth, settings.wire));
    // Too short for the ticks that noise is counted in; the direct start beside it suffers alike.
    rounds.push_back({.direct = direct, .hearth = hearth, .noise = direct});
  }
  const Goal goal{.bound = Bound::at_most, .limit = 1.5, .judged = Judged::value};
  figures.push_back(figure_of("exec to initialize answer, warm", "ms", rounds, goal));
  TRY(warm.close());
  return true;
}

std::vector<pid_t> daemon_of(const Settings& settings) {
  std::vector<pid_t> found;
  for (const pid_t pid : bench::descendants()) {
    if (bench::name_of(pid) == settings.daemon_name) found.push_back(pid);
  }
  return found;
}

double kib(std::int64_t value) {
  return static_cast<double>(value);
}

// Nothing where the target has no daemon.
void add_daemon_memory(const Settings& settings, std::string name, std::optional<Goal> goal,
                       std::vector<Figure>& figures) {
  const std::vector<pid_t> daemon = daemon_of(settings);
  if (daemon.empty()) return;
  const bench::Memory memory = bench::memory_of(daemon);
  figures.push_back({.name = std::move(name),
                     .unit = "KiB",
                     .direct = {},
                     .hearth = kib(memory.resident_kib),
                     .ratio = {},
                     .goal = goal});
}

// The growth from one session to many, over all processes, after each session has made some calls.
base::Result<bool> measure_memory(const Settings& settings, std::vector<Figure>& figures) {
  constexpr std::size_t many = 50;
  constexpr auto per_session = [](std::int64_t one, std::int64_t all) { return kib(all - one) / (many - 1); };
  const auto used = [](std::span<const pid_t> processes) {
    return bench::memory_of(processes).proportional_kib;
  };
  const bench::Load load = bench::echo_of(100);

  bench::Client hearth(settings.hearth, settings.wire);
  TRY(hearth.open_up_to(1));
  TRY(hearth.run(load, milliseconds(10)));
  const Goal daemon_goal{.bound = Bound::at_most, .limit = 8192, .judged = Judged::value};
  add_daemon_memory(settings, "daemon with one idle session: resident", daemon_goal, figures);
  const std::int64_t hearth_one = used(bench::descendants());
  TRY(hearth.open_up_to(many));
  TRY(hearth.run(load, milliseconds(10)));
  const std::int64_t hearth_all = used(bench::descendants());
  TRY(hearth.close());

  bench::Client direct(settings.direct, settings.wire);
  TRY(direct.open_up_to(1));
  const std::int64_t direct_one = used(direct.processes());
  TRY(direct.open_up_to(many));
  TRY(direct.run(load, milliseconds(10)));
  const std::int64_t direct_all = used(direct.processes());
  TRY(direct.close());

  const Round growth{.direct = per_session(direct_one, direct_all),
                     .hearth = per_session(hearth_one, hearth_all)};
  const Goal goal{.bound = Bound::at_most, .limit = 120, .judged = Judged::value};
  figures.push_back(figure_of("proportional memory per further session", "KiB", {growth}, goal));
  return true;
}

// What the daemon takes for each server that has nothing to do, and the session that has it.
base::Result<bool> measure_idle_servers(const Settings& settings, std::vector<Figure>& figures) {
  constexpr std::size_t some = 20;
  constexpr std::size_t many = 100;
  if (settings.apart.empty()) return true;
  const auto used = [&] { return bench::memory_of(daemon_of(settings)).private_kib; };
  bench::Client idle(settings.apart, settings.wire);
  TRY(idle.open_up_to(some));
  const std::int64_t before = used();
  TRY(idle.open_up_to(many));
  const std::int64_t after = used();
  TRY(idle.close());
  figures.push_back({.name = "daemon, per idle server with its session: private",
                     .unit = "KiB",
                     .direct = {},
                     .hearth = kib(after - before) / (many - some),
                     .ratio = {},
                     .goal = Goal{.bound = Bound::at_most, .limit = 20, .judged = Judged::value}});
  return true;
}

base::Result<std::vector<Figure>> run_all(const Settings& settings) {
  std::vector<Figure> figures;
  const bool everything = settings.only.empty();
  if (everything || settings.only == "memory") {
    TRY(measure_memory(settings, figures));
    TRY(measure_idle_servers(settings, figures));
  }
  if (everything || settings.only == "start") TRY(measure_start(settings, figures));
  for (const Scenario& scenario : scenarios()) {
    if (scenario.name.find(settings.only) == std::string::npos) continue;
    fmt::print(stderr, "{} …\n", scenario.name);
    TRY(run_scenario(settings, scenario, figures));
  }
  if (everything) {
    bench::Client idle(settings.hearth, settings.wire);
    TRY(idle.open_up_to(1));
    add_daemon_memory(settings, "daemon after all that, one session: resident", {}, figures);
    TRY(idle.close());
  }
  return figures;
}

bench::Command words_of(const std::string& line) {
  bench::Command words;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    if (end > at) words.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

constexpr const char* help =
    "usage: end_to_end [options]\n"
    "  --quick          about 20 s instead of about 90\n"
    "  --only TEXT      scenarios whose name holds TEXT; or \"start\", or \"memory\"\n"
    "  --json FILE      write the figures there too\n"
    "  --check          exit with 1 if a goal is missed\n"
    "  --sockets        give sessions socket pairs, as clients on Node do, instead of pipes\n"
    "  --server CMD     a server that answers as echo_server does (default: echo_server beside this "
    "program)\n"
    "  --via CMD        what to put in front of the server (default: \"hearth run --scope user --\", beside\n"
    "                   this program); empty: compare the server with itself, to see the noise\n"
    "  --daemon NAME    the process whose memory is the daemon's (default hearthd)\n";

std::optional<Settings> settings_of(int argc, char** argv) {
  const std::string here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::string server = here + "/echo_server";
  std::string via = here + "/hearth run --scope user --";
  Settings settings;
  const option options[] = {{"quick", no_argument, nullptr, 'q'},
                            {"only", required_argument, nullptr, 'o'},
                            {"json", required_argument, nullptr, 'j'},
                            {"check", no_argument, nullptr, 'c'},
                            {"sockets", no_argument, nullptr, 's'},
                            {"server", required_argument, nullptr, 'S'},
                            {"via", required_argument, nullptr, 'v'},
                            {"daemon", required_argument, nullptr, 'd'},
                            {nullptr, 0, nullptr, 0}};
  for (int chosen = 0; (chosen = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
    switch (chosen) {
      case 'q':
        settings.rounds = 8;
        settings.batch = milliseconds(80);
        settings.starts = 100;
        break;
      case 'o':
        settings.only = optarg;
        break;
      case 'j':
        settings.json_file = optarg;
        break;
      case 'c':
        settings.check = true;
        break;
      case 's':
        settings.wire = bench::Wire::socket_pairs;
        break;
      case 'S':
        server = optarg;
        break;
      case 'v':
        via = optarg;
        break;
      case 'd':
        settings.daemon_name = optarg;
        break;
      default:
        return {};
    }
  }
  if (optind != argc) return {};
  settings.direct = words_of(server);
  settings.hearth = words_of(via + " " + server);
  constexpr std::string_view shared = "--scope user";
  if (const std::size_t at = via.find(shared); at != std::string::npos)
    settings.apart = words_of(via.replace(at, shared.size(), "--scope session") + " " + server);
  return settings;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Settings> settings = settings_of(argc, argv);
  if (!settings) {
    std::fputs(help, stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  bench::adopt_orphans();
  char home[] = "/tmp/hearth-bench-XXXXXX";
  if (mkdtemp(home) == nullptr) {
    std::perror("end_to_end: cannot make a directory in /tmp");
    return 2;
  }
  setenv("HEARTH_HOME", home, 1);

  const base::Result<std::vector<Figure>> figures = run_all(*settings);
  bench::end_descendants();
  std::filesystem::remove_all(home);
  if (!figures) {
    fmt::print(stderr, "end_to_end: {}\n", figures.error().what);
    return 2;
  }
  fmt::print("{}", bench::table_of(*figures));
  if (!settings->json_file.empty()) std::ofstream(settings->json_file) << bench::json_of(*figures);
  const bool good = std::all_of(figures->begin(), figures->end(), bench::met);
  return settings->check && !good ? 1 : 0;
}
