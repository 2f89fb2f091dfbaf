// A program of the user's that says what headers requests to a server are to carry: a token that it fetches
// or renews, for instance.
//
// Runs it once, not through a shell, for at most ten seconds. Its stdout has to be one JSON object whose
// values are strings. What it says is a secret: an error never quotes it, not even its stderr. Callbacks come
// from the loop; destroying the helper ends the process.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/child.h"
#include "io/children.h"
#include "io/loop.h"
#include "proto/http.h"

namespace app {

class HeadersHelper {
 public:
  using Fields = base::Result<proto::HttpFields>;
  struct What {
    std::vector<std::string> command;  // The program's absolute path, and its arguments.
    std::string directory;
    std::map<std::string, std::string> environment;
    base::Inheritance inheritance = {};
    base::Duration patience = std::chrono::seconds(10);
  };

  // `done` comes once; the helper may be destroyed from within it.
  static std::unique_ptr<HeadersHelper> start(io::Loop& loop, io::Children& children, What what,
                                              std::function<void(Fields)> done);
  ~HeadersHelper();
  HeadersHelper(const HeadersHelper&) = delete;
  HeadersHelper& operator=(const HeadersHelper&) = delete;

 private:
  HeadersHelper(io::Loop& loop, std::string program, std::function<void(Fields)> done);
  void run(io::Children& children, What what);
  void not_started(const base::Error& why);
  void add(std::string_view text);
  void gone(const io::Gone& how);
  void decide(Fields fields);
  Fields failed(const std::string& why) const;
  void finish();

  std::string program_;
  std::function<void(Fields)> done_;
  std::string output_;
  std::optional<Fields> decided_;
  io::Timer timer_;  // The one that calls `done`: no callback of the child's ever ends the child.
  std::unique_ptr<io::Child> child_;
};

// What such a program wrote. The error does not quote it.
HeadersHelper::Fields headers_in(std::string_view output);

}  // namespace app
