// The cheapest honest MCP server, so that what a measurement shows is the cost of the way to it.
//
// Without arguments it speaks newline-delimited JSON-RPC on stdin and stdout: reads whatever is there and
// answers every complete line of it with a single write. With `--http PORT` it speaks Streamable HTTP instead
// (bench/echo_http.h).
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "bench/echo_answer.h"
#include "bench/echo_http.h"

namespace {

bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void answer_line(std::string_view line, std::string& out) {
  const std::size_t before = out.size();
  bench::echo_answer(line, out);
  if (out.size() != before) out += '\n';
}

int serve_stdio() {
  constexpr std::size_t read_at_least = 65536;  // What a pipe holds.
  std::string in(4 * read_at_least, '\0');
  std::string out;
  std::size_t filled = 0;
  std::size_t searched = 0;
  for (;;) {
    if (in.size() - filled < read_at_least) in.resize(2 * in.size());
    const ssize_t count = read(STDIN_FILENO, in.data() + filled, in.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return 0;
    filled += static_cast<std::size_t>(count);

    out.clear();
    std::size_t begin = 0;
    const std::string_view have(in.data(), filled);
    for (std::size_t end = 0; (end = have.find('\n', searched)) != std::string_view::npos; begin = searched) {
      answer_line(have.substr(begin, end - begin), out);
      searched = end + 1;
    }
    searched = filled - begin;
    filled -= begin;
    std::memmove(in.data(), in.data() + begin, filled);
    if (!write_all(out)) return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) return serve_stdio();
  const std::string_view port = argc == 3 && argv[1] == std::string_view("--http") ? argv[2] : "";
  std::uint16_t number = 0;
  const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || read.ec != std::errc() || read.ptr != port.data() + port.size()) {
    std::fputs("usage: echo_server [--http PORT]\n", stderr);
    return 2;
  }
  return bench::serve_http(number);
}
