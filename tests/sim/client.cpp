#include "sim/client.h"

#include <array>

#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

constexpr std::array<std::string_view, 4> revisions{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};

}  // namespace

core::ServerSpec Client::spec_at(const broker::StartInstance& start) const {
  const std::set<std::vector<std::string>>& had = world.families[family].args_before;
  core::ServerSpec then = spec;
  if (had.contains(start.args)) then.args = start.args;
  return then;
}

Client::Client(World& in, int its_number, std::size_t its_family)
    : world(in), number(its_number), family(its_family) {
  Random& random = world.random;
  page_.reset(static_cast<std::byte*>(std::calloc(page_bytes, 1)));
  spec = invented_spec(random, world.families[family]);
  key = share_key(spec);
  revision = random.pick(revisions);
  can_roots = random.permille(400);
  move_on();
  can_sampling = random.permille(300);
  can_form = random.permille(400);
  can_url = can_form && random.permille(300);
  can_vendor = random.permille(200);
  capabilities = declared("\"roots\":{}");
  pipelines_ = random.permille(300);
  probes_ = random.permille(200);
  odd_ids_ = random.permille(300);
  const std::size_t era = random.below(10);
  speaks = era < 4 ? Speaks::legacy : era < 7 ? Speaks::modern : Speaks::both;
  if (world.options.subject == Options::Subject::tasks) {
    revision = revisions[3];
    if (random.permille(800)) speaks = Speaks::legacy;
  }
  if (world.options.subject == Options::Subject::rounds) {
    speaks = Speaks::modern;
    can_form = can_url = can_sampling = can_vendor = true;
    can_roots = false;
    capabilities = declared("\"roots\":{}");
  }
  as_modern_ = speaks != Speaks::legacy;
  many_streams = speaks == Speaks::modern && world.more.permille(world.options.many_streams);
  constexpr std::array<std::string_view, 3> principals{"", "ada", "bob"};
  if (world.options.principals) principal = world.more.pick(principals);
  presses = world.options.press != Options::Press::none && number < 2;
  if (!many_streams || world.options.desk < 2) return;
  people = world.latest.between(2, world.options.desk);
  places_.resize(people);
  odd_ids_ = false;  // A desk gives ids of its own.
}

void Client::start() {
  if (speaks != Speaks::legacy) {
    const bool asks = world.random.permille(800);
    if (asks) discover();
    if (asks && !pipelines_) return;  // The answer makes it go on.
    if (speaks == Speaks::modern) return begin_acting();
  }
  if (probes_ && speaks == Speaks::legacy) {
    Call& probe = compose("server/discover",
                          "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}", false);
    probe.error_is_fine = true;
    write_requests({&probe}, probe.text);
    if (!pipelines_) return;  // The answer makes it go on.
  }
  greet();
}

void Client::move_on() {
  Random& random = world.random;
  const std::string whose = random.permille(400) ? "shared" : "c" + std::to_string(number);
  roots_uri = "file:///" + whose + "/" + std::to_string(random.below(3));
  if (people > 1) places_[person_] = world.latest.below(3);
}

std::string Client::place_of(std::size_t person) const {
  if (people == 1) return roots_uri;
  return "file:///c" + std::to_string(number) + "p" + std::to_string(person) + "/" +
         std::to_string(places_[person]);
}

void Client::know_roots(std::string_view answer) {
  if (people > 1) return;  // They are one person's.
  const std::size_t at = answer.find("file:///");
  const std::string given(at == std::string_view::npos ? "" : answer.substr(at, answer.find('"', at) - at));
  roots_vague = roots_vague || (!roots_given.empty() && roots_given != given);
  roots_given = given;
}

std::string Client::declared(std::string_view roots) const {
  std::string all;
  const auto add = [&](std::string_view text) { all.append(all.empty() ? "" : ",").append(text); };
  if (can_roots) add(roots);
  if (can_sampling) add("\"sampling\":{}");
  if (can_url) add("\"elicitation\":{\"form\":{},\"url\":{}}");
  if (can_form && !can_url) add("\"elicitation\":{}");
  if (can_vendor) add("\"experimental\":{\"acme/ask\":{}}");
  return "{" + all + "}";
}

