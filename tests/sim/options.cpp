#include "sim/options.h"

#include <algorithm>
#include <array>

namespace sim {

namespace {

class Draw {
 public:
  Draw(Random& random, Options::Temper temper) : random_(random), temper_(temper) {}

  std::size_t upto(std::size_t most) {
    switch (temper_) {
      case Options::Temper::calm:
        return random_.permille(880) ? 0 : random_.below(most / 4 + 1);
      case Options::Temper::mixed:
        return random_.permille(550) ? 0 : random_.below(most + 1);
      case Options::Temper::hell:
        return random_.permille(250) ? 0 : random_.below(2 * most + 1);
    }
    return 0;
  }

 private:
  Random& random_;
  Options::Temper temper_;
};

Options::Temper temper_of(std::size_t thousandth) {
  if (thousandth < 350) return Options::Temper::calm;
  return thousandth < 800 ? Options::Temper::mixed : Options::Temper::hell;
}

void draw_sizes(Options& options, Random& random) {
  options.chunk = std::size_t{1} << random.between(3, 14);
  options.pipe = std::size_t{1} << random.between(9, 16);
  options.soft_limit = std::size_t{1} << random.between(11, 15);
  options.hard_limit = options.soft_limit << random.between(2, 5);
  options.server_limit = std::size_t{1} << random.between(11, 16);
  options.message_max = std::size_t{1} << random.between(13, 16);
}

}  // namespace

Options Options::drawn(Random& random) {
  Options options;
  options.temper = temper_of(random.below(1000));
  Draw draw(random, options.temper);
  options.families = random.between(1, 4);
  options.clients_first = random.between(1, 6);
  options.clients_most = options.clients_first + random.between(0, 12);
  options.think = base::Duration(1000L << random.below(9));
  options.wire = base::Duration(10L << random.below(10));
  options.work = base::Duration(100L << random.below(10));

  for (std::size_t* chance : {&options.duplicate_id, &options.malformed, &options.overlong,
                              &options.forged_answer, &options.stray_cancel, &options.foreign_task}) {
    *chance = draw.upto(30);
  }
  options.vanish = draw.upto(10);
  options.stop_reading = draw.upto(10);
  options.cancel = draw.upto(150);
  options.batch = draw.upto(200);
  options.come = random.between(0, 20);
  options.lethal = draw.upto(30);
  options.away = draw.upto(200);
  for (std::size_t* chance : {&options.ask_ignored, &options.ask_late}) *chance = draw.upto(300);

  for (std::size_t* chance : {&options.never, &options.twice, &options.slow, &options.bad_answer}) {
    *chance = draw.upto(60);
  }
  options.error = draw.upto(150);
  options.crash = draw.upto(8);
  options.asks = draw.upto(300);
  options.progress = random.between(0, 500);
  options.stray_progress = draw.upto(200);
  options.deaf_to_cancel = draw.upto(400);
  for (std::size_t* chance : {&options.start_fails, &options.dies_on_start, &options.silent_start,
                              &options.slow_start, &options.refuses}) {
    *chance = draw.upto(250);
  }
  options.tamper = draw.upto(200);
  options.come_twice = draw.upto(200);
  options.bring_less = draw.upto(300);
  options.slow_stop = draw.upto(500);
  options.wants = draw.upto(500);
  options.tasks = random.permille(600) ? random.below(800) : 0;
  options.reuses_task = draw.upto(200);
  options.loses_task = draw.upto(200);
  options.grants_less = draw.upto(200);
  options.ends_listen = draw.upto(100);
  for (std::size_t* chance : {&options.garbage, &options.outside_ask, &options.stray_notes}) {
    *chance = draw.upto(200);
  }
  options.notes = random.between(0, 500);
  options.server_stops_reading = draw.upto(40);
  options.crash_idle = draw.upto(10);
  options.hum = base::Duration(5000L << random.below(8));
  options.kill = draw.upto(1500);
  options.kill_in_outbox = draw.upto(600);
  options.person = draw.upto(600);
  if (options.kill > 0 && options.asks > 0)
    options.ask_late += 200;  // Answers that outlive the question's daemon.
  draw_sizes(options, random);
  const std::size_t subject = random.below(100);
  if (subject < 20) {
    options.subject = Subject::tasks;
    options.families = 1;
    options.tasks = random.between(300, 1000);
  } else if (subject < 22) {
    options.turn_to_rounds();
  }
  return options;
}

void Options::turn_to_rounds() {
  Options all;
  all.subject = Subject::rounds;
  all.clients_first = all.clients_most = 1;
  all.think = base::Duration(1000);
  all.wire = base::Duration(10);
  all.work = base::Duration(100);
  all.hum = std::chrono::minutes(1);
  all.asks = 1000;
  all.ask_error = all.progress = all.notes = 0;
  *this = all;
}

void Options::draw_more(Random& random) {
  if (subject != Subject::any) return;
  if (random.permille(300)) {
    equal = random.between(100, 700);
    principals = random.permille(400);
  }
  if (random.permille(250)) {
    web = random.between(300, 1000);
    many_streams = random.between(0, 1000);
    const bool calm = temper == Temper::calm;
    if (!calm && random.permille(700)) forgets = random.below(400);
    if (!calm && random.permille(500)) breaks_off = random.below(60);
  }
  if (random.permille(60)) floods = random.between(5, 40);
}

void Options::draw_latest(Random& random) {
  if (subject != Subject::any) return;
  if (many_streams > 0 && random.permille(700)) {
    desk = random.between(2, 4);
    hangs_up = random.below(60);
  }
  const auto session = [this](core::Kept kind) -> core::Amount& {
    return allowances[static_cast<std::size_t>(kind)].session;
  };
  if (floods > 0) session(core::Kept::cancelled).objects = random.between(60, 200);
  if (!random.permille(120)) return;
  for (const core::Kept kind :
       {core::Kept::parked, core::Kept::listen, core::Kept::subscription, core::Kept::update})
    session(kind).objects = random.between(4, 60);
  if (random.permille(500)) session(core::Kept::request).bytes = random.between(1000, 4000);
  if (random.permille(500)) session(core::Kept::waiting).bytes = random.between(1000, 4000);
  constexpr std::array<Press, 4> all{Press::listens, Press::subscriptions, Press::parks, Press::updates};
  press = random.pick(all);
  presses = random.between(20, 200);
  chunk = std::max<std::size_t>(chunk, 4096);  // A flood in small pieces would be all that happens.
  message_max = std::max<std::size_t>(message_max, 32768);
}

void Options::draw_edits(Random& random) {
  if (!random.permille(250)) return;
  edits = random.between(200, 4000);
  if (temper != Temper::calm) removals = random.below(500);
}

Options Options::turned_kind() const {
  Options kind;
  kind.temper = Temper::calm;
  kind.subject = subject;
  kind.families = families;
  kind.clients_first = kind.clients_most = 0;
  kind.think = think;
  kind.wire = wire;
  kind.work = work;
  kind.notes = 0;
  kind.progress = progress;
  kind.hum = hum;
  kind.soft_limit = soft_limit;
  kind.hard_limit = hard_limit;
  kind.server_limit = server_limit;
  kind.pipe = pipe;
  kind.chunk = std::max<std::size_t>(chunk, 512);  // What a flood has left is to be read in this life.
  kind.message_max = message_max;
  kind.allowances = allowances;
  return kind;
}

}  // namespace sim
