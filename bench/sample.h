// Batches side by side: what each of them took of the machine, and the figures that come of a number of them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "bench/client.h"
#include "bench/figures.h"
#include "bench/processes.h"

namespace bench {

struct Sample {
  Batch batch;
  double cpu_ms_per_1000 = 0;
  double noise = 0;  // CPUs that other work kept busy meanwhile.
};

// From here to sample(); `processes` are those on the way except ourselves.
class Meter {
 public:
  explicit Meter(std::vector<pid_t> processes);
  Sample sample(const Batch& batch) const;

 private:
  std::chrono::nanoseconds others_until_now() const;

  std::vector<pid_t> processes_;
  std::chrono::nanoseconds spent_, others_;
  std::chrono::steady_clock::time_point begin_;
};

// Every descendant that is not among `others`.
std::vector<pid_t> all_but(const std::vector<pid_t>& others);

// What neighbouring batches have shown.
class Rounds {
 public:
  void add(const Sample& direct, const Sample& hearth);

  struct Goals {
    std::optional<Goal> latency = {}, throughput = {}, cpu = {};
  };
  void into(std::vector<Figure>& figures, const std::string& name, const Goals& goals) const;

 private:
  std::vector<Round> p50_, p99_, throughput_, cpu_, others_;
};

}  // namespace bench
