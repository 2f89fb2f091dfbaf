#include "cli/doctor/disk_check.h"

namespace cli::doctor {

namespace {

Finding of_disk(const DiskFacts& disk, const std::string& why, const std::string& advice) {
  return {.id = "disk",
          .severity = Severity::error,
          .what = disk.purpose + " cannot be written to " + disk.path + ": " + why,
          .advice = advice};
}

}  // namespace

Findings check_disks(std::span<const DiskFacts> disks) {
  const std::string elsewhere = ", or set HEARTH_HOME to a directory elsewhere";
  Findings findings;
  for (const DiskFacts& disk : disks) {
    switch (disk.obstacle) {
      case Obstacle::none:
        break;
      case Obstacle::in_the_way:
        findings.push_back(of_disk(disk, disk.nearest + " is in the way: it should be a directory",
                                   "remove or rename " + disk.nearest));
        break;
      case Obstacle::read_only:
        findings.push_back(
            of_disk(disk, "its file system is mounted read-only", "mount it for writing" + elsewhere));
        break;
      case Obstacle::forbidden:
        findings.push_back(of_disk(disk, "you have no right to write to " + disk.nearest,
                                   "'chmod u+rwx " + disk.nearest + "' if it is yours" + elsewhere));
        break;
      case Obstacle::full:
        findings.push_back(of_disk(disk, "its file system is full",
                                   "free some space ('df " + disk.nearest + "' shows it)" + elsewhere));
        break;
      case Obstacle::silent:
        findings.push_back(of_disk(disk, "its file system does not answer", "mount it again" + elsewhere));
        break;
    }
  }
  return findings;
}

}  // namespace cli::doctor
