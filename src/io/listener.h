// Connections, one after the other.
//
// Of a Unix socket: of our own user only; every peer's uid is checked, and others are hung up on. Of a TCP
// socket: of anybody, because nobody can be told who it is; they come with an empty Peer. When the process
// runs out of descriptors it still answers, by hanging up: a listener that cannot accept would otherwise be
// ready for ever and take all of the CPU.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "io/descriptor.h"
#include "io/loop.h"
#include "io/passed.h"
#include "io/unix_socket.h"

namespace io {

class Listener {
 public:
  using Connected = std::function<void(Descriptor connection, Peer peer)>;
  using Refused = std::function<void(base::Error why)>;
  using Shed = std::function<void(Descriptor connection)>;

  // `socket` is bound and listening. `refused` is for the log. `shed` may say a last word to a connection for
  // which there is no descriptor; it must not keep it.
  static base::Result<std::unique_ptr<Listener>> open(Loop& loop, Descriptor socket, Connected connected,
                                                      Refused refused, Shed shed = nullptr);
  Passed passed() const { return pass(socket_); }  // The socket.
  base::Result<Descriptor> duplicate() const { return socket_.duplicate(); }

 private:
  Listener(Descriptor socket, Connected connected, Refused refused, Shed shed);
  void ready();
  base::Result<Peer> admit(const Descriptor& connection) const;
  void shed_one();

  Descriptor socket_;
  Descriptor spare_;  // Given up for a moment when there is no other descriptor left.
  Watch watch_;
  Connected connected_;
  Refused refused_;
  Shed shed_;
};

}  // namespace io
