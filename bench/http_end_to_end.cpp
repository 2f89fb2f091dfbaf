// What it costs to reach a server through Hearth's port instead of at a port of its own.
//
// A driver with many sessions, one call in flight in each, talks to an echo server that speaks HTTP itself,
// and to Hearth in front of: the same echo server on stdio; that very HTTP server. The third way is Hearth's
// local socket. Batches alternate between the direct way and one of these, and the median of the ratios of
// neighbours is what counts. Uses a HEARTH_HOME of its own and ends what it started.
#include <fmt/format.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "bench/http_client.h"
#include "bench/sample.h"

namespace {

using bench::Figure;
using std::chrono::milliseconds;

struct Settings {
  std::string bin = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::string only;  // Scenarios whose name holds this.
  std::size_t rounds = 16;
  milliseconds batch{100};
  std::string json_file;
};

// The port is for whoever shows this; nobody else comes to know it.
constexpr std::string_view token = "a-token-of-the-benchmark";

struct Places {
  bench::HttpPlace direct, to_stdio, to_http, local;
  pid_t direct_pid = 0;
};

base::Result<std::uint16_t> port_in(std::string_view text) {
  std::uint16_t port = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), port).ec != std::errc()) {
    return base::failure("no port was named");
  }
  return port;
}

// The child lives on; it is ended with all others.
base::Result<std::uint16_t> start_echo_server(const Settings& settings, pid_t& pid) {
  const bench::Child child =
      TRY(bench::start({settings.bin + "/echo_server", "--http", "0"}, bench::Wire::pipes));
  pid = child.pid;
  pollfd ready{.fd = child.from.get(), .events = POLLIN, .revents = 0};
  char text[16];
  if (poll(&ready, 1, 5000) != 1) return base::failure("echo_server does not say its port");
  const ssize_t count = read(child.from.get(), text, sizeof text);
  return port_in({text, static_cast<std::size_t>(std::max<ssize_t>(count, 0))});
}

std::string contents_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What it writes goes into a file: nobody wants to read it unless it fails.
base::Result<std::uint16_t> start_hearth(const Settings& settings, const std::string& home) {
  const std::string output = home + "/output";
  TRY(bench::start({"sh", "-c", R"(exec "$0" serve --port 0 >"$1" 2>&1)", settings.bin + "/hearth", output},
                   bench::Wire::pipes));
  const bench::HttpPlace status{.socket = home + "/run/hearthd.sock", .target = "/status"};
  for (int round = 0; round < 500; ++round) {
    if (const auto text = bench::http_get(status)) {
      constexpr std::string_view key = "\"port\":";
      return port_in(std::string_view(*text).substr(text->find(key) + key.size()));
    }
    poll(nullptr, 0, 10);
  }
  return base::failure("hearth serve did not start:\n" + contents_of(output));
}

base::Result<Places> start_all(const Settings& settings, const std::string& home) {
  Places places;
  const std::uint16_t direct = TRY(start_echo_server(settings, places.direct_pid));
  std::ofstream(home + "/config.json") << fmt::format(
      R"({{"mcpServers": {{"stdio": {{"command": "{}/echo_server", "scope": "user"}},)"
      R"( "http": {{"type": "http", "url": "http://127.0.0.1:{}/mcp"}}}}, "http": {{"token": "{}"}}}})",
      settings.bin, direct, token);
  const std::uint16_t port = TRY(start_hearth(settings, home));
  places.direct = {.port = direct, .target = "/mcp"};
  places.to_stdio = {.port = port, .target = "/mcp/stdio", .token = std::string(token)};
  places.to_http = {.port = port, .target = "/mcp/http", .token = std::string(token)};
  places.local = {.socket = home + "/run/hearthd.sock", .target = "/mcp/stdio"};
  return places;
}

struct Scenario {
  std::string name;
  const bench::HttpPlace& place;
  std::size_t sessions = 1;
  bool through_direct = false;  // The direct server is on its way, too.
};

base::Result<bench::Sample> measure(bench::HttpClient& client, milliseconds length,
                                    const std::vector<pid_t>& processes) {
  const bench::Meter meter(processes);
  return meter.sample(TRY(client.run(bench::echo_of(100), length)));
}

