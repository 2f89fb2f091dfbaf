// Moves bytes between the client and the daemon, where the daemon cannot have the client's descriptors
// themselves.
//
// Input: read from descriptor 0, written to a socket pair whose other end the daemon reads. Output: the other
// way round, to descriptor 1. Either may be absent. The end of the input is passed on as such; a broken
// output ends the pair, so that the daemon notices. Holds at most one chunk a direction. Writing to
// descriptor 1 may block: it is a file or a terminal, and nobody else waits for this process.
#pragma once

#include <poll.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/descriptor.h"

namespace shim {

class Relay {
 public:
  struct Needed {
    bool input = false;
    bool output = false;
  };
  static base::Result<std::unique_ptr<Relay>> open(Needed needed);

  // `bytes` stand before all that the client has yet to say. From now on the input is relayed, if it was not
  // before.
  base::Result<void> put_back(std::string_view bytes);

  int input_for_daemon() const { return input_.daemon.get(); }    // -1: the input is not relayed.
  int output_for_daemon() const { return output_.daemon.get(); }  // -1: the output is not relayed.

  // What to wait for; an entry with fd -1 is nothing. Then carry() with the same, after poll().
  std::array<pollfd, 2> interests() const;
  void carry(std::span<const pollfd, 2> ready);

  // No daemon is attached any more: what it wrote goes to the client; what it did not read comes back.
  std::string take_back();

 private:
  struct Pair {
    io::Descriptor daemon;  // Kept, because the next daemon gets the same.
    io::Descriptor ours;
  };
  Relay() = default;
  static base::Result<Pair> make_pair();

  void read_input();
  void write_input();
  void move_output();

  Pair input_;
  Pair output_;
  std::vector<char> pending_;  // Read from the client, not yet taken by the daemon: from taken_ on.
  std::size_t taken_ = 0;
  bool input_ended_ = false;
};

}  // namespace shim
