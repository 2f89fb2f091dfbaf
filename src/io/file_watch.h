// Notices that files are not what they were: written, replaced, removed, or found in another place because a
// symbolic link or a directory on the way to them has changed. What is written counts when its writer closes
// it.
//
// Watched are the directories that hold the files and each link on the way (inotify), so it makes no
// difference whether a file is written in place, renamed over the old one, or removed and made again, and one
// that is not there yet is noticed when it comes, its directory included. What happens in quick succession is
// told once, when it has been quiet for a moment, and after a while even if it has not. While nothing happens
// nothing is done.
//
// Not noticed: what another machine writes on a shared file system. The way to the files is looked for in a
// process of its own (io/aside.h); where that hangs, what was watched before is watched on, which is trouble.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/descriptor.h"
#include "io/loop.h"

namespace io {

class FileWatch {
 public:
  struct Events {
    std::function<void()> changed;  // At least one of the files may have changed.
    // Not everything can be watched, and why: told once, until that is mended.
    std::function<void(const base::Error& why)> trouble;
  };
  // More are not watched, which is trouble.
  static constexpr std::size_t files_max = 64;

  FileWatch(Loop& loop, Events events);
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // These from now on, by their absolute paths, and no others. What is read after this call is either as it
  // was read, or `changed` follows.
  void watch(std::set<std::string> files);
  // Not everything is watched: to watch the same once more may help.
  bool in_trouble() const { return in_trouble_; }

 private:
  // What is to be heard of a directory.
  struct Place {
    std::set<std::string> names;  // Of these entries, everything; of itself, that it moves or is removed.
    bool operator==(const Place&) const = default;
  };
  using Places = std::map<std::string, Place>;

  base::Result<Places> places() const;
  void look_anew();
  void forget_all();
  std::optional<base::Error> add(const Places& places);
  void ready();
  bool concerns_us(int number, std::uint32_t what, const char* name) const;
  void settle();
  void tell(const std::optional<base::Error>& trouble);

  Loop& loop_;
  Events events_;
  std::set<std::string> files_;
  Descriptor source_;
  Watch watch_;
  Timer quiet_;
  std::optional<base::Instant> first_;  // Of what is not told yet.
  std::map<int, Place> watched_;        // By inotify's number.
  bool in_trouble_ = false;
};

}  // namespace io
