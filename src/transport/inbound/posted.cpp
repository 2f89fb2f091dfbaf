#include "transport/inbound/posted.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proto/method.h"
#include "transport/inbound/refusal.h"

namespace transport {
namespace {

proto::HttpAnswer unreadable(proto::ScanError error) {
  const bool parse = error == proto::ScanError::not_json || error == proto::ScanError::not_utf8;
  const std::string kind = parse ? "Parse error: " : "Invalid Request: ";
  return refusal(400, parse ? Fault::parse_error : Fault::invalid_request,
                 kind + std::string(proto::describe(error)));
}

proto::HttpAnswer invalid(std::string_view what) {
  return refusal(400, Fault::invalid_request, "Invalid Request: " + std::string(what));
}

// Takes the array apart. `whole` was accepted by scan() as a batch.
std::expected<Posted, proto::HttpAnswer> taken_apart(const base::Bytes& whole) {
  Posted posted{.parts = {}, .batch = true};
  std::optional<proto::HttpAnswer> no;
  proto::each_in_batch(whole.text, [&](proto::Span span) {
    if (no) return;
    const base::Bytes line{span.in(whole.text), whole.owner};
    const auto envelope = proto::scan(line.text);
    if (!envelope) {
      no = unreadable(envelope.error());
    } else if (envelope->kind == proto::Kind::batch) {
      no = invalid("a batch within a batch");
    } else if (envelope->modern) {
      no = invalid("a message of 2026-07-28 must not be part of a batch");
    } else if (posted.parts.size() == proto::batch_max) {
      no = invalid("a batch must not hold more than " + std::to_string(proto::batch_max) +
                   " messages; send several");
    } else {
      posted.parts.push_back({line, *envelope});
      if (posted.parts.back().is_initialize()) no = invalid("initialize must not be part of a batch");
    }
  });
  if (!no && posted.parts.empty()) no = invalid("an empty batch");
  if (no) return std::unexpected(std::move(*no));
  return posted;
}

}  // namespace

bool Posted::Part::is_initialize() const {
  return envelope.kind == proto::Kind::request &&
         proto::method_of(of(envelope.method)) == proto::Method::initialize;
}

std::optional<proto::HttpAnswer> refused_type(const proto::HttpFields& fields) {
  constexpr std::string_view json = "application/json";
  const std::string_view given = fields.get("content-type");
  if (given == json || proto::media_type_of(given) == json) return std::nullopt;
  return refusal(415, Fault::refused, "Unsupported Media Type: Content-Type must be application/json");
}

std::expected<Posted, proto::HttpAnswer> read_posted(const proto::HttpFields& fields, std::string body,
                                                     Batches batches) {
  if (auto no = refused_type(fields)) return std::unexpected(std::move(*no));
  if (constexpr std::string_view mark = "\xEF\xBB\xBF"; body.starts_with(mark)) body.erase(0, mark.size());
  const auto envelope = proto::scan(body);
  if (!envelope) return std::unexpected(unreadable(envelope.error()));
  // The scanner has let no line end pass but between tokens, and a blank in its place moves nothing.
  for (const char end : {'\r', '\n'}) {
    for (std::size_t at = body.find(end); at != std::string::npos; at = body.find(end, at + 1))
      body[at] = ' ';
  }
  base::Bytes whole = base::Bytes::copy(std::move(body));
  if (envelope->kind != proto::Kind::batch) {
    Posted posted;
    posted.parts.push_back({std::move(whole), *envelope});
    return posted;
  }
  if (batches == Batches::refused) {
    return std::unexpected(invalid("batches belong to revision 2025-03-26 only"));
  }
  return taken_apart(whole);
}

std::optional<proto::HttpAnswer> refused_claim(const Posted& posted, proto::Code code) {
  const Posted::Part& part = posted.parts.front();
  if (!part.envelope.modern) return std::nullopt;
  return proto::json_answer(
      400,
      proto::error_text(part.of(part.envelope.id), code,
                        "Bad Request: the message claims a revision without sessions in params._meta, but "
                        "was sent to a session, whose revision is another"));
}

bool admits(const proto::HttpFields& fields, std::string_view media_type) {
  if (fields.count("accept") <= 1) return proto::accepts(fields.get("accept"), media_type);
  std::string all;
  for (const auto& [name, value] : fields.all) {
    if (name != "accept") continue;
    if (!all.empty()) all += ',';
    all += value;
  }
  return proto::accepts(all, media_type);
}

}  // namespace transport