void Client::greet() {
  if (greeted_) return;
  greeted_ = true;
  as_modern_ = false;
  Call& call =
      compose("initialize",
              "\"protocolVersion\":\"" + revision +
                  "\",\"capabilities\":" + declared("\"roots\":{\"listChanged\":true}") +
                  ",\"clientInfo\":{\"name\":\"client" + std::to_string(number) + "\",\"version\":\"1\"}",
              false);
  write_requests({&call}, call.text);
  if (pipelines_) {
    write({.kind = Record::Kind::initialized, .text = notice_line("notifications/initialized", "")});
    talking_ = true;
    for (std::size_t i = world.random.below(4); i > 0; --i) one_request();
    begin_acting();
  }
}

void Client::write(Record record) {
  if (gone) return;
  Random& random = world.random;
  if (random.permille(10)) to_daemon += random.permille(500) ? "\n" : "\r\n";
  to_daemon += record.text;
  to_daemon += random.permille(20) ? "\r\n" : "\n";
  records.push_back(std::move(record));
  world.hands.client_wrote(*this);
}

void Client::write_requests(std::vector<Call*> written, std::string text) {
  for (const Call* call : written) unanswered_.insert(call->id);
  write({.kind = Record::Kind::requests, .calls = std::move(written), .text = std::move(text)});
}

Call& Client::compose(std::string_view method, std::string_view members, bool marked) {
  Random& random = world.random;
  Call& call = world.truth.call(number, method);
  call.id = fresh_id();
  call.marked = marked;
  if (marked && random.permille(500)) call.token = some_token();
  dress(call);
  call.members = members;
  if (marked) call.members += (call.members.empty() ? "" : ",") + marker_of(call) + padding();
  write_request(call, call.members, random.below(4));
  calls.push_back(&call);
  return call;
}

Call& Client::request(std::string_view method, std::string_view members, bool marked) {
  Call& call = compose(method, members, marked);
  write_requests({&call}, call.text);
  return call;
}

std::string Client::fresh_id() {
  constexpr std::string_view long_id =
      "\"a string of more than sixty bytes, which is what a slot of the journal takes at most\"";
  constexpr std::array<std::string_view, 15> odd{"0",
                                                 "\"\"",
                                                 "1",
                                                 "\"1\"",
                                                 "-1",
                                                 "9007199254740993",
                                                 "18446744073709551616",
                                                 "1.0",
                                                 "\"0\"",
                                                 "\"a b\"",
                                                 "1e3",
                                                 "\"\\u0031\"",
                                                 "\"\u00e9\"",
                                                 "123456789012345678901234567890",
                                                 long_id};
  Random& random = world.random;
  if (odd_ids_ && random.permille(300)) {
    const std::string id(random.pick(odd));
    if (!unanswered_.contains(id)) return id;
  }
  const std::string id = std::to_string(next_id_++);
  const std::string wanted = odd_ids_ && random.permille(200) ? "\"" + id + "\"" : id;
  return unanswered_.contains(wanted) ? fresh_id() : wanted;
}

std::string Client::some_token() {
  constexpr std::array<std::string_view, 6> tokens{"1", "\"1\"", "0", "\"t\"", "2", "9007199254740993"};
  return std::string(world.random.pick(tokens));
}

std::string Client::padding() {
  Random& random = world.random;
  if (!random.permille(200)) return "";
  const std::size_t most = random.permille(50) ? world.options.message_max / 3 : 300;
  const std::string long_one(random.below(most), 'x');  // One draw a statement: operands have no order.
  const std::string_view end = random.permille(300) ? "\u20ac\\n" : "";
  return ",\"pad\":\"" + long_one + std::string(end) + "\"";
}

