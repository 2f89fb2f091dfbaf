// Reading what this process has inherited, shedding it, and handing it to a child.
//
// A daemon outlives the session that started it and serves others, so it keeps nothing of that session that
// it may put down: limits, priority, affinity and the rest become those of a fresh login. Between fork and
// exec a server gets those of its own session. What the kernel does not allow is left as it is.
#pragma once

#include <sys/resource.h>

#include <optional>
#include <utility>
#include <vector>

#include "base/inheritance.h"

namespace io {

base::Inheritance own_inheritance();

// What this process could give to a child: the same, with a higher limit or priority where it may raise them.
base::Inheritance inheritance_within_reach();

// Everything to the value that a login gives, limits as high as allowed. Async-signal-safe.
void shed_inheritance();

// Soft limits to the hard ones, and file sizes to no limit where that is allowed: for a process that has to
// work under limits meant for others.
void raise_own_limits();

// Prepared before the fork, applied in the child. Best effort: direct starting would not do better.
class Bequest {
 public:
  explicit Bequest(const base::Inheritance& inheritance);

  // System calls only. Opens files, so it comes before the limits.
  void apply_settings() const;
  void apply_limits() const;

 private:
  std::vector<std::pair<std::size_t, std::int64_t>> settings_;  // Rows of the table in the .cpp file.
  std::vector<std::pair<int, rlimit>> limits_;
  std::vector<unsigned long> cpus_;  // A mask of bits, as the kernel takes it.
};

}  // namespace io
