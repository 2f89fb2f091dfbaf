#include "bench/sample.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace bench {

Meter::Meter(std::vector<pid_t> processes)
    : processes_(std::move(processes)),
      spent_(cpu_time(processes_)),
      others_(others_until_now()),
      begin_(std::chrono::steady_clock::now()) {}

std::chrono::nanoseconds Meter::others_until_now() const {
  const pid_t self[] = {getpid()};
  return busy_time() - cpu_time(self) - cpu_time(processes_);
}

Sample Meter::sample(const Batch& batch) const {
  const std::chrono::nanoseconds elapsed = std::chrono::steady_clock::now() - begin_;
  const auto spent = cpu_time(processes_) - spent_;
  const auto others = others_until_now() - others_;
  const double spent_ms = std::chrono::duration<double, std::milli>(spent).count();
  return {.batch = batch,
          .cpu_ms_per_1000 = spent_ms / static_cast<double>(batch.calls) * 1000,
          .noise = std::max(0.0, static_cast<double>(others.count())) / static_cast<double>(elapsed.count())};
}

std::vector<pid_t> all_but(const std::vector<pid_t>& others) {
  std::vector<pid_t> rest;
  for (const pid_t pid : descendants()) {
    if (std::find(others.begin(), others.end(), pid) == others.end()) rest.push_back(pid);
  }
  return rest;
}

void Rounds::add(const Sample& direct, const Sample& hearth) {
  const double noise = std::max(direct.noise, hearth.noise);
  others_.push_back({direct.noise, hearth.noise, noise});
  p50_.push_back({direct.batch.p50_us, hearth.batch.p50_us, noise});
  p99_.push_back({direct.batch.p99_us, hearth.batch.p99_us, noise});
  throughput_.push_back({direct.batch.calls_per_second, hearth.batch.calls_per_second, noise});
  cpu_.push_back({direct.cpu_ms_per_1000, hearth.cpu_ms_per_1000, noise});
}

void Rounds::into(std::vector<Figure>& figures, const std::string& name, const Goals& goals) const {
  figures.push_back(figure_of(name + ": p50", "us", p50_, goals.latency));
  figures.push_back(figure_of(name + ": p99", "us", p99_, {}));
  figures.push_back(figure_of(name + ": throughput", "calls/s", throughput_, goals.throughput));
  figures.push_back(figure_of(name + ": CPU per 1000 calls", "ms", cpu_, goals.cpu));
  Figure noise = figure_of(name + ": other work meanwhile", "CPUs", others_, {});
  noise.ratio.reset();
  figures.push_back(std::move(noise));
}

}  // namespace bench
