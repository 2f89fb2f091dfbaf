// What the tests of io share: a directory that cleans up, a loop that is watched, deaths that can be waited
// for.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/descriptor.h"
#include "io/guard.h"
#include "io/leftovers.h"
#include "io/loop.h"

namespace test {

extern const std::string helper;  // The path of the program io_helper.

// A fresh directory below /tmp, removed with all that is in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + '/' + std::string(name); }

 private:
  std::string path_;
};

// A guard process, for children that are forked by one.
struct Guarded {
  TempDir records;
  io::DaemonRecord record;
  io::Guard guard;
  Guarded();
  ~Guarded() { guard.dismiss(); }
};

// Sets a variable (or unsets it: nullptr) for as long as it lives.
class Variable {
 public:
  Variable(std::string name, const char* value);
  ~Variable();
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  std::string name_;
  std::string before_;
  bool was_set_;
};

// Turns until `done`; false if that takes longer than any working machine needs.
bool run_until(io::Loop& loop, const std::function<bool()>& done);

// Holds on to a process, so that its death can be seen though it is no child of ours.
class Witness {
 public:
  explicit Witness(pid_t pid);
  bool alive() const;
  bool died() const;  // Waits for it.

 private:
  io::Descriptor handle_;
};

// A role of the helper program, with its stdin and stdout.
struct Helper {
  pid_t pid = 0;
  io::Descriptor input;
  io::Descriptor output;
};
Helper start_helper(const std::vector<std::string>& arguments);

std::string read_line(int fd);
std::string read_all(int fd);
std::vector<pid_t> numbers_in(const std::string& line);
std::size_t open_descriptors();
std::map<std::string, std::string> own_environment();

struct SocketPair {
  SocketPair();
  io::Descriptor ours;
  io::Descriptor theirs;
};

}  // namespace test