void Client::read_some() {
  if (read_planned_ || !reading || gone || from_daemon.empty()) return;
  read_planned_ = true;
  world.schedule.after(world.random.about(world.options.wire), [this] {
    read_planned_ = false;
    if (!reading || gone) return;
    const std::size_t count = world.random.between(1, std::min(from_daemon.size(), world.options.chunk * 4));
    for (const char c : from_daemon.substr(0, count)) {
      if (c != '\n') {
        line_ += c;
        continue;
      }
      const std::string line = std::exchange(line_, {});
      if (!line.empty()) take_line(line);
    }
    from_daemon.erase(0, count);
    world.hands.client_has_read();
    read_some();
  });
}

void Client::take_line(std::string_view line) {
  if (expected.empty() || expected.front().text != line) {
    world.checker.broken("a client reads whole lines, each as it was sent", std::string(line));
    return;
  }
  const Delivery delivery = std::move(expected.front());
  expected.pop_front();
  for (const Delivery::Part& part : delivery.parts) received(part);
}

void Client::received(const Delivery::Part& part) {
  switch (part.kind) {
    case Delivery::Kind::ask:
    case Delivery::Kind::roots:
    case Delivery::Kind::ping:
      answer(part);
      return;
    case Delivery::Kind::refusal:
    case Delivery::Kind::notice:
      return;
    case Delivery::Kind::answer:
      break;
  }
  // What cannot be read is no call: its id is free.
  if (const auto found = unanswered_.find(part.call->id); found != unanswered_.end() && !part.call->broken)
    unanswered_.erase(found);
  if (part.call->input_required) return plan_coming_back(*part.call);
  if (part.call->method == "server/discover" && speaks != Speaks::modern) greet();
  if (part.call->method == "server/discover" && speaks != Speaks::legacy) begin_acting();
  if (part.call->method != "initialize" || part.call->era == Era::modern) return;
  if (part.error) {  // As real clients do: a server that cannot be initialised is given up.
    world.schedule.after(world.random.about(world.options.think), [this] { leave(); });
    return;
  }
  initialize_ok = true;
  if (talking_) return;
  talking_ = true;
  write({.kind = Record::Kind::initialized, .text = notice_line("notifications/initialized", "")});
  begin_acting();
}

void Client::answer(const Delivery::Part& part) {
  Random& random = world.random;
  if (part.kind != Delivery::Kind::ping && random.permille(world.options.ask_ignored)) return;
  const base::Duration wait = random.permille(world.options.ask_late)
                                  ? std::chrono::seconds(random.between(1, 900))
                                  : random.about(world.options.think);
  world.schedule.after(wait, [this, part] {
    if (part.ask != nullptr && !part.ask->token.empty()) tell_progress(part.ask->token);
    write({.kind = Record::Kind::answer, .id = part.id, .ask = part.ask, .text = answer_text(part)});
  });
}

void Client::tell_progress(const std::string& token) {
  const std::string by = "\"by\":\"c" + std::to_string(number) + "\"";
  write({.kind = Record::Kind::notice,
         .text =
             notice_line("notifications/progress", "\"progressToken\":" + token + ",\"progress\":1," + by)});
}

std::string Client::answer_text(const Delivery::Part& part) {
  const std::string by = "\"by\":\"c" + std::to_string(number) + "\"";
  if (part.kind == Delivery::Kind::ping) return result_line(part.id, "{}");
  if (part.kind == Delivery::Kind::roots) {
    return result_line(part.id, "{\"roots\":[{\"uri\":\"" + roots_uri + "\",\"name\":\"r\"}]}");
  }
  const std::string mine = by + "," + marker_of(*part.ask);
  if (world.random.permille(world.options.ask_error)) return error_line(part.id, -1, mine);
  return result_line(part.id, "{\"action\":\"accept\",\"content\":{\"deep\":[{\"x\":null}]}," + mine + "}");
}

void Client::leave() {
  if (gone) return;
  gone = true;
  world.hands.client_left(*this);
}

void Client::turn_kind() {
  reading = true;
  read_some();
}

Call& Client::probe() {
  as_modern_ = speaks == Speaks::modern || !initialize_ok;
  return tool_call();
}

}  // namespace sim
