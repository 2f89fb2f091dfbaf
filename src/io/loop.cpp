#include "io/loop.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <uv.h>

#include <algorithm>
#include <csignal>
#include <vector>

#include "base/ensure.h"
#include "io/clock.h"
#include "io/system_error.h"

// Each handle lives in a State of its own that its owner lets go of: uv_close() ends it and frees it in the
// loop's closing phase, which is never inside one of its callbacks.

namespace io {

namespace {

template <class State, class Handle>
void let_go(State*& state, Handle State::* handle) {
  if (state == nullptr) return;
  State* gone = std::exchange(state, nullptr);
  gone->let_go = true;
  uv_close(reinterpret_cast<uv_handle_t*>(&(gone->*handle)),
           [](uv_handle_t* closed) { delete static_cast<State*>(closed->data); });
}

base::Error uv_error(std::string what, int code) {
  return system_error(std::move(what), -code);
}

int events_of(Interest interest) {
  switch (interest) {
    case Interest::none:
      return 0;
    case Interest::read:
      return UV_READABLE;
    case Interest::write:
      return UV_WRITABLE;
    case Interest::read_or_write:
      return UV_READABLE | UV_WRITABLE;
    case Interest::hang_up:
      return UV_DISCONNECT;
    case Interest::write_or_hang_up:
      return UV_WRITABLE | UV_DISCONNECT;
  }
  return 0;
}

}  // namespace

// --- Watch

struct Watch::State {
  uv_poll_t poll{};
  std::function<void()> ready;
  Interest interest = Interest::none;
  bool let_go = false;
  bool hung_up = false;

  void arm() {
    if (interest == Interest::none) {
      uv_poll_stop(&poll);
      return;
    }
    uv_poll_start(&poll, events_of(interest), &State::fired);
  }

  static void fired(uv_poll_t* handle, int status, int events) {
    State& state = *static_cast<State*>(handle->data);
    state.hung_up = status < 0 || (events & UV_DISCONNECT) != 0;
    state.ready();
    // libuv stops a poll that has an error; the owner may have data to read before it comes to that error.
    if (status < 0 && !state.let_go) state.arm();
  }
};

Watch::Watch(Watch&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Watch& Watch::operator=(Watch&& other) noexcept {
  if (this == &other) return *this;
  let_go(state_, &State::poll);
  state_ = std::exchange(other.state_, nullptr);
  return *this;
}

Watch::~Watch() {
  let_go(state_, &State::poll);
}

void Watch::set(Interest interest) {
  ensure(state_ != nullptr);
  if (state_->interest == interest) return;
  state_->interest = interest;
  state_->arm();
}

bool Watch::hung_up() const {
  return state_ != nullptr && state_->hung_up;
}

// --- Timer

struct Timer::State {
  uv_timer_t timer{};
  Loop::State* loop = nullptr;
  std::function<void()> due;
  base::Instant when;
  base::Instant armed_for;   // Where that is earlier, it is armed again when it fires.
  std::uint64_t set_in = 0;  // The turn.
  bool pending = false;
  bool early = false;  // It came due in that turn, and waits for the next.
  bool let_go = false;

  void start(std::uint64_t milliseconds) { uv_timer_start(&timer, &State::fired, milliseconds, 0); }
  bool armed() const { return uv_is_active(reinterpret_cast<const uv_handle_t*>(&timer)) != 0; }

  // Anew, from its time as it was set.
  void arm(base::Instant current) {
    armed_for = when;
    // It counts from the loop's own idea of now, which may be a long callback old.
    uv_update_time(timer.loop);
    // One more, because the loop's time is cut to milliseconds: it would be due up to one too early.
    const auto wait = when <= current ? std::chrono::milliseconds(0)
                                      : std::chrono::ceil<std::chrono::milliseconds>(when - current) +
                                            std::chrono::milliseconds(1);
    start(static_cast<std::uint64_t>(wait.count()));
  }

  static void fired(uv_timer_t* handle);
};

Timer::Timer(Timer&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this == &other) return *this;
  let_go(state_, &State::timer);
  state_ = std::exchange(other.state_, nullptr);
  return *this;
}

Timer::~Timer() {
  let_go(state_, &State::timer);
}

// --- SignalWatch

struct SignalWatch::State {
  uv_signal_t signal{};
  std::function<void()> received;
  bool let_go = false;
};

SignalWatch::SignalWatch(SignalWatch&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

SignalWatch& SignalWatch::operator=(SignalWatch&& other) noexcept {
  if (this == &other) return *this;
  let_go(state_, &State::signal);
  state_ = std::exchange(other.state_, nullptr);
  return *this;
}

SignalWatch::~SignalWatch() {
  let_go(state_, &State::signal);
}

// --- Loop

// Being woken on another CPU takes tens of microseconds, several times what a message costs. So while turns
// follow each other closely the loop looks for more before it sleeps, for no longer than about one such
// wake-up. When less than that is going on, or where there is only one CPU, it sleeps at once.
constexpr base::Duration closely = std::chrono::microseconds(200);
constexpr base::Duration look_for_more = std::chrono::microseconds(50);
constexpr base::Duration between_counts_of_cpus = std::chrono::milliseconds(100);

bool on_several_cpus() {
  cpu_set_t allowed;
  return sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) > 1;
}

struct Loop::State {
  uv_loop_t loop{};
  uv_prepare_t before_sleep{};
  std::function<void()> flush;
  std::function<bool()> done;
  std::vector<Retired> retired;
  std::uint64_t turn = 1;
  std::vector<Timer::State*> early;  // Timers of this turn that have come due in it.
  struct sigaction old_sigpipe{};

