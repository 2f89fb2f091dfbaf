// TLS for a port: what a certificate file and a key file make possible, and one side of one conversation.
//
// No sockets here: bytes from the socket go in and text comes out, text goes in and bytes for the socket come
// out. TLS 1.2 and 1.3, without renegotiation, compression, early data and resumption: each connection has
// keys of its own, and nothing that is kept could open an earlier one. OpenSSL does the work; it is loaded
// when the first context is made, so whoever has no port with TLS does not need it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace io {

struct TlsFiles {
  std::string certificate;  // PEM: the server's own certificate, then those that vouch for it.
  std::string key;          // PEM, not encrypted, and nobody else's to read.
};

class TlsContext {
 public:
  // Reads the files once: what is written to them later counts from the next context on. An error names the
  // file and says what to do.
  static base::Result<std::unique_ptr<TlsContext>> load(const TlsFiles& files);
  ~TlsContext();

  // A sentence about a certificate that can be used, but will be believed by nobody; usually empty.
  const std::string& doubt() const;

 private:
  friend class TlsSession;
  struct State;
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The server's side. It may be destroyed after its context, but not used any more.
class TlsSession {
 public:
  enum class Phase : std::uint8_t {
    handshake,
    open,
    closed,   // The client has said that it says nothing more; it may still be spoken to.
    not_tls,  // What came first is no TLS, but may well be HTTP. Nothing was said to it.
    failed,   // There may be bytes that tell the client why.
  };
  // The most that one write() may be given: what fits a record.
  static constexpr std::size_t text_max = std::size_t{16} << 10;

  explicit TlsSession(const TlsContext& context);
  ~TlsSession();

  Phase phase() const;

  // Bytes from the socket. Before more of them, read() must have returned 0, so that nothing gathers here.
  void receive(std::string_view bytes);
  // What they said: 0 if it takes more bytes to tell, or there is no more.
  std::size_t read(std::span<char> into);

  // Text for the client; not before the handshake is done. False: the conversation has failed.
  bool write(std::string_view text);
  // Says that nothing more will be said.
  void close();

  // Bytes for the socket, which receive(), read(), write() and close() leave. They are held until they are
  // taken: whoever writes on meanwhile decides how many they become.
  std::string_view outgoing() const;
  void taken(std::size_t count);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace io
