#include "app/http/token.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/ensure.h"
#include "base/siphash.h"
#include "io/files.h"

namespace app {
namespace {

std::string new_token() {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, 43> random{};
  ensure(getentropy(random.data(), random.size()) == 0);
  std::string token;
  for (const unsigned char byte : random) token += digits[byte % digits.size()];
  return token;
}

}  // namespace

base::Result<std::string> token_in(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) return base::failure("cannot look at the token in " + path, errno);
    std::string token = new_token();
    TRY(io::write_small_file(path, token + '\n'));
    return token;
  }
  if (status.st_uid != getuid() || (status.st_mode & 077) != 0)
    return base::failure("the token in " + path +
                         " can be read by others; remove the file, and a new one is made");
  std::string token = TRY(io::read_small_file(path));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  const bool printable = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 127; });
  if (token.size() < 16 || !printable)
    return base::failure(path + " holds no token; remove the file, and one is made");
  return token;
}

std::string name_of_caller(std::string_view token) {
  return "token " + std::to_string(base::siphash(base::SipKey{0x68656172, 0x7468}, token));
}

}  // namespace app
