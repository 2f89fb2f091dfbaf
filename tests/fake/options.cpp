#include "options.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>

namespace fake {
namespace {

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'x') {
      out += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += c == 'n' ? '\n' : c == 'r' ? '\r' : c;
    }
  }
  return out;
}

}  // namespace

Options options_of(int argc, char** argv) {
  Options options;
  const std::map<std::string_view, std::string*> texts = {
      {"--dir", &options.dir},           {"--capabilities", &options.capabilities},
      {"--revision", &options.revision}, {"--discover", &options.discover},
      {"--banner", &options.banner},     {"--initialize", &options.initialize},
      {"--words", &options.words},       {"--after-initialized", &options.after_initialized}};
  const std::map<std::string_view, int*> numbers = {{"--exit-at-start", &options.exit_at_start},
                                                    {"--exits", &options.exits},
                                                    {"--murmur-ms", &options.murmur_ms},
                                                    {"--tools", &options.tools},
                                                    {"--page", &options.page}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--ignore-term") {
      options.ignore_term = true;
    } else if (flag == "--ignore-eof") {
      options.ignore_eof = true;
    } else if (flag == "--tag") {
      ++i;  // Makes two command lines different, and nothing else.
    } else if (i + 1 < argc && texts.contains(flag)) {
      *texts.at(flag) = argv[++i];
    } else if (i + 1 < argc && numbers.contains(flag)) {
      *numbers.at(flag) = static_cast<int>(std::strtol(argv[++i], nullptr, 10));
    } else {
      std::fprintf(stderr, "fake_server: unknown argument %s\n", argv[i]);
      std::exit(64);
    }
  }
  options.banner = unescaped(options.banner);
  return options;
}

}  // namespace fake
