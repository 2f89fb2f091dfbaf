// The envelope scanner against Boost.JSON: both must agree on what is JSON, and on what a message says.
#include <boost/json/src.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ensure.h"
#include "proto/envelope.h"
#include "proto/top_level.h"

namespace json = boost::json;
using proto::Envelope;
using proto::Kind;
using proto::ScanError;
using proto::Span;

namespace {

// Half a surrogate pair may be escaped in JSON; Boost refuses it. Any other letter does as well here.
std::string without_surrogates(std::string_view text) {
  std::string plain(text);
  for (std::size_t i = 0; i + 3 < plain.size(); ++i) {
    if (plain[i] != '\\') continue;
    ++i;
    const bool surrogate =
        plain[i] == 'u' && (plain[i + 1] == 'd' || plain[i + 1] == 'D') && plain[i + 2] >= '8';
    if (surrogate) plain[i + 1] = '0';
  }
  return plain;
}

struct Verdict {
  bool known = true;  // False where Boost has limits of its own.
  bool accepted = false;
  json::value value;
};

Verdict ask_boost(std::string_view text) {
  json::parse_options options;
  options.max_depth = proto::depth_max;
  json::error_code error;
  Verdict verdict;
  verdict.value = json::parse(without_surrogates(text), error, {}, options);
  verdict.accepted = !error;
  verdict.known = error != json::error::exponent_overflow;
  return verdict;
}

const json::value* member(const json::value* value, std::string_view key) {
  return value != nullptr && value->is_object() ? value->get_object().if_contains(key) : nullptr;
}

// Equal but for the last digits of a fraction, which depend on where in the text Boost reads it.
bool same(const json::value& a, const json::value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.is_double()) return true;
  if (a.is_array()) {
    const auto& left = a.get_array();
    return std::equal(left.begin(), left.end(), b.get_array().begin(), b.get_array().end(), same);
  }
  if (!a.is_object()) return a == b;
  const auto& left = a.get_object();
  const auto equal = [](const auto& x, const auto& y) {
    return x.key() == y.key() && same(x.value(), y.value());
  };
  return std::equal(left.begin(), left.end(), b.get_object().begin(), b.get_object().end(), equal);
}

// The span lies inside and holds what Boost found, or both found nothing.
void expect(std::string_view text, Span span, const json::value* value) {
  ensure(span.at <= text.size() && span.length <= text.size() - span.at);
  ensure(span.present() == (value != nullptr));
  if (value == nullptr) return;
  ensure(same(ask_boost(span.in(text)).value, *value));
}

void check_parts(std::string_view text, const Envelope& found, const json::value* root) {
  const auto* params = member(root, "params");
  const auto* meta = member(params, "_meta");
  const auto* related_key = "io.modelcontextprotocol/related-task";
  expect(text, found.id, member(root, "id"));
  expect(text, found.params, params);
  expect(text, found.result, member(root, "result"));
  expect(text, found.error, member(root, "error"));
  const auto* result_meta = member(member(root, "result"), "_meta");
  const auto* own_meta = found.kind == Kind::response ? result_meta : meta;
  expect(text, found.meta, own_meta != nullptr && own_meta->is_object() ? own_meta : nullptr);
  expect(text, found.request_state, member(params, "requestState"));
  expect(text, found.result_type, member(member(root, "result"), "resultType"));
  const auto* subscription = member(meta, "io.modelcontextprotocol/subscriptionId");
  if (subscription == nullptr) subscription = member(result_meta, "io.modelcontextprotocol/subscriptionId");
  expect(text, found.subscription, subscription);
  ensure(found.responses == (member(params, "inputResponses") != nullptr));
  expect(text, found.request_id, member(params, "requestId"));
  expect(text, found.uri, member(params, "uri"));
  expect(text, found.level, member(params, "level"));
  expect(text, found.task_id, member(params, "taskId"));
  const auto* related = member(member(meta, related_key), "taskId");
  if (related == nullptr)
    related = member(member(member(member(root, "result"), "_meta"), related_key), "taskId");
  expect(text, found.related_task, related);
  ensure(found.task == (member(params, "task") != nullptr));
  ensure(found.modern == (member(meta, "io.modelcontextprotocol/protocolVersion") != nullptr));
}

