#include "cli/example_server.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/version.h"
#include "proto/json.h"
#include "proto/method.h"
#include "proto/revision.h"

namespace cli {

namespace {

constexpr auto progress_interval = std::chrono::milliseconds(100);
constexpr std::int64_t slow_max_ms = 3'600'000;             // An hour: longer is a slip of the finger.
constexpr std::int64_t blob_max = std::int64_t{256} << 20;  // More than any limit that is worth testing.

constexpr std::string_view tools =
    R"({"tools":[)"
    R"({"name":"echo","description":"Gives the text back","inputSchema":{"type":"object",)"
    R"("properties":{"text":{"type":"string"}},"required":["text"]}},)"
    R"({"name":"add","description":"The sum of two whole numbers","inputSchema":{"type":"object",)"
    R"("properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a","b"]}},)"
    R"({"name":"counter","description":"Counts its calls, those of every session that shares this process",)"
    R"("inputSchema":{"type":"object"}},)"
    R"({"name":"slow","description":"Takes its time and reports progress","inputSchema":{"type":"object",)"
    R"("properties":{"ms":{"type":"integer"}},"required":["ms"]}},)"
    R"({"name":"blob","description":"A text of the given length","inputSchema":{"type":"object",)"
    R"("properties":{"bytes":{"type":"integer"}},"required":["bytes"]}}]})";

constexpr std::string_view resources =
    R"({"resources":[{"uri":"example://counter","name":"counter","mimeType":"text/plain"},)"
    R"({"uri":"example://greeting","name":"greeting","mimeType":"text/plain"}]})";

// The raw value of a member of an object that scan() accepted; empty if there is none. Nothing is built: an
// echo of a megabyte costs a look, not a tree.
std::string_view member_of(std::string_view object, std::string_view key) {
  const auto skip = [&](std::size_t at) {
    while (at < object.size() && std::string_view(" \t\r\n,:").find(object[at]) != std::string_view::npos)
      ++at;
    return at;
  };
  if (!object.starts_with('{')) return {};
  std::size_t at = skip(1);
  while (at < object.size() && object[at] == '"') {
    const std::size_t name_end = proto::end_of_value(object, at);
    const std::string_view name = object.substr(at + 1, name_end - at - 2);
    at = skip(name_end);
    const std::size_t end = proto::end_of_value(object, at);
    if (name == key) return object.substr(at, end - at);
    at = skip(end);
  }
  return {};
}

std::optional<std::int64_t> whole_number(std::string_view raw) {
  std::int64_t number = 0;
  const auto [end, trouble] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
  if (raw.empty() || trouble != std::errc() || end != raw.data() + raw.size()) return std::nullopt;
  return number;
}

std::int64_t milliseconds_between(base::Instant from, base::Instant to) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
}

}  // namespace

void ExampleServer::on_line(std::string_view line, base::Instant now) {
  const auto envelope = proto::scan(line);
  if (!envelope) {
    refuse(proto::salvage_id(line).in(line), proto::Code::parse_error, proto::describe(envelope.error()));
    return;
  }
  if (envelope->kind != proto::Kind::batch) return on_message(line, now);
  // Answers to a batch may come one by one only where batches do not exist; here they are made one array.
  std::string before = std::exchange(output_, {});
  proto::each_in_batch(line, [&](proto::Span span) { on_message(span.in(line), now); });
  if (!output_.empty()) {
    output_.pop_back();
    std::ranges::replace(output_, '\n', ',');
    output_ = "[" + output_ + "]\n";
  }
  output_.insert(0, before);
}

void ExampleServer::on_message(std::string_view message, base::Instant now) {
  const auto envelope = proto::scan(message);
  if (!envelope) return;
  if (envelope->kind == proto::Kind::request) return on_request(message, *envelope, now);
  if (envelope->kind != proto::Kind::notification) return;
  if (proto::method_of(envelope->method.in(message)) != proto::Method::cancelled) return;
  const std::string_view id = envelope->request_id.in(message);
  std::erase_if(slow_, [&](const Slow& slow) { return slow.id == id; });
}

void ExampleServer::on_request(std::string_view message, const proto::Envelope& envelope, base::Instant now) {
  const std::string_view id = envelope.id.in(message);
  const std::string_view method = envelope.method.in(message);
  if (method == "tools/call") return call(message, envelope, now);
  if (method == "ping") return answer(id, "{}");
  if (method == "tools/list") return answer(id, tools);
  if (method == "resources/list") return answer(id, resources);
  if (method == "resources/templates/list") return answer(id, R"({"resourceTemplates":[]})");
  if (method == "resources/read") return read_resource(id, envelope.uri.in(message));
  if (method == "initialize") return initialize(id, envelope.params.in(message));
  refuse(id, proto::Code::method_not_found, "there is no such method");
}

