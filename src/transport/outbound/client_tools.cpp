// Calls of tools of 2026-07-28, and asking the server what its tools want as fields.
//
// A call of a tool that is not known waits until the list has been asked for. If it cannot be had, the call
// goes without such fields, and the server decides. One that it refuses for its fields (-32020) has had no
// effect: it is made once more if the list, asked for again, gives others.

#include <utility>

#include "proto/json.h"
#include "proto/members.h"
#include "transport/outbound/client_state.h"

namespace transport {
namespace {

using proto::Method;

// Calls wait for it, so not for ever.
constexpr base::Duration listed_within = std::chrono::seconds(20);
// A server may name one page after the other without end.
constexpr int pages_max = 200;
// Names in the log, and kept so that each is there once.
constexpr std::size_t noted_max = 1000;

constexpr std::string_view param = "mcp-param-";

bool says_header_mismatch(std::string_view raw_error) {
  return proto::member(raw_error, "code") == std::to_string(static_cast<int>(proto::Code::header_mismatch));
}

}  // namespace

void StreamableClient::State::call_tool(Flight flight, base::Instant now) {
  if (tools.knows(flight.modern->tool)) return post_tool_call(std::move(flight), now);
  list_tools(flight, now);
  awaiting_tools.push_back(std::move(flight));
}

void StreamableClient::State::post_tool_call(Flight flight, base::Instant now) {
  ModernPart& part = *flight.modern;
  if (const std::string_view why = tools.invalid(part.tool); !why.empty()) {
    return fail_with(
        *flight.stream.call, proto::Code::invalid_params,
        "the tool " + proto::json::quoted(part.tool) + " must not be called over HTTP: " + std::string(why));
  }
  const std::string text = flight.message.text();
  const auto envelope = proto::scan(text);
  if (!envelope) return;  // It was scanned when it came.
  proto::HttpFields headers = part.headers;
  std::erase_if(headers.all, [](const auto& field) { return field.first.starts_with(param); });
  const std::string_view arguments = proto::member(envelope->params.in(text), "arguments");
  for (auto& field : tools.fields(part.tool, arguments).all) headers.all.push_back(std::move(field));
  const bool in_vain = !part.refused_with.empty() && headers.all == part.headers.all;
  if (in_vain) return fail_with(*flight.stream.call, part.refused_with);
  part.headers = std::move(headers);
  begin(std::move(flight), now);
}

bool StreamableClient::State::call_tool_again(RequestId id, Flight& flight, std::string_view raw_error,
                                              base::Instant now) {
  const bool worth_it = flight.modern->method == Method::tools_call && flight.modern->refused_with.empty() &&
                        says_header_mismatch(raw_error);
  if (!worth_it) return false;
  Flight again;
  again.role = Flight::Role::modern;
  again.message = flight.message;
  again.stream.call = flight.stream.call;
  again.modern = flight.modern;
  again.modern->refused_with = raw_error;
  if (flights.erase(id) != 0) outbox.emplace_back(Abandon{id});
  list_tools(again, now);
  awaiting_tools.push_back(std::move(again));
  return true;
}

std::string StreamableClient::State::learn_tools(std::string_view raw_result, std::string_view raw_cursor,
                                                 std::string& next_cursor) {
  ParamHeaders::Page page = tools.learn(raw_result, raw_cursor);
  for (const auto& [tool, why] : page.invalid) {
    if (noted_tools.size() >= noted_max || !noted_tools.insert(tool).second) continue;
    note("the tool " + proto::json::quoted(tool) + " is left out of the server's list: " + why);
  }
  next_cursor = std::move(page.next_cursor);
  return std::move(page.without_them);
}

void StreamableClient::State::list_tools(const Flight& call, base::Instant now) {
  if (listing) return;
  const std::string text = call.message.text();
  const auto envelope = proto::scan(text);
  if (!envelope) return;
  listing.emplace();
  listing->raw_meta = proto::with_members(envelope->meta.in(text), "", {"progressToken"});
  listing->version = call.modern->version;
  listing->due = now + listed_within;
  list_page(now);
}

void StreamableClient::State::list_page(base::Instant now) {
  // The broker's ids are numbers.
  listing->raw_id = "\"hearth-tools-" + std::to_string(++last_list) + '"';
  ++listing->pages;
  std::string params = R"({"_meta":)" + listing->raw_meta;
  if (!listing->raw_cursor.empty()) params += R"(,"cursor":)" + listing->raw_cursor;
  params += '}';
  Flight flight{.role = Flight::Role::listing};
  flight.message = proto::Message(proto::request_text(listing->raw_id, "tools/list", params));
  flight.modern = ModernPart{.method = Method::tools_list, .version = listing->version};
  flight.modern->headers.add("mcp-method", "tools/list");
  flight.over_at = listing->due;
  listing->flight = begin(std::move(flight), now);
}

void StreamableClient::State::listed(std::string text, base::Instant now) {
  text = on_one_line(std::move(text));
  const auto envelope = proto::scan(text);
  const bool answers = envelope && envelope->kind == proto::Kind::response && listing &&
                       envelope->id.in(text) == listing->raw_id;
  if (!answers) return;
  if (!envelope->result.present()) {
    tools.unobtainable();
    return listing_over(now);
  }
  std::string next_cursor;
  learn_tools(envelope->result.in(text), listing->raw_cursor, next_cursor);
  const bool more = !next_cursor.empty() && next_cursor != listing->raw_cursor && listing->pages < pages_max;
  if (!more) return listing_over(now);
  if (Flight* const flight = flight_of(listing->flight)) flight->over_at = now + lingers;
  listing->raw_cursor = std::move(next_cursor);
  list_page(now);
}

void StreamableClient::State::listing_ended(RequestId id, Flight flight,
                                            const std::optional<Failure>& failure, base::Instant now) {
  if (!listing || listing->flight != id) return;
  if (failure && failure->never_connected && flight.status == 0) return down(failure->why);
  const std::string error = failure || wants_login(flight.status) ? "" : error_in(flight.collected);
  if (flight.content == Flight::Content::json && !failure) listed(std::move(flight.collected), now);
  if (!listing || listing->flight != id) return;
  // Also one without an id, which is how servers refuse what they do not read.
  if (!error.empty()) tools.unobtainable();
  listing_over(now);
}

void StreamableClient::State::listing_over(base::Instant now) {
  // Its stream may have brought the last page and not have ended yet.
  if (Flight* const flight = flight_of(listing->flight)) flight->over_at = now + lingers;
  listing.reset();
  for (Flight& flight : std::exchange(awaiting_tools, {})) post_tool_call(std::move(flight), now);
}

}  // namespace transport
