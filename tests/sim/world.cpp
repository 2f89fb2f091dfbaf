#include "sim/world.h"

#include <utility>

namespace sim {

namespace {

constexpr std::size_t rounds_longer = 6;  // Until more have been answered than are remembered.

}  // namespace

World::World(std::uint64_t seed, Trace::Lines lines)
    : random(seed),
      more(~seed),
      latest(seed * 0x9e3779b97f4a7c15ULL + 1),
      editing(seed * 0x9e3779b97f4a7c15ULL + 2),
      options(Options::drawn(random)),
      trace(lines),
      checker(*this),
      hands(*this) {
  options.draw_more(more);
  options.draw_latest(latest);
  options.draw_edits(editing);
  for (std::size_t i = 0; i < options.families; ++i) families.push_back(invented_family(random, options, i));
  for (Family& family : families) {
    if (more.permille(options.web)) family.turn_to_web();
  }
  for (Family& family : families) {
    if (options.press == Options::Press::parks) family.turn_to_questions();
  }
  for (std::size_t i = 0; i < options.clients_first; ++i) add_client();
}

Client& World::add_client() {
  Client& client =
      clients.emplace_back(*this, static_cast<int>(clients.size()), random.below(families.size()));
  hands.attach(client);
  client.start();
  return client;
}

bool World::run(std::size_t steps) {
  wild(steps);
  if (!checker.failed()) turn_kind();
  if (!checker.failed()) checker.settled();
  if (!checker.failed()) probe();
  if (!checker.failed()) checker.settled();
  if (!checker.failed()) send_home();
  if (!checker.failed()) checker.emptied();
  if (!checker.failed()) recording_ends();  // If the daemon has not retired.
  return !checker.failed();
}

// The next thing that happens: something planned, or the broker's own deadline.
bool World::one_step(base::Instant until) {
  const auto planned = schedule.next();
  const auto deadline = hands.deadline();
  if (deadline && (!planned || *deadline <= *planned)) {
    if (*deadline > until) return false;
    const base::Instant before = schedule.now();
    schedule.advance(*deadline + base::Duration(random.permille(100) ? random.below(20000) : 0));
    ++step;
    hands.tick();
    const auto next = hands.deadline();
    if (next && *next <= schedule.now() && schedule.now() == before && ++idle_ticks_ > 100) {
      checker.broken("a deadline that has passed is done with", "");
    }
    return !checker.failed();
  }
  idle_ticks_ = 0;
  if (!planned || *planned > until) return false;
  ++step;
  schedule.run_next();
  return !checker.failed();
}

void World::wild(std::size_t steps) {
  const std::size_t most = options.subject == Options::Subject::rounds ? steps * rounds_longer : steps;
  while (step < most && !checker.failed() && one_step(base::Instant::max())) {
    fate();
    if (step % 97 == 0) checker.look_around();
  }
}

// What comes from outside.
void World::fate() {
  if (options.kill > 0 && random.below(1000000) < options.kill && hands.alive()) hands.kill();
  if (clients.size() < options.clients_most && random.permille(options.come)) add_client();
  // The machine sleeps for a night: everything is late at once.
  if (options.person > 0 && random.below(1000000) < 20)
    schedule.advance(schedule.now() + std::chrono::hours(8));
  if (options.edits > 0 && editing.below(1000000) < options.edits && hands.alive()) edit();
  if (options.person == 0 || random.below(1000000) >= options.person || !hands.alive()) return;
  Family& family = random.pick(families);
  ++family.troubles;
  checker.forgiven();
  if (random.permille(500)) {
    hands.give(broker::StopWanted{family.spec.name});
  } else {
    hands.give(broker::RestartWanted{family.spec.name});
  }
}

// Another entry in the configuration, that is like the one before; or none, until the next edit.
void World::edit() {
  const std::size_t family = editing.below(families.size());
  const bool removed = editing.permille(options.removals);
  families[family].removed = removed;
  ++families[family].troubles;
  families[family].args_before.insert(families[family].spec.args);
  families[family].spec.args = {"--edit", std::to_string(++edits_)};
  for (Client& client : clients) {
    if (client.family == family) client.spec.args = families[family].spec.args;
  }
  hands.respecify(family, removed ? "was removed" : "");
}

void World::run_for(base::Duration time) {
  const base::Instant until = schedule.now() + time;
  while (one_step(until)) {
  }
  schedule.advance(until);
}

void World::turn_kind() {
  kind = true;
  options = options.turned_kind();
  for (std::size_t i = 0; i < families.size(); ++i) {
    if (std::exchange(families[i].removed, false)) hands.respecify(i, "");
  }
  // What was badly begun may still go wrong for a while; then whoever owes something is reminded.
  for (int i = 0; i < 6 && !checker.failed(); ++i) {
    for (Client& client : clients) client.turn_kind();
    for (Server& server : servers) server.turn_kind();
    run_for(std::chrono::minutes(5));
  }
}

void World::probe() {
  probing = true;
  for (Family& family : families) family.doomed = 0;
  checker.forgiven();
  for (const Family& family : families) hands.give(broker::RestartWanted{family.spec.name});
  run_for(std::chrono::minutes(2));
  std::vector<Call*> probes;
  for (Client& client : clients) {
    const bool talks = client.initialize_ok || client.speaks == Speaks::modern;
    if (!client.gone && talks && client.session) probes.push_back(&client.probe());
  }
  run_for(std::chrono::minutes(30));
  if (!checker.failed()) checker.probed(probes);
}

void World::recording_ends() {
  const std::string wrong = witness ? witness->ends() : std::string();
  if (!wrong.empty()) checker.broken("a recording gives the same actions again", wrong);
}

void World::send_home() {
  for (Client& client : clients) client.leave();
  run_for(std::chrono::minutes(40));
}

}  // namespace sim
