#include "app/limit_watch.h"

#include <algorithm>
#include <utility>

#include "io/clock.h"

namespace app {
namespace {

// One that has taken so much more of its limit since the last look may take the rest before the next.
constexpr std::uint64_t sixteenth = 16;

bool grows(std::uint64_t before, std::uint64_t now, std::uint64_t most) {
  return now > before && now - before > most / sixteenth;
}

}  // namespace

std::vector<std::string> limits_not_kept(const base::ResourceLimits& limits, const io::Controllers& kernel,
                                         const std::string& why_not) {
  if (!limits.cpu || kernel.cpu) return {};
  return {"its limit of " + base::shown(limits, base::Resource::cpu) + " is not kept: " + why_not +
          "; a daemon that 'hearth service install' sets up can keep it"};
}

LimitWatch::LimitWatch(Hands hands)
    : hands_(std::move(hands)), next_(hands_.loop, [this] { look(); }), pause_(hands_.soonest) {}

bool LimitWatch::has_to_look(const base::ResourceLimits& limits) const {
  return (limits.memory && !hands_.kernel.memory) || limits.processes;
}

void LimitWatch::stir(const base::ResourceLimits& limits) {
  if (!has_to_look(limits)) return;
  if (!due_ && !asked_) plan(hands_.soonest);
  stir();
}

void LimitWatch::stir() {
  pause_ = hands_.soonest;
  if (due_ && *due_ > io::now() + pause_) plan(pause_);
}

void LimitWatch::plan(base::Duration pause) {
  due_ = io::now() + pause;
  next_.set(*due_);
}

void LimitWatch::look() {
  due_.reset();
  std::vector<RunningServer> servers = hands_.servers.running();
  std::erase_if(servers, [&](const RunningServer& one) { return !has_to_look(one.limits) || one.stopping; });
  std::erase_if(before_, [&](const auto& entry) {
    return std::ranges::none_of(servers, [&](const RunningServer& one) { return one.id == entry.first; });
  });
  const bool works = std::ranges::any_of(servers, &RunningServer::works);
  const bool any = !servers.empty();
  std::vector<io::Question> questions;
  std::vector<RunningServer> asked;
  for (const RunningServer& server : servers) {
    if (const auto exceeded = hands_.exceeded(server.id)) {
      hands_.end(server.id, base::ended_for(server.limits, *exceeded));
      continue;
    }
    const bool memory = server.limits.memory && !hands_.kernel.memory;
    if (!memory && hands_.kernel.processes) continue;
    using About = io::Question::About;
    auto question = hands_.servers.question(server.id, memory ? About::memory : About::threads);
    if (!question) continue;
    questions.push_back(std::move(*question));
    asked.push_back(server);
  }
  growing_ = false;
  if (questions.empty()) {
    if (any) look_again(works);
    return;
  }
  asked_ = hands_.surveyor.ask(std::move(questions),
                               [this, works, asked = std::move(asked)](std::vector<io::Seen>&& seen) {
                                 asked_ = io::Asked();
                                 for (std::size_t i = 0; i < asked.size(); ++i) saw(asked[i], seen[i]);
                                 look_again(works || growing_);
                               });
}

void LimitWatch::saw(const RunningServer& server, const io::Seen& seen) {
  const base::ResourceLimits& limits = server.limits;
  if (limits.memory && !hands_.kernel.memory && seen.memory > *limits.memory)
    return hands_.end(server.id, base::ended_for(limits, base::Resource::memory));
  if (limits.processes && !hands_.kernel.processes && seen.threads > *limits.processes)
    return hands_.end(server.id, base::ended_for(limits, base::Resource::processes));
  const Taken now{.memory = seen.memory, .processes = seen.threads};
  const Taken before = std::exchange(before_[server.id], now);
  growing_ = growing_ || grows(before.memory, now.memory, limits.memory.value_or(~std::uint64_t{0})) ||
             grows(before.processes, now.processes, limits.processes.value_or(~std::uint32_t{0}));
}

void LimitWatch::look_again(bool soon) {
  pause_ = soon ? hands_.soonest : std::min(2 * pause_, hands_.latest);
  plan(pause_);
}

}  // namespace app
