// Clients that want more than they may have: calls that are cancelled at once or wait for answers, listens,
// subscriptions, and news while they do not read. And the clients of one desk.
#include <set>
#include <utility>
#include <vector>

#include "sim/client.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

constexpr std::size_t beyond = 20;  // A limit.

}  // namespace

void Client::flood() {
  const bool odd = std::exchange(odd_ids_, false);
  for (std::size_t i = 0; i < world.options.most(core::Kept::cancelled) + beyond; ++i) {
    const std::string id = tool_call().id;
    if (world.more.permille(20)) continue;
    write({.kind = Record::Kind::cancel,
           .id = id,
           .text = notice_line("notifications/cancelled", "\"requestId\":" + id)});
    if (const auto found = unanswered_.find(id); found != unanswered_.end()) unanswered_.erase(found);
  }
  odd_ids_ = odd;
}

void Client::press() {
  if (std::exchange(pressed_, true)) return;  // Once is enough.
  switch (world.options.press) {
    case Options::Press::listens:
      if (as_modern_) return press_listens();
      break;
    case Options::Press::subscriptions:
      return press_subscriptions();
    case Options::Press::parks:
      if (as_modern_ && can_form) return press_parks();
      break;
    case Options::Press::updates:
      if (uris.empty() && listens.empty()) break;
      reading = false;
      world.schedule.after(world.options.hum * 8, [this] { turn_kind(); });
      return;
    case Options::Press::none:
      break;
  }
  pressed_ = false;
}

void Client::press_listens() {
  const bool odd = std::exchange(odd_ids_, false);
  for (std::size_t i = 0; i < world.options.most(core::Kept::listen) + beyond; ++i) {
    const std::string method(list_kinds[i % 3].method);
    Call& call = compose("subscriptions/listen", "\"notifications\":" + filter_text({method}), false);
    write_requests({&call}, call.text);
  }
  odd_ids_ = odd;
  world.schedule.after(world.latest.about(world.options.think * 50), [this] { let_go(); });
}

// Some of its listens, so that it may have others again.
void Client::let_go() {
  std::vector<std::string> ids;
  for (const auto& [id, listen] : listens) {
    if (world.latest.permille(700)) ids.push_back(id);
  }
  for (const std::string& id : ids)
    write({.kind = Record::Kind::cancel,
           .id = id,
           .text = notice_line("notifications/cancelled", "\"requestId\":" + id)});
}

// A modern client wants many with each listen, a legacy one many one by one.
void Client::press_subscriptions() {
  const bool odd = std::exchange(odd_ids_, false);
  const std::size_t most = world.options.most(core::Kept::subscription);
  const auto address = [&](std::size_t i) {
    return "file:///many/" + std::to_string(number) + "/" + std::to_string(i);
  };
  if (as_modern_) {
    const std::size_t each = most / 5 + 1;
    for (std::size_t i = 0; i < most + 2 * each; i += each) {
      std::set<std::string> names;
      for (std::size_t one = 0; one < each; ++one) names.insert(address(i + one));
      Call& call = compose("subscriptions/listen", "\"notifications\":" + filter_text(names), false);
      write_requests({&call}, call.text);
    }
    world.schedule.after(world.latest.about(world.options.think * 50), [this] { let_go(); });
  } else if (initialize_ok) {
    for (std::size_t i = 0; i < most + beyond; ++i) {
      Call& call = compose("resources/subscribe", "\"uri\":\"" + address(i) + "\"", false);
      call.uri = address(i);
      call.error_is_fine = true;
      write_requests({&call}, call.text);
    }
  } else {
    pressed_ = false;
  }
  odd_ids_ = odd;
}

// Calls that a legacy server asks because of, and that are not come back to.
void Client::press_parks() {
  const bool odd = std::exchange(odd_ids_, false);
  for (std::size_t i = 0; i < world.options.most(core::Kept::parked) + beyond; ++i) {
    Call& call = compose("tools/call", "\"name\":\"t\"", true);
    call.presses = true;
    write_requests({&call}, call.text);
  }
  odd_ids_ = odd;
}

// One of a desk's clients is gone for good, with all that it waits for.
void Client::hang_up() {
  std::vector<std::string> ids;
  for (const Call* call : calls) {
    const bool clear = call->marked || !call->equal.empty() || call->method == "subscriptions/listen";
    if (clear && call->person == person_ && !call->delivered && !call->cancelled) ids.push_back(call->id);
  }
  for (const std::string& id : ids) {
    write({.kind = Record::Kind::cancel,
           .id = id,
           .text = notice_line("notifications/cancelled", "\"requestId\":" + id)});
    if (const auto found = unanswered_.find(id); found != unanswered_.end()) unanswered_.erase(found);
  }
}

}  // namespace sim
