// The longest that a busy session waits for one answer while something large happens beside it.
//
// A daemon is one thread: whatever it does at once holds up every session. Here one session calls without a
// break, at a server of its own, while the daemon is asked how 50 servers fare, while 45 of them die
// together, while 50 start, and while another session sends or is sent 60 MB. The same is done beside a
// session that has a pipe of its own to its server, since the machine has work with processes that begin and
// end, too.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "bench/client.h"
#include "bench/figures.h"

namespace {

using bench::Bound;
using bench::Figure;
using bench::Goal;
using bench::Judged;
using bench::Round;
using std::chrono::milliseconds;

constexpr std::size_t idle_servers = 50;
constexpr std::size_t dying_servers = 45;
constexpr std::size_t long_message = 60'000'000;

struct Programs {
  std::string hearth;
  std::string server;

  bench::Command shared() const { return {hearth, "run", "--scope", "user", "--", server}; }
  bench::Command own() const { return {hearth, "run", "--scope", "session", "--", server}; }
};

// Waits for the program, whose output nobody reads.
void run_to_its_end(const bench::Command& command) {
  if (const auto child = bench::start(command, bench::Wire::pipes)) {
    bench::wait_for_exit(child->pid, std::chrono::seconds(30));
  }
}

void ask_for_status(const Programs& programs) {
  for (int i = 0; i < 5; ++i) run_to_its_end({programs.hearth, "status", "--json"});
}

// The server that is called goes on.
void kill_idle_servers(const std::vector<pid_t>& servers) {
  for (std::size_t i = 0; i < std::min(dying_servers, servers.size()); ++i) kill(servers[i], SIGKILL);
}

// The longest wait of the busy session while the event takes place, in ms.
base::Result<double> longest(bench::Client& busy, const std::function<void()>& event) {
  std::thread beside([&] {
    std::this_thread::sleep_for(milliseconds(100));
    event();
  });
  const base::Result<bench::Batch> batch = busy.run(bench::echo_of(100), milliseconds(2000));
  beside.join();
  if (!batch) return std::unexpected(batch.error());
  return batch->longest_us / 1000;
}

// The same while another session makes one call.
base::Result<double> longest_beside(bench::Client& busy, bench::Client& other, const bench::Load& call) {
  base::Result<bench::Batch> done;
  const base::Result<double> wait = longest(busy, [&] { done = other.run(call, milliseconds(0)); });
  if (!done) return std::unexpected(done.error());
  return wait;
}

std::vector<pid_t> servers_beside(const std::vector<pid_t>& known, const std::string& name) {
  std::vector<pid_t> found;
  for (const pid_t pid : bench::descendants()) {
    if (bench::name_of(pid) == name && std::ranges::find(known, pid) == known.end()) found.push_back(pid);
  }
  return found;
}

base::Result<bool> measure(const Programs& programs, std::size_t rounds, std::vector<Figure>& figures) {
  const std::string server = std::filesystem::path(programs.server).filename().string().substr(0, 15);
  bench::Client direct({programs.server}, bench::Wire::pipes);
  bench::Client hearth(programs.shared(), bench::Wire::pipes);
  TRY(direct.open_up_to(1));
  TRY(hearth.open_up_to(1));
  bench::Client other(programs.own(), bench::Wire::pipes);
  TRY(other.open_up_to(1));
  const std::vector<pid_t> busy_servers = servers_beside({}, server);

  std::vector<Round> quiet, status, deaths, starts, answers, requests;
  for (std::size_t i = 0; i < rounds; ++i) {
    Round of_quiet, of_status, of_deaths, of_starts, of_answer, of_request;
    for (const bool through_hearth : {false, true}) {
      bench::Client& busy = through_hearth ? hearth : direct;
      const auto put = [&](Round& round, double value) {
        (through_hearth ? round.hearth : round.direct) = value;
      };
      put(of_quiet, TRY(longest(busy, [] {})));
      put(of_answer, TRY(longest_beside(busy, other, bench::blob_of(long_message))));
      put(of_request, TRY(longest_beside(busy, other, bench::echo_of(long_message))));
      bench::Client idle(programs.own(), bench::Wire::pipes);
      base::Result<std::size_t> opened = 0;
      put(of_starts, TRY(longest(busy, [&] { opened = idle.open_up_to(idle_servers); })));
      TRY(std::move(opened));
      put(of_status, TRY(longest(busy, [&] { ask_for_status(programs); })));
      const std::vector<pid_t> idle_ones = servers_beside(busy_servers, server);
      put(of_deaths, TRY(longest(busy, [&] { kill_idle_servers(idle_ones); })));
      TRY(idle.close());
    }
    quiet.push_back(of_quiet);
    status.push_back(of_status);
    deaths.push_back(of_deaths);
    starts.push_back(of_starts);
    answers.push_back(of_answer);
    requests.push_back(of_request);
  }
  const Goal goal{.bound = Bound::at_most, .limit = 5, .judged = Judged::value};
  figures.push_back(figure_of("nothing else", "ms", quiet));
  figures.push_back(figure_of(fmt::format("{} servers start", idle_servers), "ms", starts, goal));
  figures.push_back(figure_of(fmt::format("5 × status of {} servers", idle_servers), "ms", status, goal));
  figures.push_back(figure_of(fmt::format("{} servers die at once", dying_servers), "ms", deaths, goal));
  const Goal of_long{.bound = Bound::at_most, .limit = 20, .judged = Judged::value};
  figures.push_back(figure_of("another is sent 60 MB", "ms", answers, of_long));
  figures.push_back(figure_of("another sends 60 MB, and gets them back", "ms", requests, of_long));
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const bool quick = argc == 2 && std::string(argv[1]) == "--quick";
  if (argc > 1 && !quick) {
    std::fputs("usage: pauses [--quick]\n", stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  bench::adopt_orphans();
  char home[] = "/tmp/hearth-bench-XXXXXX";
  if (mkdtemp(home) == nullptr) {
    std::perror("pauses: cannot make a directory in /tmp");
    return 2;
  }
  setenv("HEARTH_HOME", home, 1);
  // Each `hearth run` says what it starts.
  if (const int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC); nothing >= 0) dup2(nothing, STDERR_FILENO);
  const std::string here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::vector<Figure> figures;
  const auto done = measure({here + "/hearth", here + "/echo_server"}, quick ? 2 : 5, figures);
  bench::end_descendants();
  std::filesystem::remove_all(home);
  if (!done) {
    fmt::print("pauses: {}\n", done.error().what);
    return 2;
  }
  fmt::print("The longest wait of a busy session for one answer, while …\n{}", bench::table_of(figures));
  return 0;
}
