// What an invented client of 2026-07-28 does: requests that each say who asks, listens, and coming back with
// the answers to what a server wanted to know first.
#include <array>

#include "sim/client.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {}  // namespace

// One that speaks both is a legacy client when it has been greeted, and sometimes.
void Client::choose_era() {
  if (speaks == Speaks::both) as_modern_ = !talking_ || world.random.permille(500);
}

void Client::begin_acting() {
  if (acting_) return;
  acting_ = true;
  plan_act();
}

// Says in the request who asks, if that is the way.
void Client::dress(Call& call) {
  if (!as_modern_) return;
  Random& random = world.random;
  call.era = Era::modern;
  call.person = person_;
  call.meta = claim_of(*this) + ",\"try\":\"k" + std::to_string(call.number) + "\"";
  if (!random.permille(200)) return;
  call.log_level = random.below(levels.size());
  call.meta += ",\"io.modelcontextprotocol/logLevel\":\"" + std::string(levels[*call.log_level]) + "\"";
}

void Client::discover() {
  Call& call = compose("server/discover", "", false);
  write_requests({&call}, call.text);
}

void Client::modern_act() {
  const std::size_t what = world.random.below(100);
  if (what < 65) return one_request();
  if (what < 75) return listen();
  if (what < 82) return listen_no_more();
  if (what < 88) return discover();
  if (what < 94) return something_gone();
  notify();
}

void Client::something_gone() {
  constexpr std::array<std::string_view, 6> methods{"ping",       "logging/setLevel",    "initialize",
                                                    "tasks/list", "resources/subscribe", "tasks/result"};
  Call& call = compose(world.random.pick(methods), "", false);
  call.gone = true;
  write_requests({&call}, call.text);
}

void Client::listen() {
  if (listens.size() >= 3) return;
  Random& random = world.random;
  std::set<std::string> names;
  for (const ListKind& kind : list_kinds) {
    if (random.permille(500)) names.emplace(kind.method);
  }
  for (const std::string_view uri : addresses) {
    if (random.permille(250)) names.emplace(uri);
  }
  Call& call = compose("subscriptions/listen", "\"notifications\":" + filter_text(names), false);
  write_requests({&call}, call.text);
}

void Client::listen_no_more() {
  if (listens.empty()) return;
  auto chosen = listens.begin();
  std::advance(chosen, world.random.below(listens.size()));
  write({.kind = Record::Kind::cancel,
         .id = chosen->first,
         .text = notice_line("notifications/cancelled", "\"requestId\":" + chosen->first)});
}

void Client::plan_coming_back(Call& before) {
  Random& random = world.random;
  const Options& options = world.options;
  if (random.permille(options.ask_ignored)) return;
  if (first_of(before).presses && !world.latest.permille(100)) return;
  const bool late = random.permille(options.ask_late);
  const base::Duration wait =
      late ? std::chrono::seconds(random.between(1, 900)) : random.about(options.think);
  world.schedule.after(wait, [this, &before] { come_back(before, false); });
  if (!random.permille(options.come_twice)) return;
  world.schedule.after(wait + random.about(options.think), [this, &before] { come_back(before, true); });
}

void Client::come_back(Call& before, bool again) {
  if (gone || unanswered_.size() > 200) return;
  Random& random = world.random;
  Call& call = world.truth.call(number, before.method);
  call.id = fresh_id();
  call.marked = true;
  call.first = &first_of(before);
  person_ = before.person;
  call.error_is_fine = again || first_of(before).error_is_fine;
  if (random.permille(500)) call.token = some_token();
  as_modern_ = true;
  dress(call);
  call.members = first_of(before).members;
  tell_what_is_wanted(call, before);
  write_request(call, call.members, random.below(4));
  calls.push_back(&call);
  write_requests({&call}, call.text);
}

void Client::tell_what_is_wanted(Call& call, const Call& before) {
  Random& random = world.random;
  call.asked_at = before.asked_at;
  std::string state = before.state;
  if (random.permille(world.options.tamper) &&
      !state.empty()) {  // Without a ticket there is nothing to forge.
    call.tampered = call.error_is_fine = true;
    if (random.permille(500)) {
      call.members += ",\"tampered\":1";
    } else {
      state.insert(state.size() - 1, "0");
    }
  }
  std::string responses;
  for (const Wanted& wanted : before.wanted) {
    if (random.permille(world.options.bring_less)) continue;
    const std::string answer = answer_to(wanted);
    responses += (responses.empty() ? "\"" : ",\"") + wanted.key + "\":" + answer;
    call.responses.emplace_back(wanted.ask, answer);
  }
  if (!responses.empty() || random.permille(300)) call.members += ",\"inputResponses\":{" + responses + "}";
  if (!state.empty()) call.members += ",\"requestState\":" + state;
}

std::string Client::answer_to(const Wanted& wanted) {
  const std::string me = "c" + std::to_string(number);
  if (wanted.ask == nullptr) return "{\"roots\":[{\"uri\":\"" + place_of(person_) + "\",\"name\":\"r\"}]}";
  const std::string_view action = world.random.permille(world.options.ask_error) ? "decline" : "accept";
  return "{\"action\":\"" + std::string(action) + "\",\"content\":{\"deep\":[{\"x\":null}]},\"by\":\"" + me +
         "\"," + marker_of(*wanted.ask) + "}";
}

}  // namespace sim
