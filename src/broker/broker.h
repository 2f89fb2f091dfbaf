// The broker without its hands: every decision, no input or output.
//
// The outside half turns the world into events, calls on(), and carries out the actions that it finds in the
// outbox, in order. The simulation does exactly the same with an invented world. There is no clock in here:
// time is what the caller says, and deadline() tells the caller when it is next needed.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "broker/action.h"
#include "broker/event.h"
#include "broker/options.h"
#include "broker/report.h"

namespace broker {

struct State;

class Broker {
 public:
  Broker(Options options, base::Instant now);
  Broker(Broker&&) noexcept;
  Broker& operator=(Broker&&) noexcept;
  ~Broker();

  // A fresh id for a session that is about to be announced by SessionOpened.
  SessionId admit();
  // It will not be announced after all.
  void dismiss(SessionId session);
  // It was admitted, and neither opened nor dismissed.
  bool awaits(SessionId session) const;

  void on(Event event, base::Instant now);

  // Call tick() at this time, if nothing else happens before. Absent: never.
  std::optional<base::Instant> deadline() const;
  void tick(base::Instant now);

  // What has to be done now, in order; the caller takes it.
  std::vector<Action>& outbox();
  const std::vector<Action>& outbox() const;

  std::vector<InstanceReport> instances() const;
  std::vector<SessionReport> sessions() const;
  SharingReport sharing() const;
  // Requests of the session that have no answer yet. An open listen does not count.
  std::size_t owed(SessionId session) const;
  // The one that a session with this spec would join now.
  std::optional<InstanceReport> shareable(const core::ServerSpec& spec) const;

  // All that it knows, for a broker that goes on from there, perhaps of another build. To be called when the
  // outbox has been taken.
  std::string save() const;
  // That broker. The keys and the time at which it was made come from `saved`, all other options are the new
  // ones. `page_of` gives the journal's page of a session (empty: it has none). Fails with a sentence if this
  // build cannot read it, or would lose something.
  using Pages = std::function<std::span<std::byte>(SessionId)>;
  static base::Result<std::unique_ptr<Broker>> restored(Options options, std::string_view saved,
                                                        const Pages& page_of);
  // The sessions go on with these pages, which a daemon has left that died in the middle of anything: calls
  // in flight keep the slots that they have there, or are given one, all other slots become free, and what is
  // set up is written anew. `unwritten`: answers of which the last byte has not been written; their
  // `ends_call`, which is a slot on the page as that daemon knew it or a number of a broker without pages
  // (record/chronicle.h), becomes the slot on the page. A session without a page goes on without.
  void rejoin(const Pages& page_of, std::span<SendToSession* const> unwritten);

 private:
  std::unique_ptr<State> state_;
};

}  // namespace broker
