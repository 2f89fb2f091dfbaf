#include "cli/logs.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <span>

#include "base/nearest.h"
#include "cli/command_line.h"
#include "cli/control.h"
#include "cli/output.h"
#include "io/daemon_start.h"
#include "io/descriptor.h"
#include "io/paths.h"
#include "io/system_error.h"
#include "proto/json.h"

namespace cli {

namespace {

constexpr std::string_view suffix = ".log";
constexpr std::size_t lines_usual = 50;
constexpr std::size_t chunk = std::size_t{64} << 10;
constexpr int look_again_ms = 1000;  // Should inotify miss a change, as it does on network file systems.

// The inode that a name or a descriptor stands for; 0 if there is none.
struct Identity {
  ino_t inode = 0;
  std::size_t size = 0;
};

Identity identity_of(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) return {};
  return {about.st_ino, static_cast<std::size_t>(about.st_size)};
}

Identity identity_of(int fd) {
  struct stat about{};
  if (::fstat(fd, &about) != 0) return {};
  return {about.st_ino, static_cast<std::size_t>(about.st_size)};
}

// Shows everything from the descriptor's position on.
int show_rest(int fd) {
  std::vector<char> bytes(chunk);
  for (;;) {
    const ssize_t got = ::read(fd, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return complain(io::system_error("cannot read the log").what);
    if (got == 0) return exit_ok;
    if (show({bytes.data(), static_cast<std::size_t>(got)}) != exit_ok) return exit_failure;
  }
}

void wait_for_change(const io::Descriptor& watch) {
  pollfd changed{watch.get(), POLLIN, 0};
  ::poll(&changed, 1, look_again_ms);
  std::array<char, 4096> events;
  if (changed.revents != 0) [[maybe_unused]]
    const ssize_t ignored = ::read(watch.get(), events.data(), events.size());
}

// For ever, or until stdout is gone. A rotated file is shown to its end before the new one.
int follow(const std::string& directory, const std::string& path, io::Descriptor file) {
  const io::Descriptor watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (watch) ::inotify_add_watch(watch.get(), directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
  for (;;) {
    if (const int shown = show_rest(file.get()); shown != exit_ok) return shown;
    const Identity held = identity_of(file.get());
    const Identity named = identity_of(path);
    if (named.inode != 0 && named.inode != held.inode) {
      // Between the last read and the rotation something may have been written to the old one.
      if (const int shown = show_rest(file.get()); shown != exit_ok) return shown;
      io::Descriptor fresh(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
      if (fresh) file = std::move(fresh);
      continue;
    }
    if (const off_t at = ::lseek(file.get(), 0, SEEK_CUR); at > static_cast<off_t>(held.size)) {
      ::lseek(file.get(), 0, SEEK_SET);
      continue;
    }
    wait_for_change(watch);
  }
}

// What the daemon knows of a name without a log: the server that sessions use under it. Empty: nothing.
std::string server_known_as(const io::Paths& paths, std::string_view name) {
  const base::Result<Answer> answer = ask_daemon(paths, {.target = "/status", .body = {}});
  if (!answer || answer->status != 200) return {};
  const proto::json::Document status = proto::json::parse(answer->body);
  return status.root ? server_used_as(*status.root, name) : std::string();
}

int no_such_log(const io::Paths& paths, std::string_view name) {
  const std::string& directory = paths.log_dir;
  const std::string server = server_known_as(paths, name);
  if (!server.empty()) {
    std::string text = "server " + server + " has written nothing on its stderr yet";
    if (server != name) text.append("; its sessions call it ").append(name);
    return complain(text);
  }
  const std::vector<std::string> names = logs_in(directory);
  std::string text = "there is no log of ";
  text.append(name).append(" in ").append(directory);
  if (names.empty()) return complain(text.append("; no server has written one yet"));
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  if (const auto meant = base::nearest(name, candidates)) {
    text.append("; did you mean ").append(*meant).append("?");
  }
  text += " (there are logs of:";
  for (const std::string& each : names) text.append(" ").append(each);
  return complain(text + ")");
}

std::optional<std::size_t> line_count(std::string_view text) {
  std::size_t count = 0;
  const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (trouble != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return count;
}

}  // namespace

std::string server_used_as(const proto::json::Value& status, std::string_view name) {
  const auto items = [&](std::string_view key) -> std::span<const proto::json::Value> {
    const proto::json::Value* found = status.find(key);
    return found == nullptr ? std::span<const proto::json::Value>() : found->items;
  };
  const auto number = [](const proto::json::Value& object) {
    const proto::json::Value* found = object.find("instance");
    return found == nullptr ? 0 : found->integer().value_or(0);
  };
  for (const proto::json::Value& server : items("servers")) {
    const auto calls_it_so = [&](const proto::json::Value& session) {
      return session.string_or("server", "") == name && number(session) == number(server);
    };
    if (server.string_or("name", "") == name || std::ranges::any_of(items("sessions"), calls_it_so))
      return std::string(server.string_or("name", ""));
  }
  return {};
}

base::Result<std::size_t> start_of_last_lines(int fd, std::size_t size, std::size_t lines) {
  std::vector<char> bytes(chunk);
  std::size_t begin = size;
  std::size_t seen = 0;
  while (begin > 0) {
    const std::size_t count = std::min(begin, bytes.size());
    begin -= count;
    const ssize_t got = ::pread(fd, bytes.data(), count, static_cast<off_t>(begin));
    if (got < 0) return io::system_failure("cannot read the log");
    for (auto i = static_cast<std::size_t>(got); i-- > 0;) {
      // The newline that ends the last line begins no other.
      if (bytes[i] != '\n' || begin + i + 1 == size) continue;
      if (++seen == lines) return begin + i + 1;
    }
  }
  return lines == 0 ? size : 0;
}

std::vector<std::string> logs_in(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  if (!open) return names;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view file = entry->d_name;
    if (file.size() <= suffix.size() || !file.ends_with(suffix)) continue;
    names.emplace_back(file.substr(0, file.size() - suffix.size()));
  }
  std::ranges::sort(names);
  return names;
}

int run_logs(const Arguments& arguments) {
  base::Result<io::Paths> paths = io::paths_of(arguments.home_wanted());
  if (!paths) return complain(paths.error().what);
  *paths = io::own_paths(*paths);
  const std::string_view name = arguments.words.front();
  std::optional<std::size_t> lines = lines_usual;
  if (arguments.has("--lines")) lines = line_count(arguments.value("--lines"));
  if (!lines) {
    complain("-n takes a number of lines");
    return exit_usage;
  }
  if (name.find('/') != std::string_view::npos || name.starts_with('.')) return no_such_log(*paths, name);

  const auto path_of = [&](std::string_view server) {
    return paths->log_dir + "/" + std::string(server) + std::string(suffix);
  };
  std::string path = path_of(name);
  io::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) {
    // Sessions may call a server otherwise than the one that started it did; its log has that one's name.
    if (const std::string server = server_known_as(*paths, name); !server.empty()) path = path_of(server);
    file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  if (!file && errno == ENOENT) return no_such_log(*paths, name);
  if (!file) return complain(io::system_error("cannot open " + path).what);
  const base::Result<std::size_t> start =
      start_of_last_lines(file.get(), identity_of(file.get()).size, *lines);
  if (!start) return complain(start.error().what);
  ::lseek(file.get(), static_cast<off_t>(*start), SEEK_SET);
  if (arguments.has("--follow")) return follow(paths->log_dir, path, std::move(file));
  return show_rest(file.get());
}

}  // namespace cli
