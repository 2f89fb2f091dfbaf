// simulate: runs invented worlds, each wholly given by its seed.
//
//   simulate [--seed S] [--worlds N] [--steps N] [--trace] [--digest] [--digest-twice] [--recorded]
//   [--replaced] [--killed]
//   simulate --replay FILE
//
// --trace prints everything that happens. --digest prints one number over all actions of all worlds, the same
// for every compiler; --digest-twice runs everything twice and compares. --recorded records what each broker
// is told and tells it to another, which must do the same. --replaced runs everything a second time with a
// broker that is replaced after every turn by one that goes on from what it has written: all must be the
// same. --killed runs everything a second time with daemons that are killed between any two actions, and
// between what they are told and their hearing of it, each followed by one that goes on from the chronicle.
//
// --replay tells a broker what a recording of a real daemon holds (docs/bug-reports.md), and prints what it
// does.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "sim/replay.h"
#include "sim/world.h"

namespace {

struct Arguments {
  std::uint64_t seed = 1;
  std::uint64_t worlds = 1;
  std::size_t steps = 1500;
  bool trace = false, digest = false, digest_twice = false, recorded = false;
  bool replaced = false, killed = false;  // Everything is run once more so.
  const char* replay = nullptr;
};

// For the death of the program itself: which world was it?
char replay_hint[128];

extern "C" void died(int) {
  const ssize_t written = write(STDERR_FILENO, replay_hint, std::strlen(replay_hint));
  _exit(written > 0 ? 2 : 3);
}

Arguments arguments_of(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (name == "--seed")
      arguments.seed = number();
    else if (name == "--worlds")
      arguments.worlds = number();
    else if (name == "--steps")
      arguments.steps = number();
    else if (name == "--trace")
      arguments.trace = true;
    else if (name == "--digest")
      arguments.digest = true;
    else if (name == "--recorded")
      arguments.recorded = true;
    else if (name == "--replaced")
      arguments.replaced = true;
    else if (name == "--killed")
      arguments.killed = true;
    else if (name == "--replay" && i + 1 < argc)
      arguments.replay = argv[++i];
    else if (name == "--digest-twice")
      arguments.digest_twice = true;
    else {
      std::fprintf(stderr, "simulate: unknown argument %s\n", argv[i]);
      std::exit(64);
    }
  }
  return arguments;
}

struct Totals {
  std::uint64_t digest = 0;
  std::size_t replayed = 0;
  std::size_t tolerated = 0;
  std::size_t replaced = 0;
  std::size_t killed = 0;
};

// A second run of the same world.
enum class Run : bool { first, again };

void prepare(sim::World& world, std::uint64_t seed, const Arguments& arguments, Run run) {
  if (arguments.recorded) world.witness.emplace(seed);
  if (run == Run::first) return;
  world.replaced_each_turn = arguments.replaced;
  if (arguments.killed) world.chronicler.emplace(seed);
}

void report(const sim::World& world, std::uint64_t seed, std::size_t steps) {
  std::printf("seed %llu, step %zu: broken: %s\n", static_cast<unsigned long long>(seed), world.step,
              world.checker.invariant().c_str());
  std::printf("  %s\n", world.checker.detail().substr(0, 1500).c_str());
  std::printf("the last events and actions:\n");
  for (const std::string& line : world.trace.kept()) std::printf("  %s\n", line.c_str());
  std::printf("replay: simulate --seed %llu --steps %zu --trace\n", static_cast<unsigned long long>(seed),
              steps);
}

// False: an invariant broke, and was reported.
bool run_world(std::uint64_t seed, const Arguments& arguments, Run run, Totals& totals) {
  std::snprintf(replay_hint, sizeof replay_hint, "replay: simulate --seed %llu --steps %zu --trace\n",
                static_cast<unsigned long long>(seed), arguments.steps);
  sim::World world(seed, arguments.trace ? sim::Trace::Lines::print : sim::Trace::Lines::none);
  prepare(world, seed, arguments, run);
  const bool good = world.run(arguments.steps);
  totals.digest = (totals.digest ^ world.trace.digest()) * 0x9e3779b97f4a7c15ULL;
  if (world.witness) {
    totals.replayed += world.witness->replayed();
    totals.tolerated += world.witness->tolerated();
  }
  totals.replaced += world.hands.replaced();
  if (world.chronicler) totals.killed += world.chronicler->kills_so_far();
  if (good) return true;
  if (arguments.trace) {
    report(world, seed, arguments.steps);
    return false;
  }
  sim::World again(seed, sim::Trace::Lines::keep);  // The same, and this time it is written down.
  prepare(again, seed, arguments, run);
  again.run(arguments.steps);
  report(again, seed, arguments.steps);
  return false;
}

bool run_all(const Arguments& arguments, Totals& totals) {
  for (std::uint64_t i = 0; i < arguments.worlds; ++i) {
    if (!run_world(arguments.seed + i, arguments, Run::first, totals)) return false;
  }
  return true;
}

// Whether each world does the same when it is run again; with brokers that are replaced or killed, if that is
// wanted.
bool same_again(const Arguments& arguments, Totals& totals) {
  for (std::uint64_t i = 0; i < arguments.worlds; ++i) {
    const std::uint64_t seed = arguments.seed + i;
    Totals first = totals;
    Totals second = totals;
    if (!run_world(seed, arguments, Run::first, first)) return false;
    if (!run_world(seed, arguments, Run::again, second)) return false;
    totals = second;
    if (first.digest == second.digest) continue;
    std::printf("seed %llu gave two digests: %016llx and %016llx\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(first.digest),
                static_cast<unsigned long long>(second.digest));
    return false;
  }
  if (arguments.replaced) std::printf("%zu brokers replaced\n", totals.replaced);
  if (arguments.killed) std::printf("%zu daemons killed\n", totals.killed);
  return (!arguments.replaced || totals.replaced > 0) && (!arguments.killed || totals.killed > 0);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = arguments_of(argc, argv);
  if (arguments.replay != nullptr) return sim::print_replay(arguments.replay);
  std::signal(SIGABRT, died);
  std::signal(SIGSEGV, died);
  Totals totals;
  const bool twice = arguments.digest_twice || arguments.replaced || arguments.killed;
  if (!(twice ? same_again(arguments, totals) : run_all(arguments, totals))) return 1;
  if (arguments.digest || arguments.digest_twice) {
    std::printf("digest %016llx\n", static_cast<unsigned long long>(totals.digest));
  }
  if (arguments.recorded) {
    std::printf("%zu lines of recordings replayed; %zu recordings differ after a longer placeholder\n",
                totals.replayed, totals.tolerated);
  }
  std::printf("%llu worlds from seed %llu: all invariants held\n",
              static_cast<unsigned long long>(arguments.worlds),
              static_cast<unsigned long long>(arguments.seed));
  return 0;
}
