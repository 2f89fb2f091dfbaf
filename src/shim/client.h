// The client's end of the session: descriptors 0 and 1, as the daemon is to get them.
//
// A pipe or a socket is passed on as it is. What cannot be polled (a file) or belongs to a terminal that
// others use is relayed: the daemon gets one end of a socket pair, and relay() moves the bytes. Whatever a
// daemon did to the flags of the client's descriptors, restore() undoes.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "io/descriptor.h"
#include "io/mapped_page.h"
#include "shim/relay.h"

namespace shim {

class Client {
 public:
  // Standard streams that are closed are opened on /dev/null first, so that no other descriptor takes their
  // place.
  static base::Result<Client> open();

  // What travels to the daemon: input, output, journal.
  std::array<int, 3> passed() const;
  // False: the system lets us keep no journal, so that the session ends with its daemon.
  bool survives_daemon() const { return survives_daemon_; }
  // The session's journal, as the daemon keeps it; empty without one.
  std::span<std::byte> page() const { return page_ ? page_->bytes() : std::span<std::byte>(); }

  // Bytes that were read from the client and are the next daemon's to deal with.
  base::Result<void> put_back(std::string_view bytes);

  Relay* relay() { return relay_.get(); }  // nullptr: nothing is relayed.
  void restore() const;

 private:
  Client() = default;

  int input_flags_ = 0;
  int output_flags_ = 0;
  io::Descriptor journal_;
  bool survives_daemon_ = true;
  std::optional<io::MappedPage> page_;
  std::unique_ptr<Relay> relay_;
};

}  // namespace shim
