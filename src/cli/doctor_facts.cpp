#include "cli/doctor_facts.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/version.h"
#include "io/aside.h"
#include "io/command.h"
#include "io/daemon_end.h"
#include "io/daemon_lock.h"
#include "io/daemon_start.h"
#include "io/files.h"

namespace cli {

namespace {

constexpr auto disk_patience = std::chrono::seconds(3);
constexpr auto program_patience = std::chrono::seconds(10);
// A daemon holds the lock before it listens, and after that while its servers end: a stubborn one takes 4 s.
constexpr auto lock_patience = std::chrono::milliseconds(6000);
// Claude Code keeps more than settings in its file; a tree of values takes many times its bytes.
constexpr std::size_t client_bytes_max = std::size_t{8} << 20;
constexpr std::size_t socket_table_max = std::size_t{16} << 20;
constexpr std::uint64_t room_least = std::uint64_t{1} << 20;

bool exists(const std::string& path) {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0;
}

// Without a connection, which would make a service manager start the daemon. Also where that cannot be told.
bool somebody_listens(const std::string& socket) {
  const auto table = io::read_small_file("/proc/net/unix", socket_table_max);
  if (!table || table->size() == socket_table_max) return true;
  return table->contains(" " + socket + "\n");
}

void note_if_open(const std::string& path, unsigned wanted, std::vector<doctor::PlaceFacts::Open>& into) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0 || status.st_uid != getuid() || S_ISLNK(status.st_mode)) return;
  const unsigned mode = status.st_mode & 0777U;
  if ((mode & 077U) != 0) into.push_back({.path = path, .mode = mode, .wanted = wanted});
}

std::string parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

doctor::Obstacle obstacle_at(const std::string& nearest) {
  using doctor::Obstacle;
  struct stat status{};
  if (stat(nearest.c_str(), &status) == 0 && !S_ISDIR(status.st_mode)) return Obstacle::in_the_way;
  struct statvfs space{};
  if (statvfs(nearest.c_str(), &space) != 0) return Obstacle::none;
  if ((space.f_flag & ST_RDONLY) != 0) return Obstacle::read_only;
  if (access(nearest.c_str(), W_OK | X_OK) != 0) return Obstacle::forbidden;
  // Some file systems do not count.
  const bool no_bytes = space.f_blocks != 0 && space.f_bavail * space.f_frsize < room_least;
  const bool no_files = space.f_files != 0 && space.f_favail == 0;
  return no_bytes || no_files ? Obstacle::full : Obstacle::none;
}

doctor::DiskFacts disk_at(std::string purpose, const std::string& path) {
  doctor::DiskFacts disk{
      .purpose = std::move(purpose), .path = path, .nearest = path, .obstacle = doctor::Obstacle::none};
  const auto look = [&]() -> base::Result<std::string> {
    std::string nearest = path;
    while (!exists(nearest) && nearest != "/") nearest = parent(nearest);
    return std::string(1, static_cast<char>(obstacle_at(nearest))) + nearest;
  };
  const auto seen = io::aside(look, std::size_t{8} << 10, disk_patience);
  if (!seen && seen.error().code == ETIMEDOUT) disk.obstacle = doctor::Obstacle::silent;
  if (!seen || seen->empty()) return disk;
  disk.obstacle = static_cast<doctor::Obstacle>(seen->front());
  disk.nearest = seen->substr(1);
  return disk;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? value : "";
}

}  // namespace

