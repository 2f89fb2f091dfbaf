// POSTs that came while the broker takes nothing.
//
// Bounded: 64 of them, and 4 MiB, of which one message alone may be more. One whose client hung up stays: it
// was received, and would have been delivered had nobody held it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <utility>

#include "base/fields.h"
#include "proto/http.h"
#include "transport/inbound/exchange.h"

namespace transport {

class HeldPosts {
 public:
  static constexpr std::size_t count_max = 64;
  static constexpr std::size_t bytes_max = std::size_t{4} << 20;

  struct Held {
    ExchangeId exchange = 0;  // 0: nobody waits for its answer.
    proto::HttpRequest request;
    static constexpr std::size_t fields = 2;
  };

  // False if there is no room.
  bool keep(ExchangeId exchange, proto::HttpRequest request) {
    const std::size_t bytes = request.body.size();
    if (all_.size() >= count_max || (!all_.empty() && bytes_ + bytes > bytes_max)) return false;
    bytes_ += bytes;
    all_.push_back({exchange, std::move(request)});
    return true;
  }
  void gone(ExchangeId exchange) {
    for (Held& one : all_) {
      if (one.exchange == exchange) one.exchange = 0;
    }
  }
  std::deque<Held> take() {
    bytes_ = 0;
    return std::exchange(all_, {});
  }
  bool any_connected() const {
    return std::ranges::any_of(all_, [](const Held& one) { return one.exchange != 0; });
  }

  static constexpr std::size_t fields = 2;
  friend struct base::Fields;

 private:
  std::deque<Held> all_;
  std::size_t bytes_ = 0;
};

}  // namespace transport
