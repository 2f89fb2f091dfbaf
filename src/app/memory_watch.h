// Says when memory is short: when the servers together hold more than their budget ("budget" in config.json),
// or tasks of the machine stand still because they wait for memory (PSI, /proc/pressure/memory).
//
// One event for each time, with what each server holds; the broker stops one server for it, or none. What a
// server that is being stopped holds comes back first, before that is said again. Once the budget was
// exceeded, nine tenths of it are enough to go on, so that no server is stopped and started in turns.
//
// The kernel wakes us for pressure where it takes a trigger from us; where it does not (before Linux 6.4 not
// from everybody), the file is read every ten seconds. While no server of ours runs, nothing is done.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "app/running_server.h"
#include "base/time.h"
#include "broker/event.h"
#include "io/descriptor.h"
#include "io/loop.h"
#include "io/surveyor.h"

namespace app {

class MemoryWatch {
 public:
  struct Hands {
    io::Loop& loop;
    io::Surveyor& surveyor;
    ServersSeen servers;
    std::function<void(broker::MemoryShort)> tell;
    std::string pressure_file = "/proc/pressure/memory";
    base::Duration beat = std::chrono::seconds(10);     // Between two looks.
    base::Duration settling = std::chrono::seconds(2);  // Between two while memory is short.
    base::Duration respite = std::chrono::seconds(10);  // From one stop because of pressure to the next.
  };

  MemoryWatch(Hands hands, const Budget& budget);

  // As config.json has it now.
  void set(const Budget& budget);
  const Budget& budget() const { return budget_; }
  // A server of ours has been started.
  void stir();

 private:
  void follow_pressure();
  void pressed();
  bool under_pressure() const;
  void look();
  void saw(const std::vector<core::InstanceId>& ids, const std::vector<io::Seen>& seen);
  void plan(base::Duration pause);

  Hands hands_;
  Budget budget_;
  io::Timer next_;
  bool planned_ = false;
  bool over_ = false;          // The budget was exceeded, and nine tenths of it still are.
  bool pressed_ = false;       // By the machine, since the last look.
  std::size_t told_with_ = 0;  // So many servers ran when it was said last that memory is short.
  std::optional<base::Instant> respite_until_;
  io::Descriptor pressure_;  // With our trigger.
  io::Descriptor events_;    // Of that: it can be read when the trigger was pulled.
  io::Watch watch_;
  io::Asked asked_;
};

}  // namespace app
