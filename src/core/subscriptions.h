// Who wants to hear of which resource, and what the server has been told.
//
// The server sees one subscriber. The first session that wants a resource makes us subscribe, the last that
// leaves makes us unsubscribe, one request at a time per resource; whoever comes while a request is under way
// waits for its outcome. After a crash nothing is subscribed upstream and everything is asked for again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"

namespace core {

// A session of legacy revisions, or one of the listens of a modern one.
struct Subscriber {
  SessionId session;
  std::int64_t listen = 0;  // The call of subscriptions/listen; 0: none.

  Subscriber(SessionId of, std::int64_t by_listen = 0) : session(of), listen(by_listen) {}
  auto operator<=>(const Subscriber&) const = default;
};

class Subscriptions {
 public:
  struct Waiter {
    SessionId session;
    std::int64_t call = 0;    // The subscribe call to be answered; or the listen's.
    std::int64_t listen = 0;  // The same, if it is one.
    auto operator<=>(const Waiter&) const = default;
    Subscriber subscriber() const { return {session, listen}; }
  };
  enum class Step : std::uint8_t { none, subscribe, unsubscribe };

  // The session wants the resource. If it is subscribed upstream the wish is granted at once and `granted`
  // says so; otherwise the waiter is answered from outcome().
  struct Wish {
    bool granted = false;
  };
  Wish want(const std::string& uri, Waiter waiter);

  // The session had it in an earlier life and takes it to have it still.
  void adopt(const std::string& uri, Subscriber who) { resources_[uri].subscribers.insert(who); }

  // The session no longer wants it. Wishes of its own that still wait are granted and ended in one: `calls`
  // are to be answered like those that succeeded. `held` is false if it never wanted it.
  struct Unwanted {
    bool held = false;
    std::vector<std::int64_t> calls;
  };
  Unwanted unwant(const std::string& uri, Subscriber who);

  // A waiting wish is withdrawn (cancelled by its client).
  void withdraw(std::int64_t call);

  // What to say upstream about this resource now. The step counts as under way once taken.
  Step step(const std::string& uri);

  // The server answered the step that was under way. Returns those who waited for it; on success they are
  // subscribed.
  std::vector<Waiter> outcome(const std::string& uri, bool success);
  // It did not answer the step that was under way. Returns those who waited for it; who was subscribed before
  // is still to be.
  std::vector<Waiter> no_outcome(const std::string& uri);

  // The server is gone, and with it all it knew. Wishes stay.
  void upstream_lost();
  // It holds nothing any more, but the steps under way go on.
  void upstream_broke_off();
  // It tells of the resource no longer, although it is asked to: nobody is subscribed.
  void taken_back(const std::string& uri);

  // Everything of this session goes, or of this listen. Returns the resources it had to do with.
  std::vector<std::string> leave(SessionId session);
  std::vector<std::string> leave_listen(std::int64_t listen);

  std::vector<std::string> uris() const;
  std::vector<std::string> wanted() const;  // Those that somebody has or waits for.
  std::vector<std::string> uris_of(Subscriber who) const;
  std::set<SessionId> sessions_of(std::string_view uri) const;  // That have it or wait for it.
  std::size_t count_of(SessionId session) const;

  // Whom an update of `uri` concerns: its subscribers; if there are none, those of a resource it is part of.
  std::set<Subscriber> concerned(std::string_view uri) const;

 private:
  template <class Mine>
  std::vector<std::string> leave_if(Mine mine);

  struct Resource {
    std::set<Subscriber> subscribers;
    std::vector<Waiter> waiters;
    bool upstream = false;  // The server counts us as subscribed.
    Step under_way = Step::none;
  };
  std::map<std::string, Resource, std::less<>> resources_;
};

}  // namespace core
