#include "io/leftovers.h"

#include <dirent.h>
#include <unistd.h>

#include <memory>
#include <sstream>
#include <vector>

#include "io/cgroup.h"
#include "io/files.h"
#include "io/mark.h"
#include "io/paths.h"
#include "io/process_table.h"

namespace io {

namespace {

// Scans before giving up on processes that keep starting others; each kills all that the one before left.
constexpr int rounds_max = 10;

struct Record {
  Process daemon;
  std::string boot;
  std::string cgroup;
};

// "pid start-time boot-id cgroup"; the last may be empty, or hold blanks.
std::string text_of(const Record& record) {
  return std::to_string(record.daemon.pid) + ' ' + std::to_string(record.daemon.started) + ' ' + record.boot +
         ' ' + record.cgroup + '\n';
}

Record record_from(const std::string& text) {
  std::istringstream fields(text);
  Record record;
  fields >> record.daemon.pid >> record.daemon.started >> record.boot;
  fields.ignore(1);
  std::getline(fields, record.cgroup);
  return record;
}

bool lives(const Record& record) {
  const auto current = process_of(record.daemon.pid);
  return record.boot == boot_id() && current && current->same(record.daemon) && !current->zombie;
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(directory.c_str()), closedir);
  if (!listing) return names;
  while (const dirent* entry = readdir(listing.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

bool is_daemon_id(const std::string& name) {
  return name.size() == 16 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

base::Result<DaemonRecord> DaemonRecord::write(const std::string& records_dir) {
  if (auto made = make_private_directory(records_dir); !made) return std::unexpected(made.error());
  DaemonRecord record;
  record.id_ = make_daemon_id();
  record.file_ = records_dir + '/' + record.id_;
  record.cgroup_ = CgroupRoot::path_for(record.id_);
  TRY(record.renew());
  return record;
}

base::Result<void> DaemonRecord::renew() const {
  const auto us = process_of(getpid());
  if (!us) return base::failure("cannot read /proc/self/stat; is /proc mounted?");
  return write_small_file(file_, text_of({*us, boot_id(), cgroup_}));
}

void DaemonRecord::remove() {
  unlink(file_.c_str());
}

std::optional<RecordedDaemon> record_of(const std::string& records_dir, const Process& daemon) {
  for (const std::string& name : names_in(records_dir)) {
    if (!is_daemon_id(name)) continue;
    const Record record = record_from(read_small_file(records_dir + '/' + name).value_or(""));
    if (record.daemon.same(daemon)) return RecordedDaemon{name, record.cgroup};
  }
  return {};
}

std::size_t kill_everything_of(const std::string& daemon_id, const std::string& cgroup) {
  const auto group = CgroupRoot::find(daemon_id, cgroup);
  Kin kin{.mark = daemon_id + '.', .roots = {}, .listed = {}};
  if (group) kin.listed = group->processes();
  std::size_t killed = kill_kin(kin, rounds_max);
  if (!group) return killed;
  // Processes that were started in the group meanwhile.
  kin.listed = group->processes();
  group->kill_all();
  killed += kill_kin(kin, rounds_max);
  group->remove_all();
  return killed;
}

Swept sweep_leftovers(const std::string& records_dir) {
  Swept swept;
  for (const std::string& name : names_in(records_dir)) {
    const std::string path = records_dir + '/' + name;
    if (!is_daemon_id(name)) {
      unlink(path.c_str());  // Half written by one that died meanwhile.
      continue;
    }
    const Record record = record_from(read_small_file(path).value_or(""));
    if (lives(record)) continue;
    ++swept.daemons;
    swept.processes += kill_everything_of(name, record.cgroup);
    unlink(path.c_str());
  }
  return swept;
}

}  // namespace io
