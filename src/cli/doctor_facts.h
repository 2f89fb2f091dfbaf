// The facts that the checks of cli/doctor judge, looked up on this machine. Nothing is changed or started,
// and each wait is bounded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/doctor/client_files.h"
#include "cli/doctor/config_check.h"
#include "cli/doctor/daemon_check.h"
#include "cli/doctor/disk_check.h"
#include "cli/doctor/place_check.h"
#include "io/paths.h"

namespace cli {

doctor::PlaceFacts place_facts(const io::Paths& paths);

// Which hearthd this program would start. What is to be known of the daemon that runs is left out.
doctor::DaemonFacts program_facts();

// Whether the daemon that runs is another file than `hearthd`, as far as the system tells.
bool runs_another_program(const io::Paths& paths, const std::string& hearthd);

// By the installed hearthd, which alone understands the file. Absent: it does not tell.
std::optional<doctor::ConfigFacts> config_read_by(const std::string& hearthd, const std::string& file);

std::vector<doctor::DiskFacts> disk_facts(const io::Paths& paths);

std::vector<doctor::ClientFile> client_files_here();
base::Result<std::string> client_text(const doctor::ClientFile& file);

}  // namespace cli
