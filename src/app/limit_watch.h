// Limits of servers that the kernel does not keep: what a server takes is looked at, and one that takes more
// than it may is ended, with the reason.
//
// Where control groups keep the limit of processes (io/cgroup.h), a server that has come to it goes on; here
// it is ended as it would be elsewhere. The limit of memory needs no look then. Servers without limits cost
// nothing. One that works, or takes more and more, is looked at every second, one that rests ever more
// seldom, until a message is sent to it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "app/running_server.h"
#include "base/time.h"
#include "io/cgroup.h"
#include "io/loop.h"
#include "io/surveyor.h"

namespace app {

// What of these limits nothing keeps here, a sentence each: "its limit of 1.5 processors is not kept: …".
std::vector<std::string> limits_not_kept(const base::ResourceLimits& limits, const io::Controllers& kernel,
                                         const std::string& why_not);

class LimitWatch {
 public:
  struct Hands {
    io::Loop& loop;
    io::Surveyor& surveyor;
    io::Controllers kernel;  // Limits that it keeps.
    ServersSeen servers;
    // The limit that the server has run into in its control group, if it has.
    std::function<std::optional<base::Resource>(core::InstanceId)> exceeded;
    std::function<void(core::InstanceId, const std::string& why)> end;
    base::Duration soonest = std::chrono::seconds(1);  // Between two looks.
    base::Duration latest = std::chrono::seconds(16);
  };

  explicit LimitWatch(Hands hands);

  // A server with such limits has been started, or sent a message.
  void stir(const base::ResourceLimits& limits);
  // The same where the limits of the server are not at hand: if any server has some, the next look is soon.
  void stir();

 private:
  struct Taken {
    std::uint64_t memory = 0;
    std::uint64_t processes = 0;
  };

  bool has_to_look(const base::ResourceLimits& limits) const;
  void look();
  void saw(const RunningServer& server, const io::Seen& seen);
  void look_again(bool soon);
  void plan(base::Duration pause);

  Hands hands_;
  io::Timer next_;
  std::optional<base::Instant> due_;  // Of the next look; absent: none is planned.
  base::Duration pause_;
  std::map<core::InstanceId, Taken> before_;
  bool growing_ = false;  // Since the last look.
  io::Asked asked_;
};

}  // namespace app
