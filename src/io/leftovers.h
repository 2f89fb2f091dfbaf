// What a daemon that died without a goodbye left running, and its end.
//
// Every daemon leaves a small record in RUN/instances: its id, pid, start time, the boot it belongs to and
// its control group. The next daemon, which holds the lock and so knows that no other lives, kills everything
// that carries a dead one's mark or sits in its control group, and removes the record. Daemons of other run
// directories are never touched.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/fields.h"
#include "base/result.h"
#include "io/process_table.h"

namespace io {

class DaemonRecord {
 public:
  // Makes an id and writes the record.
  static base::Result<DaemonRecord> write(const std::string& records_dir);

  const std::string& id() const { return id_; }
  const std::string& file() const { return file_; }
  const std::string& cgroup() const { return cgroup_; }

  // This process is that daemon now.
  base::Result<void> renew() const;

  // All that carried our mark is gone: nobody needs to look for it.
  void remove();

  DaemonRecord() = default;  // Of none.
  static constexpr std::size_t fields = 3;
  friend struct base::Fields;

 private:
  std::string id_;
  std::string file_;
  std::string cgroup_;  // Where its control group is, if it can make one.
};

struct Swept {
  std::size_t daemons = 0;
  std::size_t processes = 0;
};

// The caller holds the lock. Blocks while the killed die, a second at most.
Swept sweep_leftovers(const std::string& records_dir);

// What the living daemon `daemon` wrote about itself.
struct RecordedDaemon {
  std::string daemon_id;
  std::string cgroup;
};
std::optional<RecordedDaemon> record_of(const std::string& records_dir, const Process& daemon);

// Kills everything that carries the mark of this daemon or is in its control group, and removes the group.
std::size_t kill_everything_of(const std::string& daemon_id, const std::string& cgroup);

}  // namespace io
