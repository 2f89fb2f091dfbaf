// Everything `hearth` can be told to do.
#pragma once

#include <span>

#include "cli/command_line.h"

namespace cli {

std::span<const Command> commands();

// The whole program: reads the command line, obeys, returns the exit status.
int main_of(std::span<const char* const> words);

}  // namespace cli
