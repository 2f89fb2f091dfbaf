#include "output.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "json.h"

namespace fake {
namespace {

constexpr std::size_t recorded_bytes_max =
    65536;                               // Of one line; a test of 100 MiB wants its size, not its copy.
constexpr int drain_tries_max = 100000;  // Two seconds: a reader that pauses must not hang the test.

void wait_until_read(int fd) {
  for (int i = 0; i < drain_tries_max; ++i) {
    int unread = 0;
    if (ioctl(fd, SIOCOUTQ, &unread) != 0 && ioctl(fd, FIONREAD, &unread) != 0) return;
    if (unread == 0) return;
    usleep(20);
  }
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) _exit(0);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Output::line(std::string_view text) {
  bytes(std::string(text) + '\n');
}

void Output::bytes(std::string_view text) {
  if (split_at_ > 0 && split_at_ < text.size()) {
    write_all(STDOUT_FILENO, text.substr(0, split_at_));
    text.remove_prefix(split_at_);
    wait_until_read(STDOUT_FILENO);
  }
  split_at_ = 0;
  while (chunk_ > 0 && text.size() > chunk_) {
    write_all(STDOUT_FILENO, text.substr(0, chunk_));
    text.remove_prefix(chunk_);
    wait_until_read(STDOUT_FILENO);
  }
  write_all(STDOUT_FILENO, text);
}

Record::Record(const std::string& path) {
  if (!path.empty()) fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

void Record::received(std::string_view line, bool well_formed) {
  if (fd_ < 0) return;
  std::string entry = "{\"bytes\":" + std::to_string(line.size());
  entry += std::string(",\"well_formed\":") + (well_formed ? "true" : "false");
  if (line.size() > recorded_bytes_max) {
    entry += ",\"head_hex\":\"" + hex(line.substr(0, 512)) + "\"}";
  } else if (well_formed || is_utf8(line)) {
    entry += ",\"raw\":" + quoted(line) + "}";
  } else {
    entry += ",\"hex\":\"" + hex(line) + "\"}";
  }
  write_all(fd_, entry + '\n');
}

void Record::event(std::string_view name, std::string_view members) {
  if (fd_ < 0) return;
  std::string entry = "{\"event\":" + quoted(name);
  if (!members.empty()) entry += ',' + std::string(members);
  write_all(fd_, entry + "}\n");
}

}  // namespace fake
