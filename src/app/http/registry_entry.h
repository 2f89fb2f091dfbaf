// The entry of one session in the registry, and what a request to it says. For the files that the registry
// consists of only: session_registry.cpp and its neighbours registry_*.cpp.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/http/session_registry.h"
#include "proto/rpc.h"

namespace app {

// Of sessions at once, and of those whose files are kept for clients that may come back. Each takes some
// pages of memory and disk.
inline constexpr std::size_t sessions_max = 500;

struct SessionRegistry::Target {
  bool streamable = false;
  std::string server;
  std::string project;
  std::string post_id;  // HTTP+SSE: the session that a POST names.
};

struct SessionRegistry::Session {
  using Transport = std::variant<transport::StreamableServer, transport::SseServer, transport::Desk>;

  Session(std::string name, SessionRecord about, Transport how, std::optional<io::MappedPage> journal)
      : public_id(std::move(name)),
        record(std::move(about)),
        transport(std::move(how)),
        page(std::move(journal)) {}

  core::SessionId id;
  std::string public_id;  // Desks have none.
  SessionRecord record;
  Transport transport;
  // Desks have none: nobody could come back to them.
  std::optional<io::MappedPage> page;
  std::string instead_of;  // HTTP+SSE: the kept session that its client was, if it turns out to come back.
  std::optional<base::Instant> ends_at;  // Set while no client is connected.
  std::vector<transport::ExchangeId> exchanges;
  std::optional<base::Instant> on_agenda;
  base::Instant noted_at;  // When its record was written last.
  bool away = false;       // The broker has been told.
  bool queueing = false;
  bool congested = false;  // Not of desks.
  bool over = false;       // The client has ended it; the broker has been told.

  auto with(auto&& f) { return std::visit(f, transport); }
  bool is_desk() const { return std::holds_alternative<transport::Desk>(transport); }
};

// An answer that says no, in a body as the SDKs expect it. `raw_id`: of the request, or empty.
proto::HttpAnswer session_refusal(int status, std::string_view raw_id, proto::Code code,
                                  std::string_view sentence);

}  // namespace app