doctor::PlaceFacts place_facts(const io::Paths& paths) {
  using Lock = doctor::PlaceFacts::Lock;
  doctor::PlaceFacts place;
  place.hearth = io::hearth_for(paths);
  place.socket = paths.socket;
  place.lock_file = paths.lock;
  if (const auto checked = io::check_run_directory(paths); !checked) {
    place.directory_trouble = checked.error().what;
    return place;
  }
  note_if_open(paths.run_dir, 0700, place.open);
  if (paths.socket_dir != paths.run_dir) note_if_open(paths.socket_dir, 0700, place.open);
  note_if_open(paths.socket, 0600, place.open);
  if (exists(paths.lock)) {
    (void)io::wait_for_lock(lock_patience, [&]() -> base::Result<bool> {
      place.lock = io::lock_is_free(paths) ? Lock::free : Lock::held;
      if (place.lock == Lock::free) return true;
      const auto connection = io::connect_existing(paths);
      // A backlog that is full is a daemon that hangs, not one that is gone.
      place.answers = connection || connection.error().code == EAGAIN;
      return place.answers;
    });
  }
  if (place.lock == Lock::held) place.holder = io::holder_of(paths);
  place.socket_exists = exists(paths.socket);
  place.listened = place.socket_exists && somebody_listens(paths.socket);
  return place;
}

doctor::DaemonFacts program_facts() {
  doctor::DaemonFacts daemon;
  daemon.own_version = base::version;
  const auto hearthd = io::find_daemon_binary();
  if (!hearthd) {
    daemon.installed_trouble = hearthd.error().what;
    return daemon;
  }
  daemon.installed = *hearthd;
  const auto said = io::run_command({*hearthd, "--version"}, {}, program_patience);
  if (said) daemon.installed_version = doctor::version_in(said->output);
  if (daemon.installed_version.empty())
    daemon.installed_trouble = *hearthd + " does not say its version: " +
                               (said ? "it is not the daemon of Hearth, or cannot run" : said.error().what);
  return daemon;
}

bool runs_another_program(const io::Paths& paths, const std::string& hearthd) {
  const auto process = io::daemon_process(io::own_paths(paths));
  struct stat running{};
  struct stat installed{};
  if (!process || stat(hearthd.c_str(), &installed) != 0) return false;
  // The system does not tell of a daemon that cannot be dumped, unless root asks.
  if (stat(("/proc/" + std::to_string(process->pid) + "/exe").c_str(), &running) != 0) return false;
  return running.st_dev != installed.st_dev || running.st_ino != installed.st_ino;
}

std::optional<doctor::ConfigFacts> config_read_by(const std::string& hearthd, const std::string& file) {
  if (hearthd.empty()) return {};
  const auto said = io::run_command({hearthd, "--check-config", file}, {}, program_patience);
  if (!said || said->status != 0) return {};
  return doctor::config_facts(file, said->output);
}

std::vector<doctor::DiskFacts> disk_facts(const io::Paths& paths) {
  std::vector<doctor::DiskFacts> disks;
  disks.push_back(disk_at("logs and state", paths.state_dir));
  doctor::DiskFacts run = disk_at("the socket", paths.socket_dir);
  // The check of that directory tells of it.
  if (run.obstacle != doctor::Obstacle::in_the_way) disks.push_back(std::move(run));
  return disks;
}

std::vector<doctor::ClientFile> client_files_here() {
  const auto home = io::home_directory();
  if (!home) return {};
  doctor::ClientPlaces places{.home = *home,
                              .config_home = variable("XDG_CONFIG_HOME"),
                              .here = {},
                              .claude = variable("CLAUDE_CONFIG_DIR"),
                              .codex = variable("CODEX_HOME")};
  if (places.config_home.empty()) places.config_home = *home + "/.config";
  char* here = getcwd(nullptr, 0);
  if (here != nullptr) places.here = here;
  std::free(here);
  return doctor::client_files(places);
}

base::Result<std::string> client_text(const doctor::ClientFile& file) {
  auto text = io::aside([&] { return io::read_small_file(file.path, client_bytes_max); }, client_bytes_max,
                        disk_patience);
  if (!text && text.error().code == ETIMEDOUT)
    return base::failure("cannot read " + file.path + ": its file system does not answer", ETIMEDOUT);
  if (text && text->size() == client_bytes_max)
    return base::failure(file.path + " is larger than 8 MiB and was not read", EFBIG);
  return text;
}

}  // namespace cli
