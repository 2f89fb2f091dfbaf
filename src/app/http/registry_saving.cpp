// The registry's part for the next program: sessions are written with their transports, and go on there.
//
// Journals are files, and are opened again by the ids of sessions. What can be found from the sessions
// themselves (tables by id, the agenda, whose queues have to be looked at) is made anew.
#include <memory>
#include <utility>

#include "app/http/registry_entry.h"

namespace app {

std::string SessionRegistry::unsettled() const {
  bool settled = true;
  sessions_.each([&](Session& session) {
    settled &= session.with([](auto& transport) -> bool { return transport.outbox().empty(); });
  });
  return settled ? std::string() : "messages of sessions by URL are on their way";
}

SessionRegistry::Saved SessionRegistry::saved() const {
  Saved saved{.sessions = {}, .desks = save::Lent(desks_), .look_at = look_at_, .warned = warned_};
  sessions_.each([&](Session& session) {
    Saved::One& one = saved.sessions.emplace_back(Saved::One{.id = session.id,
                                                             .public_id = session.public_id,
                                                             .record = session.record,
                                                             .transport = {},
                                                             .has_page = session.page.has_value(),
                                                             .instead_of = session.instead_of,
                                                             .ends_at = session.ends_at,
                                                             .exchanges = session.exchanges,
                                                             .noted_at = session.noted_at,
                                                             .away = session.away,
                                                             .congested = session.congested,
                                                             .over = session.over});
    session.with([&](auto& transport) { one.transport = save::Lent(std::as_const(transport)); });
  });
  return saved;
}

void SessionRegistry::resume(Saved saved) {
  desks_ = saved.desks.take();
  look_at_ = saved.look_at;
  warned_ = saved.warned;
  for (Saved::One& one : saved.sessions) {
    std::optional<io::MappedPage> page;
    if (one.has_page) {
      auto opened = files_.reopen(one.public_id);
      if (opened) page.emplace(std::move(*opened));
      if (!opened) hands_.warn("a session by URL ends with this daemon: " + opened.error().what);
    }
    auto transport = std::visit([](auto& lent) -> Session::Transport { return lent.take(); }, one.transport);
    auto session = std::make_unique<Session>(std::move(one.public_id), std::move(one.record),
                                             std::move(transport), std::move(page));
    session->id = one.id;
    session->instead_of = std::move(one.instead_of);
    session->ends_at = one.ends_at;
    session->exchanges = std::move(one.exchanges);
    session->noted_at = one.noted_at;
    session->away = one.away;
    session->congested = one.congested;
    session->over = one.over;
    resume(sessions_.put(one.id, std::move(session)));
  }
}

void SessionRegistry::resume(Session& session) {
  const SessionRecord& record = session.record;
  if (auto* streamable = std::get_if<transport::StreamableServer>(&session.transport))
    streamable->follow(options(session.public_id));
  if (auto* desk = std::get_if<transport::Desk>(&session.transport))
    desk->follow(desk_options(), desks_.params_of(record.server, record.project));
  if (!session.is_desk() && !session.over) by_public_id_[session.public_id] = session.id;
  for (const transport::ExchangeId exchange : session.exchanges) by_exchange_[exchange] = session.id;
  session.queueing = !session.exchanges.empty() || session.congested;
  if (session.queueing) queueing_.push_back(session.id);
  put_on_agenda(session);
}

std::span<std::byte> SessionRegistry::page(core::SessionId id) const {
  const Session* session = sessions_.find(id);
  return session != nullptr && session->page ? session->page->bytes() : std::span<std::byte>();
}

}  // namespace app
