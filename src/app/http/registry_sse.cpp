// The registry's part for HTTP+SSE: sessions, and what is found again of those whose connection or daemon
// ended.
//
// The SDKs of clients open the stream again by themselves, and send neither initialize nor anything that says
// which session it was. A kept session of the same caller, server, project and program is taken for it. If
// there is one, all of its set-up is restored; if there are several, only what they have in common.
#include <algorithm>
#include <utility>

#include "app/http/registry_entry.h"
#include "core/setup.h"
#include "proto/envelope.h"
#include "proto/journal.h"
#include "proto/json.h"

namespace app {
namespace {

// As many calls as all that a client may have waited for.
constexpr std::size_t lost_max = 1024;

std::string line_of(std::string_view method, std::string_view key, std::string_view value) {
  proto::json::Writer json;
  json.object();
  json.key("jsonrpc").string("2.0");
  json.key("id").number(0);
  json.key("method").string(method);
  json.key("params").object();
  json.key(key).string(value);
  json.end();
  json.end();
  return json.text();
}

std::vector<std::string> lines_of(const core::Setup& setup, bool all_of_it) {
  std::vector<std::string> lines{setup.initialize_line,
                                 R"({"jsonrpc":"2.0","method":"notifications/initialized"})"};
  if (!all_of_it) return lines;
  if (setup.level) lines.push_back(line_of("logging/setLevel", "level", core::name_of(*setup.level)));
  for (const std::string& uri : setup.subscriptions)
    lines.push_back(line_of("resources/subscribe", "uri", uri));
  return lines;
}

void add_lost(const proto::Journal& journal, const core::Setup& setup, std::vector<std::string>& lost) {
  const std::vector<std::string> ids = journal.calls();
  const std::vector<std::uint16_t> slots = journal.slots();
  for (std::size_t i = 0; i < ids.size() && lost.size() < lost_max; ++i) {
    std::string id = ids[i];
    if (id == proto::journal_long_id) {
      const auto found = std::ranges::find(setup.long_ids, slots[i], &core::LongId::slot);
      if (found == setup.long_ids.end()) continue;
      id = found->raw;
    }
    if (std::ranges::find(lost, id) == lost.end()) lost.push_back(std::move(id));
  }
}

}  // namespace

void SessionRegistry::sse(transport::ExchangeId exchange, proto::HttpRequest request, const Target& target,
                          const std::string& caller, base::Instant now) {
  const std::string_view right = target.post_id.empty() ? "GET" : "POST";
  if (request.method != right) {
    // What clients try first is POST, and this is how they learn that it is the older transport.
    proto::HttpAnswer answer =
        proto::problem(405, "open a session with GET, and post to the endpoint that it names");
    answer.fields.add("allow", right);
    return hands_.front.answer(exchange, answer);
  }
  Session* session = target.post_id.empty() ? open_sse(exchange, request, target, caller, now)
                                            : find(target.post_id, target, caller);
  if (target.post_id.empty() && session == nullptr) return;
  if (session == nullptr)
    return hands_.front.answer(exchange,
                               proto::problem(404, "there is no such session; it ended with its connection"));
  begin(*session, exchange);
  if (!target.post_id.empty())
    std::get<transport::SseServer>(session->transport).request(exchange, std::move(request), now);
  settle(*session, now);
}

SessionRegistry::Session* SessionRegistry::open_sse(transport::ExchangeId exchange,
                                                    const proto::HttpRequest& request, const Target& target,
                                                    const std::string& caller, base::Instant now) {
  std::optional<core::ServerSpec> spec = admitted(exchange, target);
  if (!spec) return nullptr;
  const std::string public_id = SessionFiles::new_id();
  SessionRecord record{.server = target.server,
                       .project = target.project,
                       .caller = caller,
                       .revision = {},
                       .sse_client = "of " + std::string(request.fields.get("user-agent"))};
  std::string only;
  transport::Before before = before_of(record, only);
  // Clients say it with every request once they know it, and with none before.
  before.certain = !before.lines.empty() && request.fields.has("mcp-protocol-version");
  auto page = keep(public_id, record, now);
  const std::string endpoint = "/sse/" + proto::percent_encoded(target.server) + "?session=" + public_id;
  auto session = std::make_unique<Session>(public_id, std::move(record),
                                           transport::SseServer(exchange, endpoint, now, std::move(before)),
                                           std::move(page));
  session->instead_of = std::move(only);
  session->noted_at = now;
  return &announce(std::move(session), std::move(*spec));
}

transport::Before SessionRegistry::before_of(const SessionRecord& record, std::string& only) const {
  struct Left {
    std::string id;
    core::Setup setup;
  };
  std::vector<Left> all;
  transport::Before before;
  for (const std::string& id : files_.oldest_beyond(0)) {
    if (by_public_id_.contains(id)) continue;
    const auto kept = files_.find(id);
    if (!kept || kept->record.sse_client != record.sse_client || kept->record.server != record.server ||
        kept->record.project != record.project || kept->record.caller != record.caller)
      continue;
    const proto::Journal journal(kept->page.bytes());
    auto setup = core::setup_of(journal.setup());
    const bool initialized =
        setup && (setup->phase == core::Phase::answered || setup->phase == core::Phase::ready);
    if (!initialized || !proto::scan(setup->initialize_line)) continue;
    add_lost(journal, *setup, before.lost);
    all.push_back({id, std::move(*setup)});
  }
  if (all.empty()) return before;
  if (all.size() == 1) only = all.front().id;
  before.lines = lines_of(all.back().setup, all.size() == 1);
  return before;
}

}  // namespace app
