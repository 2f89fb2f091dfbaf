// A desk: the requests of 2026-07-28 that clients with the same capabilities send to one server over HTTP.
//
// The revision knows no sessions, a broker knows little else; so the requests of many clients come to it as
// those of one. Each is given an id that no other request at this desk ever has, and gets its own back with
// its answer; what the broker says of a request goes out on that request's exchange and nowhere else. What
// concerns no request, or none that is still open, is dropped.
//
// - An answer that is the first thing said of its request is JSON, under the status that its error calls
//   for: 404 for an unknown method, 400 for what is wrong with the request as such, else 200.
// - As soon as something else is said before (the notices of a listen, progress), or when `stream_after` has
//   passed, the exchange becomes a stream of events without ids, which ends with the answer and says a
//   comment now and then. Nothing is kept: a stream that broke is lost.
// - An exchange that ends before its answer cancels its request.
// - Fields that repeat arguments of a tool are checked against what the tools of the server were last said
//   to want, at this desk or another of the server's.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "proto/message.h"
#include "save/codec.h"
#include "transport/inbound/exchange.h"
#include "transport/inbound/modern_post.h"
#include "transport/param_headers/param_headers.h"

namespace transport {

struct DeskOptions {
  base::Duration stream_after = std::chrono::seconds(1);
  base::Duration comment_every = std::chrono::seconds(15);
  // Below what a broker takes from one session, so that it never has to stop listening to the whole desk.
  std::size_t in_flight_max = 500;
  static constexpr std::size_t fields = 3;
};

class Desk {
 public:
  // `params`: of the server, for all its desks; outlives them.
  Desk(DeskOptions options, ParamHeaders& params);
  Desk();  // To be read (transport/inbound/saving.h), and then to be told:
  void follow(DeskOptions options, ParamHeaders& params);
  ~Desk();
  Desk(Desk&&) noexcept;
  Desk& operator=(Desk&&) noexcept;

  void request(ExchangeId exchange, ModernCall call, base::Instant now);
  // The client hung up before its answer was complete, or was hung up on.
  void gone(ExchangeId exchange, base::Instant now);

  // A message of the broker's. `concerns`: the id, as the broker knows it, of the request that a notice is
  // about; empty if none.
  void send(const proto::Message& message, std::string_view concerns, base::Instant now);

  // While held, requests are kept back, a bounded number of them (503 for the rest).
  void hold();
  void release(base::Instant now);

  std::optional<base::Instant> deadline() const;
  void tick(base::Instant now);

  std::vector<Output>& outbox();

  bool connected() const;  // At least one exchange is open.

 private:
  friend struct save::Codec<Desk>;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace transport