base::Result<bool> run_scenario(const Settings& settings, const Places& places, const Scenario& scenario,
                                std::vector<Figure>& figures) {
  bench::HttpClient direct(places.direct);
  bench::HttpClient hearth(scenario.place);
  TRY(direct.open_up_to(scenario.sessions));
  TRY(hearth.open_up_to(scenario.sessions));
  const std::vector<pid_t> direct_processes{places.direct_pid};
  const std::vector<pid_t> hearth_processes =
      scenario.through_direct ? bench::descendants() : bench::all_but(direct_processes);

  std::vector<pid_t> all = bench::descendants();
  all.push_back(getpid());
  // Where a wake-up lands makes several times the difference for a single session.
  if (scenario.sessions == 1) bench::place(all, bench::Placement::client_apart);

  TRY(direct.run(bench::echo_of(100), settings.batch / 2));
  TRY(hearth.run(bench::echo_of(100), settings.batch / 2));
  bench::Rounds rounds;
  for (std::size_t i = 0; i < settings.rounds; ++i) {
    const bench::Sample a = TRY(measure(direct, settings.batch, direct_processes));
    rounds.add(a, TRY(measure(hearth, settings.batch, hearth_processes)));
  }
  rounds.into(figures, scenario.name, {});
  bench::place(all, bench::Placement::anywhere);
  TRY(direct.close());
  TRY(hearth.close());
  return true;
}

base::Result<std::vector<Figure>> run_all(const Settings& settings, const std::string& home) {
  const Places places = TRY(start_all(settings, home));
  std::vector<Figure> figures;
  for (const std::size_t sessions : {std::size_t{1}, std::size_t{16}, std::size_t{256}}) {
    const std::string many = fmt::format("{} over HTTP, ", sessions);
    for (const Scenario& scenario :
         {Scenario{.name = many + "stdio server", .place = places.to_stdio, .sessions = sessions},
          Scenario{.name = many + "HTTP server",
                   .place = places.to_http,
                   .sessions = sessions,
                   .through_direct = true},
          Scenario{.name = many + "local socket", .place = places.local, .sessions = sessions}}) {
      if (scenario.name.find(settings.only) == std::string::npos) continue;
      fmt::print(stderr, "{} …\n", scenario.name);
      TRY(run_scenario(settings, places, scenario, figures));
    }
  }
  return figures;
}

constexpr const char* help =
    "usage: http_end_to_end [options]\n"
    "  --quick          about 8 s instead of about 35\n"
    "  --only TEXT      scenarios whose name holds TEXT, like \"16 over\" or \"HTTP server\"\n"
    "  --json FILE      write the figures there too\n"
    "  --bin DIR        where hearth and hearthd are (default: beside this program)\n";

std::optional<Settings> settings_of(int argc, char** argv) {
  Settings settings;
  const option options[] = {{"quick", no_argument, nullptr, 'q'},
                            {"only", required_argument, nullptr, 'o'},
                            {"json", required_argument, nullptr, 'j'},
                            {"bin", required_argument, nullptr, 'b'},
                            {nullptr, 0, nullptr, 0}};
  for (int chosen = 0; (chosen = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
    switch (chosen) {
      case 'q':
        settings.rounds = 5;
        settings.batch = milliseconds(60);
        break;
      case 'o':
        settings.only = optarg;
        break;
      case 'j':
        settings.json_file = optarg;
        break;
      case 'b':
        settings.bin = optarg;
        break;
      default:
        return {};
    }
  }
  if (optind != argc) return {};
  return settings;
}

// The driver and the servers have a descriptor for every session; children inherit this.
void allow_many_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Settings> settings = settings_of(argc, argv);
  if (!settings) {
    std::fputs(help, stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  allow_many_descriptors();
  bench::adopt_orphans();
  char home[] = "/tmp/hearth-bench-XXXXXX";
  if (mkdtemp(home) == nullptr) {
    std::perror("http_end_to_end: cannot make a directory in /tmp");
    return 2;
  }
  setenv("HEARTH_HOME", home, 1);

  const base::Result<std::vector<Figure>> figures = run_all(*settings, home);
  bench::end_descendants();
  std::filesystem::remove_all(home);
  if (!figures) {
    fmt::print(stderr, "http_end_to_end: {}\n", figures.error().what);
    return 2;
  }
  fmt::print("{}", bench::table_of(*figures));
  if (!settings->json_file.empty()) std::ofstream(settings->json_file) << bench::json_of(*figures);
}
