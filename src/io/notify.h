// What a daemon tells the service manager that started it: sd_notify(3), without libsystemd.
//
// Datagrams of lines NAME=value to the socket that NOTIFY_SOCKET named: a path, or a name of the abstract
// space behind "@". With a watchdog the loop sends a sign of life twice in the time that the manager waits
// for one, so a daemon whose loop hangs is found out. A manager that cannot be reached is the trouble of
// nobody but the manager: what failed first can be asked, and everything works without.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "io/descriptor.h"
#include "io/loop.h"

namespace io {

struct NotifyTarget {
  std::string socket = {};                // Empty: no manager wants to know.
  std::chrono::microseconds watchdog{0};  // It wants a sign of life in this time; 0: it does not.
};

class Notifier {
 public:
  Notifier(Loop& loop, NotifyTarget target);

  explicit operator bool() const { return !target_.socket.empty(); }

  // Each is sent at once. `status` is a line for people.
  void ready(std::string_view status);
  void reloading();  // ready() says when that is done.
  void stopping();

  // Why nothing could be told, once; else empty.
  std::string news_of_loss();

 private:
  enum class Patience : unsigned char { none, some };
  void tell(std::string_view lines, Patience patience);
  void sign_of_life();

  NotifyTarget target_;
  Descriptor socket_;
  base::Duration pause_{0};
  Timer next_sign_;
  std::string loss_;
  bool lost_ = false;
};

}  // namespace io
