// config.json as the daemon goes by it, which is not always what the file says.
//
// The file is read in a process of its own (io/aside.h), never for long. What it says comes into force unless
// it is broken: where a mistake stands inside an entry, that entry stays as it was; where the file as a whole
// is no JSON, has a mistake outside of entries, is empty, gone, or cannot be read, everything stays. What is
// wrong, and that something stays because of it, is among the complaints of what is in force. The first
// reading has nothing before it: of a broken file it takes what can be understood.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "base/result.h"
#include "base/time.h"

namespace app {

class ConfigFile {
 public:
  explicit ConfigFile(std::string path) : path_(std::move(path)) {}

  // For the program that this one becomes.
  struct Saved {
    std::vector<std::string> texts;
    std::set<std::string> told;
    static constexpr std::size_t fields = 2;
  };
  Saved saved() const { return {texts_, told_}; }
  // What was in force there is in force, until load().
  void resume(Saved saved);

  // Reads the file. What was in force before, if something else is now; not for the first reading.
  std::optional<Config> load();
  const Config& in_force() const { return in_force_; }
  // False: the last reading took too long.
  bool answers() const { return !not_before_; }

  // For the log, which is to have each once: what is wrong and was not the last time, and what is mended.
  struct News {
    bool mended = false;
    std::string text;
  };
  std::vector<News> news();

 private:
  std::optional<Config> take_up(const base::Result<std::string>& text);
  void stays(std::vector<Complaint> complaints);

  std::string path_;
  bool loaded_ = false;
  Config in_force_;
  // What is in force was read from these, one after the other; more than one, if entries stay as they were.
  std::vector<std::string> texts_;
  std::optional<std::string> last_;  // As it was when it could be read last.
  std::set<std::string> told_;
  std::optional<base::Instant> not_before_;  // It did not answer: do not try again before.
};

// What comes into force when `now` is read and `before` was; absent: everything stays.
std::optional<Config> after(const Config& before, Config now);

}  // namespace app