  base::Instant last_look;
  base::Instant counted_cpus;
  bool several_cpus = false;
  base::Duration went_back{0};  // The system's clock, when the timers were armed.

  // libuv's timers count by the system's clock itself. When that has gone back they would be late by as much.
  void follow_clock() {
    now();
    if (went_back == clock_went_back()) return;
    went_back = clock_went_back();
    uv_walk(
        &loop,
        [](uv_handle_t* handle, void*) {
          if (handle->type != UV_TIMER || uv_is_active(handle) == 0) return;
          static_cast<Timer::State*>(handle->data)->arm(now());
        },
        nullptr);
  }

  void look_before_sleeping() {
    const base::Instant begin = now();
    const bool busy = begin - last_look < closely;
    last_look = begin;
    if (!busy || uv_backend_timeout(&loop) == 0) return;  // It is not going to sleep: something is due.
    sched_yield();  // The one that is to write the next message may be waiting for this CPU.
    if (begin - counted_cpus > between_counts_of_cpus) {
      several_cpus = on_several_cpus();
      counted_cpus = begin;
    }
    if (!several_cpus) return;
    pollfd anything{uv_backend_fd(&loop), POLLIN, 0};
    while (last_look - begin < look_for_more && poll(&anything, 1, 0) == 0) {
      sched_yield();
      last_look = now();
    }
  }

  void end_turn() {
    if (flush) flush();
    // What is destroyed may retire more.
    while (!retired.empty()) std::exchange(retired, {}).clear();
    if (done && done()) uv_stop(&loop);
    ++turn;
    for (Timer::State* timer : std::exchange(early, {})) {
      if (!timer->let_go && std::exchange(timer->early, false)) timer->start(0);
    }
  }
};

// libuv serves a timer that is set for now within a callback in the same round, and so on for ever.
void Timer::State::fired(uv_timer_t* handle) {
  State& state = *static_cast<State*>(handle->data);
  if (!state.pending) return;
  if (const base::Instant current = now(); state.armed_for < state.when && current < state.when)
    return state.arm(current);
  if (state.set_in != state.loop->turn) {
    state.pending = false;
    return state.due();
  }
  if (!std::exchange(state.early, true)) state.loop->early.push_back(&state);
}

Loop::Loop() : state_(std::make_unique<State>()) {
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &state_->old_sigpipe);
  ensure(uv_loop_init(&state_->loop) == 0);
  uv_prepare_init(&state_->loop, &state_->before_sleep);
  state_->before_sleep.data = state_.get();
  // Timers, descriptors and signals are all served before this point of a turn, and only sleeping comes after
  // it.
  uv_prepare_start(&state_->before_sleep, [](uv_prepare_t* handle) {
    State& state = *static_cast<State*>(handle->data);
    state.end_turn();
    state.follow_clock();
    state.look_before_sleeping();
  });
}