void ExampleServer::initialize(std::string_view id, std::string_view params) {
  const auto asked = proto::revision_of(proto::json::unquoted(member_of(params, "protocolVersion")));
  const proto::Revision revision = asked && proto::legacy(*asked) ? *asked : proto::newest_legacy;
  proto::json::Writer result;
  result.object();
  result.key("protocolVersion").string(proto::name_of(revision));
  result.key("capabilities").raw(R"({"tools":{},"resources":{}})");
  result.key("serverInfo").object();
  result.key("name").string("hearth-example").key("version").string(base::version).end();
  result.key("instructions").string("An example. Call 'counter' from two sessions to see them share.");
  result.end();
  answer(id, result.text());
}

void ExampleServer::call(std::string_view message, const proto::Envelope& envelope, base::Instant now) {
  const std::string_view id = envelope.id.in(message);
  const std::string_view params = envelope.params.in(message);
  const std::string_view name = member_of(params, "name");
  const std::string_view arguments = member_of(params, "arguments");
  const auto bad = [&](std::string_view what) { refuse(id, proto::Code::invalid_params, what); };

  if (name == R"("echo")") {
    const std::string_view text = member_of(arguments, "text");
    if (!text.starts_with('"')) return bad("echo needs a string, 'text'");
    return answer_text(id, text);
  }
  if (name == R"("add")") {
    const auto a = whole_number(member_of(arguments, "a"));
    const auto b = whole_number(member_of(arguments, "b"));
    std::int64_t sum = 0;
    if (!a || !b || __builtin_add_overflow(*a, *b, &sum))
      return bad("add needs two whole numbers, 'a' and 'b'");
    return answer_text(id, "\"" + std::to_string(sum) + "\"");
  }
  if (name == R"("counter")") return answer_text(id, "\"" + std::to_string(++counter_) + "\"");
  if (name == R"("slow")") {
    const auto ms = whole_number(member_of(arguments, "ms"));
    if (!ms || *ms < 0 || *ms > slow_max_ms) return bad("slow needs 'ms', at most an hour");
    slow_.push_back({.id = std::string(id),
                     .progress_token = std::string(envelope.progress_token.in(message)),
                     .since = now,
                     .due = now + std::chrono::milliseconds(*ms),
                     .next_progress = now + progress_interval});
    return;
  }
  if (name == R"("blob")") {
    const auto bytes = whole_number(member_of(arguments, "bytes"));
    if (!bytes || *bytes < 0 || *bytes > blob_max) return bad("blob needs 'bytes', at most 256 MiB");
    std::string text(static_cast<std::size_t>(*bytes) + 2, 'x');
    text.front() = text.back() = '"';
    return answer_text(id, text);
  }
  bad("there is no such tool");
}

void ExampleServer::read_resource(std::string_view id, std::string_view raw_uri) {
  std::string text;
  if (raw_uri == R"("example://counter")") text = std::to_string(counter_);
  if (raw_uri == R"("example://greeting")") text = "Warm greetings.";
  if (text.empty()) return refuse(id, proto::Code::invalid_params, "there is no such resource");
  proto::json::Writer result;
  result.object().key("contents").array().object();
  result.key("uri").raw(raw_uri).key("mimeType").string("text/plain").key("text").string(text);
  result.end().end().end();
  answer(id, result.text());
}

void ExampleServer::on_time(base::Instant now) {
  for (Slow& slow : slow_) {
    if (slow.due <= now) {
      const std::int64_t took = milliseconds_between(slow.since, slow.due);
      answer_text(slow.id, "\"took " + std::to_string(took) + " ms\"");
    } else if (slow.next_progress <= now) {
      report_progress(slow, now);
      while (slow.next_progress <= now) slow.next_progress += progress_interval;
    }
  }
  std::erase_if(slow_, [&](const Slow& slow) { return slow.due <= now; });
}

std::optional<base::Instant> ExampleServer::deadline() const {
  std::optional<base::Instant> soonest;
  for (const Slow& slow : slow_) {
    const base::Instant next =
        slow.progress_token.empty() ? slow.due : std::min(slow.due, slow.next_progress);
    if (!soonest || next < *soonest) soonest = next;
  }
  return soonest;
}

void ExampleServer::report_progress(const Slow& slow, base::Instant now) {
  if (slow.progress_token.empty()) return;
  proto::json::Writer params;
  params.object().key("progressToken").raw(slow.progress_token);
  params.key("progress").number(milliseconds_between(slow.since, now));
  params.key("total").number(milliseconds_between(slow.since, slow.due)).end();
  output_.append(proto::notification_text("notifications/progress", params.text())).append("\n");
}

void ExampleServer::answer(std::string_view id, std::string_view raw_result) {
  output_.append(R"({"jsonrpc":"2.0","id":)")
      .append(id)
      .append(R"(,"result":)")
      .append(raw_result)
      .append("}\n");
}

void ExampleServer::answer_text(std::string_view id, std::string_view raw_string) {
  output_.append(R"({"jsonrpc":"2.0","id":)").append(id);
  output_.append(R"(,"result":{"content":[{"type":"text","text":)").append(raw_string).append("}]}}\n");
}

void ExampleServer::refuse(std::string_view id, proto::Code code, std::string_view sentence) {
  output_.append(proto::error_text(id, code, sentence)).append("\n");
}

}  // namespace cli