void check_message(std::string_view text, const Envelope& found, const json::value* root) {
  check_parts(text, found, root);
  const auto* method = member(root, "method");
  ensure(found.method.present() == (method != nullptr));
  if (method != nullptr) {
    ensure(method->is_string());
    expect(text, {found.method.at - 1, found.method.length + 2}, method);
  }
  const auto* id = member(root, "id");
  const auto* params = member(root, "params");
  const json::value* token = nullptr;
  if (method != nullptr && id != nullptr) {
    ensure(found.kind == Kind::request);
    token = member(member(params, "_meta"), "progressToken");
  } else if (method != nullptr) {
    ensure(found.kind == Kind::notification);
    if (method->get_string() == "notifications/progress") token = member(params, "progressToken");
  } else {
    ensure(found.kind == Kind::response && id != nullptr);
  }
  expect(text, found.progress_token, token);
}

// The scanner for messages that are not kept has to agree with the one for those that are.
void check_top_level(std::string_view text, const Envelope& found) {
  proto::TopLevel top;
  for (std::size_t at = 0; at < text.size(); at += 7) top.feed(text.substr(at, 7));
  ensure(top.has_method() == found.method.present());
  if (found.id.length <= proto::TopLevel::id_max)
    ensure(top.id() == (found.id.present() ? found.id.in(text) : ""));
}

void check_batch(std::string_view text, const json::value& root) {
  std::size_t count = 0;
  proto::each_in_batch(text, [&](Span span) {
    ensure(count < root.get_array().size());
    expect(text, span, &root.get_array()[count++]);
  });
  ensure(count == root.get_array().size());
}

void check_refusal(ScanError error, const json::value& root) {
  const auto* id = member(&root, "id");
  if (error == ScanError::bad_id) ensure(id != nullptr && !id->is_string() && !id->is_number());
  if (error == ScanError::ambiguous) ensure(root.is_object());
  if (error != ScanError::not_a_message) return;
  const auto* method = member(&root, "method");
  const auto* version = member(&root, "jsonrpc");
  const bool answers = member(&root, "result") != nullptr || member(&root, "error") != nullptr;
  const bool sound =
      (version == nullptr || *version == "2.0") &&
      (method != nullptr ? method->is_string() && !method->get_string().empty() : answers && id != nullptr);
  // The version is compared as spelt.
  ensure(!sound || version != nullptr);
}

void check_salvage(std::string_view text) {
  const Span id = proto::salvage_id(text);
  ensure(id.at <= text.size() && id.length <= text.size() - id.at);
  if (!id.present()) return;
  const auto around = proto::scan(R"({"result":1,"id":)" + std::string(id.in(text)) + "}");
  ensure(around || around.error() == ScanError::not_utf8);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // An allocation of exactly this size, so that reading beyond the end is noticed.
  const std::vector<char> bytes(data, data + size);
  const std::string_view text(bytes.data(), bytes.size());
  const auto found = proto::scan(text);
  check_salvage(text);

  const Verdict boost = ask_boost(text);
  if (!boost.known) return 0;
  using enum ScanError;
  const bool is_json =
      found || (found.error() != not_json && found.error() != not_utf8 && found.error() != too_deep);
  ensure(is_json == boost.accepted);
  if (!found) {
    if (is_json) check_refusal(found.error(), boost.value);
    return 0;
  }
  if (found->kind == Kind::batch) {
    check_batch(text, boost.value);
    return 0;
  }
  check_message(text, *found, &boost.value);
  check_top_level(text, *found);
  ensure(proto::salvage_id(text).in(text) == found->id.in(text));
  return 0;
}
