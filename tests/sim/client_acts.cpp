// What an invented client does of its own accord.
#include <array>

#include "sim/client.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

std::string named(std::string_view key, std::string_view text) {
  return "\"" + std::string(key) + "\":\"" + std::string(text) + "\"";
}

}  // namespace

void Client::plan_act() {
  world.schedule.after(world.random.about(world.options.think), [this] {
    if (gone || world.kind) return;
    choose_era();
    misbehave();
    choose_era();
    act();
    plan_act();
  });
}

void Client::act() {
  Random& random = world.random;
  const Options& options = world.options;
  if (gone || unanswered_.size() > 200) return;
  if (people > 1) person_ = world.latest.below(people);
  if (people > 1 && world.latest.permille(options.hangs_up)) return hang_up();
  if (presses && world.latest.permille(options.presses)) return press();
  if (options.floods > 0 && world.more.permille(options.floods)) return flood();
  if (options.equal > 0 && world.more.permille(options.equal)) return equal_request();
  if (random.permille(options.cancel)) return cancel_something();
  if (random.permille(options.lethal)) return lethal_call();
  const bool calls_only = options.subject != Options::Subject::any && random.permille(700);
  if (calls_only) {
    tool_call();
    return;
  }
  if (as_modern_) return modern_act();
  if (revision == "2025-03-26" && random.permille(options.batch)) return batch();
  const std::size_t what = random.below(100);
  if (what < 65) return one_request();
  if (what < 80) return one_setting();
  if (what < 90) return one_task_request();
  notify();
}

void Client::misbehave() {
  Random& random = world.random;
  const Options& options = world.options;
  if (random.permille(options.duplicate_id) && people == 1) repeat_id();
  if (random.permille(options.malformed)) write_malformed();
  if (random.permille(options.overlong)) write_overlong();
  if (random.permille(options.forged_answer)) forge_answer();
  if (random.permille(options.stop_reading)) stop_reading();
  if (random.permille(options.vanish)) leave();
}

Call& Client::tool_call() {
  Call& call = compose("tools/call", named("name", "t"), true);
  write_requests({&call}, call.text);
  return call;
}

// The same tool with the same arguments, whoever calls it: only _meta tells these calls apart.
void Client::lethal_call() {
  Call& call = world.truth.call(number, "tools/call");
  call.id = fresh_id();
  call.lethal = true;
  dress(call);
  if (call.meta.empty()) call.meta = "\"try\":\"k" + std::to_string(call.number) + "\"";
  call.members = named("name", "boom") + ",\"arguments\":{}";
  write_request(call, call.members, 0);
  calls.push_back(&call);
  write_requests({&call}, call.text);
}

void Client::one_request() {
  switch (world.random.below(12)) {
    case 0:
      request("tools/list", "", true);
      return;
    case 1:
      request("prompts/list", world.random.permille(500) ? named("cursor", "") : "", true);
      return;
    case 2:
      request("resources/list", "", true);
      return;
    case 3:
      request("prompts/get", named("name", "p"), true);
      return;
    case 4:
      request("resources/read", named("uri", world.random.pick(addresses)), true);
      return;
    case 5:
      request("completion/complete", named("argument", "x"), true);
      return;
    case 6:
      request("acme/do", "\"taskId\":17,\"level\":{},\"uri\":[]", true);
      return;
    case 7:
      if (as_modern_) return discover();
      request("ping", "", false);
      return;
    default:
      tool_call();
      return;
  }
}

void Client::one_setting() {
  Random& random = world.random;
  const std::string uri(random.pick(addresses));
  switch (random.below(3)) {
    case 0: {
      const std::size_t wanted = random.below(levels.size());
      Call& call = compose("logging/setLevel", named("level", levels[wanted]), false);
      call.level = std::to_string(wanted);
      write_requests({&call}, call.text);
      return;
    }
    default: {
      for (const Call* call : calls) {
        if (call->uri == uri && !call->delivered) return;  // One wish at a time about one thing.
      }
      const bool wants = random.permille(600);
      Call& call = compose(wants ? "resources/subscribe" : "resources/unsubscribe", named("uri", uri), false);
      call.uri = uri;
      const Options& how = world.options;
      call.error_is_fine = !wants || how.error + how.grants_less + how.ends_listen > 0;
      write_requests({&call}, call.text);
      return;
    }
  }
}

void Client::one_task_request() {
  Random& random = world.random;
  if (!world.families[family].tasks || revision != "2025-11-25") return one_request();
  std::vector<const Call*> candidates;
  const bool foreign = random.permille(world.options.foreign_task);
  for (const Call& call : world.truth.calls) {
    if (!call.task_id.empty() && call.delivered && (call.client != number) == foreign)
      candidates.push_back(&call);
  }
  if (candidates.empty() || random.permille(300)) {
    Call& call = compose("tools/call", named("name", "t") + ",\"task\":{\"ttl\":60000}", true);
    call.wants_task = true;
    write_requests({&call}, call.text);
    return;
  }
  constexpr std::array<std::string_view, 4> methods{"tasks/get", "tasks/result", "tasks/cancel",
                                                    "tasks/list"};
  const std::string_view method = random.pick(methods);
  const std::string task = random.pick(candidates)->task_id;
  Call& call = compose(method, method == "tasks/list" ? std::string() : named("taskId", task), true);
  call.task = method == "tasks/list" ? std::string() : task;
  call.error_is_fine = true;
  write_requests({&call}, call.text);
}

