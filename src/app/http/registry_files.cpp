// The registry's part for files: which sessions are kept on disk (app/http/session_files), when what is noted
// of one is written anew, and how one of an earlier daemon is found again.
#include <utility>

#include "app/http/registry_entry.h"
#include "core/setup.h"
#include "proto/journal.h"

namespace app {
namespace {

constexpr base::Duration look_through = std::chrono::minutes(1);

// A record is not written anew after every request: its time says only roughly when the session was used.
base::Duration note_every(const HttpSettings& settings) {
  return settings.session_timeout / 16;
}

}  // namespace

// The journal of a new session. Without one, where nothing can be written, the session ends with the daemon.
std::optional<io::MappedPage> SessionRegistry::keep(const std::string& public_id, const SessionRecord& record,
                                                    base::Instant now) {
  for (const std::string& id : files_.oldest_beyond(sessions_max - 1)) {
    if (!by_public_id_.contains(id)) files_.forget(id);
  }
  if (!look_at_) look_at_ = now + look_through;
  auto page = files_.create(public_id, record);
  if (page) return std::move(*page);
  if (!std::exchange(warned_, true))
    hands_.warn("sessions by URL end with this daemon: " + page.error().what);
  return std::nullopt;
}

// A session of an earlier daemon: it goes on as a shim's does, from its journal.
SessionRegistry::Session* SessionRegistry::find_kept(const std::string& public_id, const Target& target,
                                                     const std::string& caller) {
  auto kept = files_.find(public_id);
  if (!kept || kept->record.server != target.server || kept->record.caller != caller || !target.streamable ||
      !kept->record.sse_client.empty())
    return nullptr;
  auto spec = hands_.resolve(kept->record.server, kept->record.project);
  if (!spec) return nullptr;
  const auto setup = core::setup_of(proto::Journal(kept->page.bytes()).setup());
  transport::StreamableOptions chosen = options(public_id);
  chosen.life = setup ? setup->life + 1 : 1;
  chosen.revision = proto::revision_of(kept->record.revision);
  auto session =
      std::make_unique<Session>(public_id, std::move(kept->record),
                                transport::StreamableServer(std::move(chosen)), std::move(kept->page));
  return &announce(std::move(session), std::move(*spec));
}

void SessionRegistry::note_use(Session& session, base::Instant now) {
  if (session.over) return;
  if (const auto* sse = std::get_if<transport::SseServer>(&session.transport)) {
    if (now - session.noted_at >= note_every(settings_)) keep_noted(session, now);
    if (sse->took_up() && !session.instead_of.empty()) files_.forget(std::exchange(session.instead_of, {}));
    return;
  }
  auto* streamable = std::get_if<transport::StreamableServer>(&session.transport);
  if (streamable != nullptr) {
    if (streamable->failed()) return end(session);
    if (const auto revision = streamable->revision(); revision && session.record.revision.empty()) {
      session.record.revision = proto::name_of(*revision);
      keep_noted(session, now);
    }
  }
  const bool connected =
      session.is_desk() ? std::get<transport::Desk>(session.transport).connected() : streamable->connected();
  if (!connected && !std::exchange(session.away, true)) hands_.feed(broker::SessionAway{session.id});
  if (connected) {
    session.ends_at.reset();
  } else if (!session.ends_at) {
    session.ends_at = now + (session.is_desk() ? desk_timeout() : settings_.session_timeout);
    if (now - session.noted_at >= note_every(settings_)) keep_noted(session, now);
  }
}

void SessionRegistry::keep_noted(Session& session, base::Instant now) {
  if (!session.page) return;
  files_.update(session.public_id, session.record);
  session.noted_at = now;
}

void SessionRegistry::look_through_files(base::Instant now) {
  for (const std::string& id : files_.older_than(settings_.session_timeout + note_every(settings_))) {
    if (!by_public_id_.contains(id)) files_.forget(id);
  }
  look_at_ = files_.any() ? std::optional(now + look_through) : std::nullopt;
}

}  // namespace app
