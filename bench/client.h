// Many sessions of one MCP client, cheap enough that what is measured is the other side.
//
// One thread, one epoll set. It knows the answers of bench/echo_server.cpp and compares them with what
// arrives: apart from the id, a broker has no business to change a byte. Any other answer, a lost one or a
// dead process ends the measurement.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bench/processes.h"

namespace bench {

// How requests that may go out together are written. SDKs write one message at a time.
enum class Writes : std::uint8_t { one_by_one, together };

// What every session does for the length of a batch.
struct Load {
  std::string request;  // Everything after the id, line end included.
  std::string answer;   // Everything after the id, without line end.
  std::size_t in_flight = 1;
  Writes writes = Writes::one_by_one;
  std::chrono::microseconds pause{0};  // Between an answer and the next call. For a single session.
};
Load echo_of(std::size_t bytes);  // There and back.
Load blob_of(std::size_t bytes);  // A small request, a large result.

struct Batch {
  std::size_t calls = 0;
  double calls_per_second = 0;
  double p50_us = 0, p99_us = 0;
  double longest_us = 0;
};

class Client {
 public:
  Client(Command command, Wire wire);
  ~Client();

  // Opens sessions, one after the other, until there are `count`; each has its answers to initialize and
  // tools/list.
  base::Result<std::size_t> open_up_to(std::size_t count);

  // Keeps the load up for `length`, then waits for what is still in flight. `length` 0: one call per slot.
  base::Result<Batch> run(const Load& load, std::chrono::milliseconds length);

  // Of the processes that were started, one per session.
  std::vector<pid_t> processes() const;

  // Ends every session and waits for its process.
  base::Result<std::size_t> close();

  // Milliseconds from starting the process to the answer of initialize. The session is ended again.
  static base::Result<double> time_to_initialize(const Command& command, Wire wire);

 private:
  class Session;

  void await_room(std::size_t index);

  Command command_;
  Wire wire_;
  Descriptor epoll_;
  std::vector<std::unique_ptr<Session>> sessions_;
};

}  // namespace bench
