#include "app/api/control.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

#include "app/api/api.h"
#include "app/config/shown.h"
#include "proto/json.h"

namespace app {
namespace {

using proto::HttpAnswer;
using proto::HttpRequest;
using proto::json::Writer;
using transport::ExchangeId;

std::string server_json(const broker::InstanceReport& report) {
  Writer json;
  json.object();
  json.key("ok").boolean(true);
  json.key("name").string(report.name);
  json.key("instance").number(static_cast<std::int64_t>(report.number));
  json.key("state").string(report.state);
  json.key("pid").number(report.pid);
  json.end();
  return json.text();
}

std::string listed(const std::set<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

}  // namespace

std::span<const Control::Route> Control::routes() {
  static constexpr auto all = std::to_array<Route>({
      {"/ping", "GET", &Control::ping},
      {"/status", "GET", &Control::status},
      {"/why", "GET", &Control::why},
      {"/openapi.json", "GET", &Control::openapi},
      {"/start", "POST", &Control::start},
      {"/ensure", "POST", &Control::ensure_running},
      {"/start-all", "POST", &Control::start_all},
      {"/stop", "POST", &Control::stop},
      {"/stop-all", "POST", &Control::stop_all},
      {"/restart", "POST", &Control::restart},
      {"/shutdown", "POST", &Control::shutdown},
      {"/upgrade", "POST", &Control::upgrade},
  });
  return all;
}

void Control::request(ExchangeId exchange, const HttpRequest& request) {
  const auto route = std::ranges::find(routes(), request.path, &Route::path);
  if (route == routes().end()) {
    refuse(exchange, 404, "there is no " + request.path + "; /openapi.json says what there is");
  } else if (route->method != request.method) {
    HttpAnswer answer = proto::problem(
        405, request.path + " takes " + std::string(route->method) + ", not " + request.method);
    answer.fields.add("allow", route->method);
    hands_.answer(exchange, answer);
  } else {
    (this->*route->handle)(exchange, request);
  }
}

void Control::ping(ExchangeId exchange, const HttpRequest& /*request*/) {
  ok(exchange);
}

void Control::status(ExchangeId exchange, const HttpRequest& /*request*/) {
  next_status_.insert(exchange);
  collect_status();
}

// A status that is being collected may be of before a request that comes meanwhile.
void Control::collect_status() {
  if (collecting_ || next_status_.empty()) return;
  collecting_ = true;
  this_status_ = std::exchange(next_status_, {});
  hands_.status([this](const std::string& json) {
    collecting_ = false;
    for (const ExchangeId exchange : std::exchange(this_status_, {})) say(exchange, 200, json);
    collect_status();
  });
}

void Control::leave() {
  for (std::set<ExchangeId>* waiting : {&this_status_, &next_status_}) {
    for (const ExchangeId exchange : std::exchange(*waiting, {}))
      refuse(exchange, 503, "the daemon is ending");
  }
}

void Control::why(ExchangeId exchange, const HttpRequest& request) {
  std::string name;
  const bool one = proto::query_value(request.query, "name", name);
  if (one && !known(exchange, name)) return;
  say(exchange, 200, why_json(hands_.broker, one ? std::optional(name) : std::nullopt));
}

void Control::openapi(ExchangeId exchange, const HttpRequest& /*request*/) {
  say(exchange, 200, std::string(openapi_text()));
}

void Control::start(ExchangeId exchange, const HttpRequest& request) {
  const auto wish = wish_of(exchange, request);
  if (!wish) return;
  const auto spec = started(exchange, *wish);
  if (!spec) return;
  const auto report = hands_.broker.shareable(*spec);
  say(exchange, 200, report ? server_json(*report) : R"({"ok":true})");
}

void Control::ensure_running(ExchangeId exchange, const HttpRequest& request) {
  const auto wish = wish_of(exchange, request);
  if (!wish) return;
  if (const auto spec = started(exchange, *wish)) waiting_.emplace(exchange, *spec);
}

void Control::settle() {
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const ExchangeId exchange = at->first;
    const auto report = hands_.broker.shareable(at->second);
    const bool ready = report && (report->state == "ready" || report->state == "idle");
    const bool failed = !report || report->state == "failed" || report->state == "stopped";
    if (!ready && !failed) {
      ++at;
      continue;
    }
    at = waiting_.erase(at);
    if (ready) {
      say(exchange, 200, server_json(*report));
    } else {
      refuse(exchange, 503,
             report && !report->trouble.empty() ? "server " + report->name + ": " + report->trouble
                                                : "the server was stopped");
    }
  }
  settle_ending();
}

void Control::answer_when_ended(ExchangeId exchange) {
  std::set<std::uint64_t>& numbers = ending_[exchange];
  for (const broker::InstanceReport& report : hands_.broker.instances()) {
    if (report.state == "stopping") numbers.insert(report.number);
  }
}

void Control::settle_ending() {
  if (ending_.empty()) return;
  std::set<std::uint64_t> stopping;
  for (const broker::InstanceReport& report : hands_.broker.instances()) {
    if (report.state == "stopping") stopping.insert(report.number);
  }
  for (auto at = ending_.begin(); at != ending_.end();) {
    std::erase_if(at->second, [&](std::uint64_t number) { return !stopping.contains(number); });
    const ExchangeId exchange = at->first;
    const bool ended = at->second.empty();
    at = ended ? ending_.erase(at) : std::next(at);
    if (ended) ok(exchange);
  }
}

void Control::start_all(ExchangeId exchange, const HttpRequest& /*request*/) {
  const Config config = hands_.config();
  Writer json;
  json.object();
  json.key("ok").boolean(true);
  json.key("servers").array();
  for (const auto& [name, entry] : config.entries) {
    if (entry.disabled) continue;
    const auto spec = hands_.resolve(name, {});
    if (spec) hands_.feed(broker::StartWanted{*spec});
    json.object();
    json.key("name").string(name);
    json.key("ok").boolean(spec.has_value());
    if (!spec) json.key("error").string(spec.error().what);
    json.end();
  }
  json.end();
  json.end();
  say(exchange, 200, json.text());
}

void Control::stop(ExchangeId exchange, const HttpRequest& request) {
  const auto wish = wish_of(exchange, request);
  if (!wish || !known(exchange, wish->name)) return;
  hands_.feed(broker::StopWanted{wish->name, wish->project});
  answer_when_ended(exchange);
}

void Control::stop_all(ExchangeId exchange, const HttpRequest& /*request*/) {
  for (const broker::InstanceReport& report : hands_.broker.instances())
    hands_.feed(broker::StopWanted{report.name});
  answer_when_ended(exchange);
}

void Control::restart(ExchangeId exchange, const HttpRequest& request) {
  const auto wish = wish_of(exchange, request);
  if (!wish || !known(exchange, wish->name)) return;
  hands_.feed(broker::RestartWanted{wish->name, wish->project});
  answer_when_ended(exchange);
}

void Control::shutdown(ExchangeId exchange, const HttpRequest& /*request*/) {
  ok(exchange);
  hands_.shut_down();
}

void Control::upgrade(ExchangeId exchange, const HttpRequest& request) {
  std::string program;
  if (!request.body.empty()) {
    const proto::json::Document document = proto::json::parse(request.body);
    const proto::json::Value* value = document.root ? document.root->find("program") : nullptr;
    if (!document.mistakes.empty() || value == nullptr || value->type != proto::json::Type::string)
      return refuse(exchange, 400, R"(the body must be empty, or like {"program": "/usr/bin/hearthd"})");
    program = value->text;
  }
  hands_.upgrade(program, [this, exchange](const std::optional<base::Error>& why) {
    if (why) return refuse(exchange, 409, "the daemon was not replaced: " + why->what);
    ok(exchange);
  });
}

std::string Control::unsettled() const {
  if (!this_status_.empty() || !next_status_.empty()) return "somebody waits for the status";
  if (!ending_.empty()) return "servers are being stopped";
  if (waiting_.empty()) return {};
  return "the server " + waiting_.begin()->second.name + " is being waited for";
}

std::optional<Control::Wish> Control::wish_of(ExchangeId exchange, const HttpRequest& request) {
  const proto::json::Document document = proto::json::parse(request.body);
  const auto bad = [&](std::string_view why) {
    refuse(exchange, 400, why);
    return std::nullopt;
  };
  if (!document.root || !document.mistakes.empty())
    return bad("the body is not JSON" +
               (document.mistakes.empty() ? std::string() : ": " + document.mistakes.front().what) +
               R"(; send {"name": "files"})");
  if (document.root->type != proto::json::Type::object)
    return bad(R"(the body must be an object, like {"name": "files"})");
  Wish wish;
  for (const auto& [key, into] : {std::pair{"name", &wish.name}, std::pair{"project", &wish.project}}) {
    const proto::json::Value* value = document.root->find(key);
    if (value == nullptr) continue;
    if (value->type != proto::json::Type::string)
      return bad('"' + std::string(key) + "\" must be a string, not " + std::string(name_of(value->type)));
    *into = value->text;
  }
  if (wish.name.empty())
    return bad(R"(the request needs "name", the name of a server, like {"name": "files"})");
  if (!wish.project.empty() && !wish.project.starts_with('/'))
    return bad("\"project\" must be the absolute path of a directory");
  return wish;
}

std::optional<core::ServerSpec> Control::started(ExchangeId exchange, const Wish& wish) {
  auto spec = hands_.resolve(wish.name, wish.project);
  if (!spec) {
    const bool missing = !hands_.config().entries.contains(wish.name);
    refuse(exchange, missing ? 404 : 422, spec.error().what);
    return std::nullopt;
  }
  hands_.feed(broker::StartWanted{*spec});
  return std::move(*spec);
}

bool Control::known(ExchangeId exchange, const std::string& name) {
  std::set<std::string> names;
  for (const broker::InstanceReport& report : hands_.broker.instances()) names.insert(report.name);
  for (const broker::SessionReport& report : hands_.broker.sessions()) names.insert(report.server);
  if (names.contains(name)) return true;
  refuse(exchange, 404,
         "no server named " + shown(name) + " is known to the daemon; " +
             (names.empty() ? "it knows none now" : "there are: " + listed(names)));
  return false;
}

void Control::ok(ExchangeId exchange) {
  say(exchange, 200, R"({"ok":true})");
}

void Control::say(ExchangeId exchange, int status, std::string json) {
  hands_.answer(exchange, proto::json_answer(status, std::move(json)));
}

void Control::refuse(ExchangeId exchange, int status, std::string_view why) {
  hands_.answer(exchange, proto::problem(status, why));
}

}  // namespace app