Loop::~Loop() {
  state_->flush = nullptr;
  state_->end_turn();
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->before_sleep), nullptr);
  uv_run(&state_->loop, UV_RUN_NOWAIT);  // Twice: a stop() that nobody waited for ends the first.
  uv_run(&state_->loop, UV_RUN_NOWAIT);
  ensure(uv_loop_close(&state_->loop) == 0);  // Watches and timers must not outlive their loop.
  sigaction(SIGPIPE, &state_->old_sigpipe, nullptr);
}

base::Result<Watch> Loop::watch(int fd, Interest interest, std::function<void()> ready) {
  const int flags = fcntl(fd, F_GETFL);
  auto state = std::make_unique<Watch::State>();
  state->poll.data = state.get();
  const int result = flags < 0 ? -errno : uv_poll_init(&state_->loop, &state->poll, fd);
  if (result != 0) return std::unexpected(uv_error("cannot watch a descriptor", result));
  // libuv makes it non-blocking, which is not ours to decide.
  if ((flags & O_NONBLOCK) == 0) fcntl(fd, F_SETFL, flags);
  Watch watch;
  state->ready = std::move(ready);
  watch.state_ = state.release();
  watch.set(interest);
  return watch;
}

base::Result<SignalWatch> Loop::on_signal(int signal, std::function<void()> received) {
  auto state = std::make_unique<SignalWatch::State>();
  state->signal.data = state.get();
  state->received = std::move(received);
  uv_signal_init(&state_->loop, &state->signal);
  SignalWatch watch;
  watch.state_ = state.release();
  const int result = uv_signal_start(
      &watch.state_->signal,
      [](uv_signal_t* handle, int) { static_cast<SignalWatch::State*>(handle->data)->received(); }, signal);
  if (result != 0) return std::unexpected(uv_error("cannot watch signal " + std::to_string(signal), result));
  return watch;
}

void Loop::at_end_of_turn(std::function<void()> flush) {
  state_->flush = std::move(flush);
}

void Loop::keep_until_end_of_turn(Retired gone) {
  state_->retired.push_back(std::move(gone));
}

std::uint64_t Loop::turn() const {
  return state_->turn;
}

void Loop::run() {
  uv_run(&state_->loop, UV_RUN_DEFAULT);
  state_->done = nullptr;
  state_->end_turn();
}

void Loop::stop() {
  uv_stop(&state_->loop);
}

void Loop::run_until(std::function<bool()> done) {
  if (done()) return;
  state_->done = std::move(done);
  run();
}

Timer::Timer(Loop& loop, std::function<void()> due) : state_(new State) {
  state_->timer.data = state_;
  state_->loop = loop.state_.get();
  state_->due = std::move(due);
  uv_timer_init(&loop.state_->loop, &state_->timer);
}

void Timer::set(base::Instant when) {
  ensure(state_ != nullptr);
  // The usual case of a deadline that is confirmed every turn.
  if (state_->pending && state_->when == when) return;
  const base::Instant current = now();
  // One that is due is not put off by being set again, else it might never come.
  if (state_->pending && state_->when <= current && when <= current) return;
  state_->when = when;
  state_->set_in = state_->loop->turn;
  state_->pending = true;
  state_->early = false;
  // Deadlines of connections are put off with every request.
  if (state_->armed() && state_->armed_for <= when) return;
  state_->arm(current);
}

void Timer::clear() {
  ensure(state_ != nullptr);
  state_->pending = state_->early = false;
}

}  // namespace io
