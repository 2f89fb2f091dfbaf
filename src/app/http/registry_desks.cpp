// The registry's part for requests of 2026-07-28: each joins a desk, or opens one.
#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "app/http/registry_entry.h"
#include "proto/value_digest.h"

namespace app {
namespace {

// Each is a session of the broker's, and with a server that is elsewhere a conversation of its own.
constexpr std::size_t desks_max = 100;

// What a desk holds costs its server as much as any session does, and a client that comes back later finds
// nothing missing at another.
constexpr base::Duration idle_max = std::chrono::minutes(5);

// Bytes of notices that are queued for a client before it is taken for one that does not read. Others share
// the desk, which is not to wait for it, so it is this client's exchange that ends. Notices are short.
constexpr std::size_t queued_max = std::size_t{16} << 20;

}  // namespace

void SessionRegistry::at_desk(transport::ExchangeId exchange, transport::ModernCall call,
                              const Target& target, const std::string& caller, base::Instant now) {
  DeskKey key{.caller = caller,
              .server = target.server,
              .project = target.project,
              .capabilities = proto::value_name(0, call.capabilities)};
  const std::optional<core::SessionId> known = desks_.find(key);
  Session* desk = known ? sessions_.find(*known) : open_desk(exchange, call, std::move(key));
  if (desk == nullptr) return;
  begin(*desk, exchange);
  std::get<transport::Desk>(desk->transport).request(exchange, std::move(call), now);
  settle(*desk, now);
}

SessionRegistry::Session* SessionRegistry::open_desk(transport::ExchangeId exchange,
                                                     const transport::ModernCall& call, DeskKey key) {
  const auto refuse = [&](int status, proto::Code code, std::string_view sentence) {
    const std::string_view id = call.envelope.id.in(call.line.text);
    hands_.front.answer(exchange, session_refusal(status, id, code, sentence));
    return nullptr;
  };
  auto spec = hands_.resolve(key.server, key.project);
  if (!spec) return refuse(404, proto::Code::invalid_request, spec.error().what);
  const auto desks = [](const Session& session) { return session.is_desk(); };
  if (desks_.size() >= desks_max && !end_longest_away(desks))
    return refuse(503, proto::Code::internal_error,
                  "too many kinds of clients (limit " + std::to_string(desks_max) +
                      "), and each is waiting for something; close some of the clients");
  SessionRecord record{.server = key.server, .project = key.project, .caller = key.caller, .revision = {}};
  transport::Desk made(desk_options(), desks_.borrow_params(key.server, key.project));
  Session& desk =
      announce(std::make_unique<Session>(std::string(), std::move(record), std::move(made), std::nullopt),
               std::move(*spec));
  desks_.add(std::move(key), desk.id);
  return &desk;
}

base::Duration SessionRegistry::desk_timeout() const {
  return std::min(idle_max, settings_.session_timeout);
}

transport::DeskOptions SessionRegistry::desk_options() const {
  transport::DeskOptions options;
  // At once would be before any answer, and only what is no stream has a status of its own.
  if (settings_.stream_after > base::Duration::zero()) options.stream_after = settings_.stream_after;
  return options;
}

void SessionRegistry::note_stuck(const Session& desk, std::vector<transport::ExchangeId>& stuck) const {
  for (const transport::ExchangeId exchange : desk.exchanges) {
    if (hands_.front.queued_bytes(exchange) > queued_max) stuck.push_back(exchange);
  }
}

}  // namespace app
