// `hearth logs`: what a server wrote on its stderr, straight from its file, with or without a daemon.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/json.h"

namespace cli {

class Arguments;

// Where the last `lines` lines begin in what is open at `fd`, which is `size` bytes long.
base::Result<std::size_t> start_of_last_lines(int fd, std::size_t size, std::size_t lines);

// The servers that have a log in `directory`, sorted.
std::vector<std::string> logs_in(const std::string& directory);

// Finds in a daemon's status the server of that name, or the one that a session calls so. Empty: none.
std::string server_used_as(const proto::json::Value& status, std::string_view name);

int run_logs(const Arguments& arguments);

}  // namespace cli
