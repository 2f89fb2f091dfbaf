// The socket of an HTTP connection, with TLS around what passes, or without.
//
// Text in and out, and never waits. What TLS has made of a text already, and the socket does not take yet, is
// at most a record or two; the rest stays with whoever wants to send it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/descriptor.h"
#include "io/gathered.h"
#include "io/passed.h"
#include "io/tls.h"

namespace io {

class HttpWire {
 public:
  // `tls` outlives the use of this.
  explicit HttpWire(Descriptor socket, const TlsContext* tls = nullptr);

  int socket() const { return socket_.get(); }

  enum class Came : std::uint8_t {
    nothing,
    bytes,    // Perhaps without any text in them: TLS speaks for itself, too.
    end,      // The other side has closed its side.
    broken,   // The socket.
    no_room,  // There are too few descriptors left to take those that came; the text is lost with them.
    bad_tls,  // TLS has failed; what tells the client why wants to be flushed.
    not_tls,  // Where TLS was expected. From now on this is without TLS, to say so.
  };
  static constexpr std::size_t read_max = std::size_t{64} << 10;  // What a Unix socket holds.
  // One read, of so many bytes at most. What there is of text is given to `take`, before any of the above is
  // returned. Descriptors come on Unix sockets.
  Came receive(const std::function<void(std::string_view text)>& take, std::vector<Descriptor>& descriptors,
               std::size_t at_most = read_max);
  // Reads what comes without looking at it. False: there will be no more.
  bool discard();

  // As the system calls return, with EAGAIN and fewer than all where the socket takes no more for now.
  ssize_t send(Gathered& pieces);

  enum class Outcome : std::uint8_t { all_written, blocked, failed };
  Outcome flush();
  // Says that nothing follows. Once what is to be said is written, closes our side. May be called again.
  Outcome finish();
  // Bytes that were taken and are not written yet.
  std::size_t pending() const { return tls_ ? tls_->outgoing().size() : 0; }

  // For whoever goes on without this, here or in the next program; only without TLS.
  Descriptor release();
  Passed passed() const;

 private:
  Came decrypt(std::string_view bytes, const std::function<void(std::string_view text)>& take);
  ssize_t encrypt(const Gathered& pieces);

  base::Result<std::size_t> read(std::span<char> into, std::vector<Descriptor>& descriptors);

  Descriptor socket_;
  bool tcp_;  // Then no descriptors come.
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace io
