// One thread that waits for everything at once.
//
// A turn: serve every ready descriptor, signal and timer, then call the end-of-turn hook, destroy what was
// retired, sleep. Watches, timers and signal watches exist as long as their objects; any of them may be
// destroyed at any time, also from its own callback. Larger things that are on the call stack of a callback
// are handed to retire().
//
// Readiness is level-triggered. The flags of a watched descriptor are left as they are: its open file
// description may be shared with another process. While a Loop exists, SIGPIPE is ignored. At most one watch
// per descriptor number; a descriptor is closed after its watch is gone, never before.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/time.h"
#include "proto/lines.h"

namespace io {

// hang_up: that the other side has closed its end, or its half of a socket; without looking at what there is
// to read.
enum class Interest : std::uint8_t { none, read, write, read_or_write, hang_up, write_or_hang_up };

class Loop;

class Watch {
 public:
  Watch() = default;
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&& other) noexcept;
  ~Watch();

  void set(Interest interest);
  // From within `ready`: it was called for a hang-up, or something is wrong with the descriptor. Only told
  // where the interest asks for it.
  bool hung_up() const;
  explicit operator bool() const { return state_ != nullptr; }

 private:
  friend class Loop;
  struct State;
  State* state_ = nullptr;  // Outlives the watch until the loop lets go of it.
};

// Calls back once, not before the given instant, and in a later turn than it was set in: a timer that is set
// from its own callback, for now, lets everything else have its turn. Milliseconds are its grain; it is late
// rather than early.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> due);
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) noexcept;
  ~Timer();

  void set(base::Instant when);
  void clear();

 private:
  friend class Loop;
  struct State;
  State* state_ = nullptr;
};

class SignalWatch {
 public:
  SignalWatch() = default;
  SignalWatch(SignalWatch&& other) noexcept;
  SignalWatch& operator=(SignalWatch&& other) noexcept;
  ~SignalWatch();

 private:
  friend class Loop;
  struct State;
  State* state_ = nullptr;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Fails for what cannot be polled: regular files, for instance (EPERM). When something is wrong with the
  // descriptor, `ready` is called too: the next read or write tells what.
  base::Result<Watch> watch(int fd, Interest interest, std::function<void()> ready);
  base::Result<SignalWatch> on_signal(int signal, std::function<void()> received);

  // Called once per turn, after everything that was ready has been served and before the loop sleeps.
  void at_end_of_turn(std::function<void()> flush);

  // Destroys `gone` at the end of this turn, after the hook.
  template <class T>
  void retire(std::unique_ptr<T> gone) {
    keep_until_end_of_turn({gone.release(), [](void* object) { delete static_cast<T*>(object); }});
  }

  // What all streams of lines are read into, one after the other.
  proto::ReadBuffer& read_buffer() { return read_buffer_; }

  // Counts from 1; what is served in one turn sees the same number.
  std::uint64_t turn() const;

  void run();  // Until stop(). The hook is called once more before it returns.
  void run_until(std::function<bool()> done);  // Or until stop(). Asks at the end of every turn.
  void stop();

 private:
  friend class Timer;
  using Retired = std::unique_ptr<void, void (*)(void*)>;
  void keep_until_end_of_turn(Retired gone);

  struct State;
  proto::ReadBuffer read_buffer_;
  std::unique_ptr<State> state_;
};

}  // namespace io
