// Questions to a running daemon: one request, one answer, over its Unix socket. Never starts a daemon.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "io/paths.h"

namespace cli {

struct Request {
  std::string_view method = "GET";
  std::string target;  // "/status"
  std::string body;    // JSON; empty: none.
};

struct Answer {
  int status = 0;
  std::string body;
};

// Fails with code ENOENT or ECONNREFUSED when no daemon is running, and with ETIMEDOUT when it hangs, within
// 5 s.
base::Result<Answer> ask_daemon(const io::Paths& paths, const Request& request);
bool means_no_daemon(const base::Error& error);
bool means_hanging_daemon(const base::Error& error);

}  // namespace cli
