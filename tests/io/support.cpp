#include "support.h"

#include <dirent.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "io/clock.h"

namespace test {

const std::string helper = IO_HELPER;

namespace {

// Not a measure of anything: a test that waits this long has failed.
constexpr std::chrono::seconds patience(60);

}  // namespace

Guarded::Guarded()
    : record(io::DaemonRecord::write(records.path()).value()), guard(io::Guard::start(record).value()) {}

TempDir::TempDir() {
  std::array<char, 32> name{"/tmp/hearth-io-XXXXXX"};
  REQUIRE(mkdtemp(name.data()) != nullptr);
  path_ = name.data();
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Variable::Variable(std::string name, const char* value) : name_(std::move(name)) {
  const char* before = std::getenv(name_.c_str());
  was_set_ = before != nullptr;
  if (was_set_) before_ = before;
  if (value == nullptr) {
    unsetenv(name_.c_str());
  } else {
    setenv(name_.c_str(), value, 1);
  }
}

Variable::~Variable() {
  if (was_set_) {
    setenv(name_.c_str(), before_.c_str(), 1);
  } else {
    unsetenv(name_.c_str());
  }
}

bool run_until(io::Loop& loop, const std::function<bool()>& done) {
  bool late = false;
  io::Timer watchdog(loop, [&] { late = true; });
  watchdog.set(io::now() + patience);
  loop.run_until([&] { return late || done(); });
  return !late;
}

Witness::Witness(pid_t pid) : handle_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {
  REQUIRE(handle_);
}

bool Witness::alive() const {
  pollfd death{handle_.get(), POLLIN, 0};
  return poll(&death, 1, 0) == 0;
}

bool Witness::died() const {
  pollfd death{handle_.get(), POLLIN, 0};
  int found = 0;
  do found = poll(&death, 1, static_cast<int>(std::chrono::milliseconds(patience).count()));
  while (found < 0 && errno == EINTR);
  return found == 1;
}

Helper start_helper(const std::vector<std::string>& arguments) {
  io::Pipe input = io::make_pipe().value();
  io::Pipe output = io::make_pipe().value();
  std::vector<std::string> owned = {helper};
  owned.insert(owned.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : owned) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(input.read_end.get(), 0);
    dup2(output.write_end.get(), 1);
    execv(helper.c_str(), argv.data());
    _exit(127);
  }
  REQUIRE(pid > 0);
  return {pid, std::move(input.write_end), std::move(output.read_end)};
}

std::string read_line(int fd) {
  std::string line;
  char c = 0;
  while (read(fd, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> piece;
  for (ssize_t got = 0; (got = read(fd, piece.data(), piece.size())) > 0;) {
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::vector<pid_t> numbers_in(const std::string& line) {
  std::vector<pid_t> numbers;
  std::istringstream words(line);
  for (pid_t number = 0; words >> number;) numbers.push_back(number);
  return numbers;
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

std::map<std::string, std::string> own_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    variables[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  }
  return variables;
}

SocketPair::SocketPair() {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  ours.reset(ends[0]);
  theirs.reset(ends[1]);
}

}  // namespace test
