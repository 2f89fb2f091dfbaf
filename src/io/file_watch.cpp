#include "io/file_watch.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <string_view>
#include <utility>

#include "io/aside.h"
#include "io/clock.h"

namespace io {
namespace {

// An editor writes, removes and renames in one go, within a few milliseconds.
constexpr base::Duration settle_time = std::chrono::milliseconds(100);
// A file that is written all the time is read now and then all the same.
constexpr base::Duration settle_most = std::chrono::seconds(1);

// For the way to a file. Everybody waits meanwhile.
constexpr base::Duration way_patience = std::chrono::seconds(1);
constexpr std::size_t way_bytes_max = std::size_t{1} << 20;

// As the kernel has it.
constexpr int links_followed = 40;

constexpr std::uint32_t of_itself = IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;
// What is written counts when it is closed: half of it would be of no use, and a log in the same directory,
// which stays open, would wake us with every line.
constexpr std::uint32_t of_entries =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB;
// The directory itself is not what or where it was.
constexpr std::uint32_t moved_away = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;

std::deque<std::string> steps_of(std::string_view path) {
  std::deque<std::string> steps;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) steps.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return steps;
}

std::string led_to(const std::string& link) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

std::string holder_of(const std::string& directory) {
  const std::size_t slash = directory.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : directory.substr(0, slash);
}

// Goes to the file as the kernel does, and calls visit(directory, entry or null) for each directory on the
// way and for each entry there that decides where the way leads. It ends where something is missing.
template <class Visit>
void go_to(const std::string& file, Visit&& visit) {
  std::string directory = "/";
  std::deque<std::string> steps = steps_of(file);
  int links = 0;
  while (!steps.empty()) {
    visit(directory, static_cast<const std::string*>(nullptr));
    const std::string step = std::move(steps.front());
    steps.pop_front();
    if (step == ".") continue;
    if (step == "..") {
      directory = holder_of(directory);
      continue;
    }
    const std::string full = (directory == "/" ? "" : directory) + '/' + step;
    struct stat about{};
    const bool there = ::lstat(full.c_str(), &about) == 0;
    if (there && S_ISDIR(about.st_mode)) {
      directory = full;
      continue;
    }
    visit(directory, &step);
    if (!there || !S_ISLNK(about.st_mode) || ++links > links_followed) return;
    const std::string target = led_to(full);
    if (target.starts_with('/')) directory = "/";
    const std::deque<std::string> more = steps_of(target);
    steps.insert(steps.begin(), more.begin(), more.end());
  }
}

base::Error cannot_watch(const std::string& what, int code) {
  std::string why = std::strerror(code);
  if (code == ENOSPC) why = "the limit of fs.inotify.max_user_watches is reached";
  if (code == ETIMEDOUT) why = "its file system does not answer";
  if (code == EMFILE) why = "the limit of open files or of fs.inotify.max_user_instances is reached";
  return {"changes of " + what + " are not noticed: " + why, code};
}

}  // namespace

FileWatch::FileWatch(Loop& loop, Events events)
    : loop_(loop), events_(std::move(events)), quiet_(loop, [this] { settle(); }) {}

FileWatch::~FileWatch() = default;

void FileWatch::watch(std::set<std::string> files) {
  files_ = std::move(files);
  look_anew();
}

// Each directory, and each entry of it that matters, ends with a zero byte; entries begin with two slashes.
base::Result<FileWatch::Places> FileWatch::places() const {
  const auto walk = [this]() -> base::Result<std::string> {
    std::string all;
    std::size_t count = 0;
    for (const std::string& file : files_) {
      if (++count > files_max) break;
      go_to(file, [&](const std::string& directory, const std::string* entry) {
        all.append(directory).push_back('\0');
        if (entry != nullptr) all.append("//").append(*entry).push_back('\0');
      });
    }
    return all;
  };
  const std::string text = TRY(aside(walk, way_bytes_max, way_patience));
  Places found;
  Place* place = nullptr;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    if (!one.starts_with("//")) {
      place = &found[std::string(one)];
    } else if (place != nullptr) {
      place->names.emplace(one.substr(2));
    }
  }
  return found;
}

// A way that changes while it is looked at is looked at again, so that nothing is missed in between.
void FileWatch::look_anew() {
  if (files_.empty()) return forget_all();
  std::optional<base::Error> trouble;
  if (!source_) {
    source_ = Descriptor(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!source_) return tell(cannot_watch(*files_.begin(), errno));
    auto watch = loop_.watch(source_.get(), Interest::read, [this] { ready(); });
    if (!watch) {
      source_.reset();
      return tell(watch.error());
    }
    watch_ = std::move(*watch);
  }
  constexpr int attempts = 4;
  auto now = places();
  for (int attempt = 0; attempt < attempts && now; ++attempt) {
    trouble = add(*now);
    auto again = places();
    if (again && *again == *now) break;
    now = std::move(again);
  }
  if (!now) trouble = cannot_watch(*files_.begin(), now.error().code);
  if (!trouble && files_.size() > files_max)
    trouble = base::Error{"changes of more than " + std::to_string(files_max) + " files are not noticed", 0};
  tell(trouble);
}

std::optional<base::Error> FileWatch::add(const Places& places) {
  std::optional<base::Error> trouble;
  std::map<int, Place> now;
  for (const auto& [directory, place] : places) {
    const std::uint32_t what = place.names.empty() ? of_itself : of_itself | of_entries;
    const int number = ::inotify_add_watch(source_.get(), directory.c_str(), what);
    if (number >= 0) {
      now[number].names.insert(place.names.begin(), place.names.end());
    } else if (errno == ENOENT || errno == ENOTDIR) {
      continue;  // It has gone meanwhile: the way is looked at again.
    } else if (!place.names.empty() || errno != EACCES) {
      trouble = cannot_watch("files in " + directory, errno);
    }
  }
  for (const auto& [number, place] : watched_) {
    if (!now.contains(number)) ::inotify_rm_watch(source_.get(), number);
  }
  watched_ = std::move(now);
  return trouble;
}

void FileWatch::forget_all() {
  watch_ = {};
  source_.reset();
  watched_.clear();
  quiet_.clear();
  first_.reset();
}

void FileWatch::tell(const std::optional<base::Error>& trouble) {
  const bool before = std::exchange(in_trouble_, trouble.has_value());
  if (trouble && !before) events_.trouble(*trouble);
}

bool FileWatch::concerns_us(int number, std::uint32_t what, const char* name) const {
  if ((what & IN_Q_OVERFLOW) != 0) return true;
  const auto place = watched_.find(number);
  if (place == watched_.end()) return false;
  return (what & moved_away) != 0 || place->second.names.contains(name);
}

void FileWatch::ready() {
  alignas(inotify_event) std::array<char, 16384> buffer;
  bool changed = false;
  ssize_t count = 0;
  while ((count = ::read(source_.get(), buffer.data(), buffer.size())) > 0) {
    for (const char* at = buffer.data(); at < buffer.data() + count;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      changed |= concerns_us(event->wd, event->mask, event->len > 0 ? event->name : "");
      at += sizeof(inotify_event) + event->len;
    }
  }
  if (!changed) return;
  const base::Instant now = io::now();
  if (!first_) first_ = now;
  quiet_.set(std::min(now + settle_time, *first_ + settle_most));
}

// First the watches, then the files: what happens from here on is told again.
void FileWatch::settle() {
  first_.reset();
  look_anew();
  events_.changed();
}

}  // namespace io