void Client::notify() {
  Random& random = world.random;
  if (can_roots && random.permille(300)) {
    move_on();
    write({.kind = Record::Kind::roots_changed, .text = notice_line("notifications/roots/list_changed", "")});
    return;
  }
  write({.kind = Record::Kind::notice,
         .text = notice_line("notifications/acme/" + std::to_string(random.below(3)), "")});
}

void Client::cancel_something() {
  Random& random = world.random;
  std::vector<std::string> ids;
  for (const Call* call : calls) {
    const bool fit = call->marked || !call->equal.empty() || call->method == "initialize";
    if (fit && !call->delivered && !call->wants_task && !call->cancelled) ids.push_back(call->id);
  }
  std::string id = ids.empty() || random.permille(world.options.stray_cancel)
                       ? std::to_string(random.below(50))
                       : random.pick(ids);
  // An id that stands for something whose cancellation means nothing clear is left alone.
  for (const Call* call : calls) {
    const bool clear = call->marked || !call->equal.empty() || call->method == "initialize";
    if (call->id == id && !call->delivered && !clear) id = "\"nothing\"";
  }
  std::string members = "\"requestId\":" + id + ",\"reason\":\"why not\"";
  if (as_modern_ && random.permille(500)) members += ",\"_meta\":{" + claim_of(*this) + "}";
  write({.kind = Record::Kind::cancel, .id = id, .text = notice_line("notifications/cancelled", members)});
}

void Client::batch() {
  wrote_batch = true;
  std::vector<Call*> written;
  std::string text = "[";
  for (std::size_t i = world.random.between(1, 4); i > 0; --i) {
    Call& call = world.random.permille(200) ? compose("ping", "", false)
                                            : compose("tools/call", named("name", "t"), true);
    unanswered_.insert(call.id);
    text += (text.size() > 1 ? " , " : "") + call.text;
    written.push_back(&call);
  }
  write({.kind = Record::Kind::requests, .calls = std::move(written), .text = text + "]"});
}

void Client::write_malformed() {
  Random& random = world.random;
  constexpr std::array<std::string_view, 8> texts{"}{",
                                                  "hello",
                                                  "null",
                                                  "17",
                                                  "{\"jsonrpc\":\"2.0\"}",
                                                  "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
                                                  "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"ping\"}",
                                                  "{\"id\":1,\"id\":2,\"method\":\"ping\"}"};
  if (random.permille(500)) {
    write({.kind = Record::Kind::garbage, .text = std::string(random.pick(texts))});
    return;
  }
  Call& call = compose("tools/call", random.permille(500) ? "\"x\":\"\xff\"" : "\"x\":01", true);
  call.broken = true;
  write({.kind = Record::Kind::requests, .calls = {&call}, .text = call.text});
}

void Client::write_overlong() {
  const std::string pad(world.options.message_max + world.random.below(1000), 'y');
  Call& call = compose("tools/call", named("pad", pad), true);
  call.broken = true;
  write({.kind = Record::Kind::requests, .calls = {&call}, .overlong = true, .text = call.text});
}

void Client::forge_answer() {
  Random& random = world.random;
  std::string id = random.permille(300) ? "\"x\"" : std::to_string(random.below(20));
  if (random.permille(300))
    return tell_progress(random.permille(500) ? "\"p\"" : std::to_string(random.below(5)));
  if (!world.truth.asks.empty() && random.permille(600)) {
    const Ask& ask = random.pick(world.truth.asks);
    id = random.permille(500) && !ask.down_id.empty() ? ask.down_id : ask.id;
    if (id.empty()) id = "0";
  }
  write({.kind = Record::Kind::answer,
         .id = id,
         .forged = true,
         .text = result_line(
             id, "{\"action\":\"accept\",\"forged\":true,\"by\":\"c" + std::to_string(number) + "\"}")});
}

void Client::repeat_id() {
  if (unanswered_.empty()) return;
  auto taken = unanswered_.begin();
  std::advance(taken, world.random.below(unanswered_.size()));
  const std::string id = *taken;
  Call& call = world.truth.call(number, "tools/call");
  call.id = id;
  call.marked = true;
  dress(call);
  call.members = named("name", "t") + "," + marker_of(call);
  write_request(call, call.members, 0);
  calls.push_back(&call);
  write_requests({&call}, call.text);
}

void Client::stop_reading() {
  if (!reading) return;
  reading = false;
  const base::Duration wait = world.random.about(world.options.think * 20);
  world.schedule.after(wait, [this] { turn_kind(); });
}

}  // namespace sim
