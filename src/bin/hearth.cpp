#include <span>

#include "cli/commands.h"

int main(int argc, char** argv) {
  const std::span<const char* const> words(argv, static_cast<std::size_t>(argc));
  return cli::main_of(words.empty() ? words : words.subspan(1));
}
