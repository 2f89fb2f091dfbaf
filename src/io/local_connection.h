// One connection to a server on this machine, which serves one user after another.
//
// Bytes out in one write where the other side takes them, bytes in as they are read. Knows no HTTP. While
// nobody uses it, it is watched all the same: the server may close it, or say something that it was not
// asked.
//
// Callbacks come from the loop, never from within a member function. One that is let go from inside a
// callback is retired through the loop, after stop().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/http_output.h"
#include "io/http_wire.h"
#include "io/loop.h"
#include "proto/message.h"

namespace io {

// What a turn reads of all connections together: once it is used up, each is read in small pieces.
class ReadBudget {
 public:
  explicit ReadBudget(Loop& loop) : loop_(loop) {}
  std::size_t piece();  // How much to read next.
  void took(std::size_t bytes) { taken_ += bytes; }

 private:
  Loop& loop_;
  std::uint64_t turn_ = 0;
  std::size_t taken_ = 0;
};

class LocalConnection {
 public:
  enum class Over : std::uint8_t { not_connected, closed, broken };
  struct User {
    std::function<void()> on_connected;
    std::function<void(std::string_view bytes)> on_bytes;
    std::function<void(Over how, int code)>
        on_over;  // Nothing follows. `code`: errno, where it was not connected.
  };

  // `on_idle`: something has come, or the end, while nobody used it. It is good for nothing any more.
  // Fails at once, with errno as code, where it can be told at once that nobody listens.
  static base::Result<std::unique_ptr<LocalConnection>> begin(Loop& loop, ReadBudget& budget,
                                                              const std::string& address, std::uint16_t port,
                                                              std::function<void(LocalConnection&)> on_idle);

  void serve(User* user) { user_ = user; }  // nullptr: nobody.
  void stop();                              // No callback follows.

  void send(std::string head, proto::Message body);
  bool sent_nothing() const { return output_.queued_bytes() == queued_ || (failed_ && unsent_); }
  bool sent_all() const { return !failed_ && output_.queued_bytes() == 0; }
  bool send_failed() const { return failed_; }
  // Of one that nobody uses: nothing has come, and it is open.
  bool is_quiet() const;

 private:
  LocalConnection(ReadBudget& budget, Descriptor socket, std::function<void(LocalConnection&)> on_idle)
      : budget_(budget), wire_(std::move(socket)), on_idle_(std::move(on_idle)) {}
  void ready();
  void connected();
  void read_some();
  void write_out();
  void over(Over how, int code = 0);

  ReadBudget& budget_;
  HttpWire wire_;
  HttpOutput output_;
  std::function<void(LocalConnection&)> on_idle_;
  User* user_ = nullptr;
  bool connecting_ = true;
  bool failed_ = false;                  // To send.
  bool unsent_ = false;                  // No byte of what was to be sent had been taken when that failed.
  std::size_t queued_ = 0;               // Of what is being sent.
  std::vector<Descriptor> descriptors_;  // Never any: none come over TCP.
  Watch watch_;
};

}  // namespace io
