// Subscriptions of sessions to resources, and what the server has been told of them.
//
// The server sees one subscriber. The first session that wants a resource makes us subscribe, the last that
// leaves makes us unsubscribe, one request at a time per resource; a session that comes while a request is
// under way waits for its outcome. After a crash nothing is subscribed upstream and everything is asked for
// again.
//
// What one session or one update has to do with is found without looking at the other resources: there may be
// tens of thousands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "core/account.h"
#include "core/ids.h"

namespace core {

// A session of legacy revisions, or one of the listens of a modern one.
struct Subscriber {
  SessionId session;
  std::optional<CallId> listen;  // Of a modern client.

  Subscriber(SessionId of = {}, std::optional<CallId> by_listen = std::nullopt)
      : session(of), listen(by_listen) {}
  auto operator<=>(const Subscriber&) const = default;
  static constexpr std::size_t fields = 2;
};

class Subscriptions {
 public:
  Subscriptions() = default;
  // It refers to keys of its own.
  Subscriptions(const Subscriptions&) = delete;
  Subscriptions& operator=(const Subscriptions&) = delete;
  Subscriptions(Subscriptions&&) = default;
  Subscriptions& operator=(Subscriptions&&) = default;
  ~Subscriptions() = default;

  struct Waiter {
    SessionId session;
    CallId call;                        // The subscribe call to be answered; or the listen's.
    std::optional<CallId> listen = {};  // The same, if it is one.
    auto operator<=>(const Waiter&) const = default;
    Subscriber subscriber() const { return {session, listen}; }
    static constexpr std::size_t fields = 3;
  };
  enum class Step : std::uint8_t { none, subscribe, unsubscribe };

  // The session wants the resource. If it is subscribed upstream the wish is granted at once and `granted`
  // says so; otherwise the waiter is answered from outcome().
  struct Wish {
    bool granted = false;
  };
  // It holds the charge for as long as the session has the resource or waits for it.
  Wish want(const std::string& uri, Waiter waiter, Charge charge = {});

  // The session had it in an earlier life and takes it to have it still.
  void adopt(const std::string& uri, Subscriber who, Charge charge = {});

  // The session no longer wants it. Wishes of its own that still wait are granted and ended in one: `calls`
  // are to be answered like those that succeeded. `held` is false if it never wanted it.
  struct Unwanted {
    bool held = false;
    std::vector<CallId> calls;
  };
  Unwanted unwant(const std::string& uri, Subscriber who);

  // A waiting wish is withdrawn (cancelled by its client).
  void withdraw(CallId call);

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
  std::vector<std::string> leave_listen(SessionId session, CallId listen);

  std::vector<std::string> uris() const;
  std::vector<std::string> wanted() const;  // Resources that a session has or waits for.
  std::vector<std::string> uris_of(Subscriber who) const;
  std::set<SessionId> sessions_of(std::string_view uri) const;  // Sessions that have it or wait for it.
  std::size_t count_of(SessionId session) const;
  // Of the resources that `uri` is, or is part of, those that the subscriber has.
  std::vector<std::string> subscribed_for(std::string_view uri, Subscriber who) const;

  // The subscribers of `uri`; if there are none, those of the resource that it is part of.
  std::set<Subscriber> concerned(std::string_view uri) const;

  static constexpr std::size_t fields = 3;
  friend struct base::Fields;

 private:
  struct Resource {
    std::set<Subscriber> subscribers;
    std::vector<Waiter> waiters;
    bool upstream = false;  // The server counts us as subscribed.
    Step under_way = Step::none;
    static constexpr std::size_t fields = 4;
  };
  using Resources = std::map<std::string, Resource, std::less<>>;

  // It is gone from the resource, whether it had it or waited for it.
  Unwanted remove(Resources::value_type& entry, Subscriber who);
  std::vector<Waiter> take_waiters(Resources::value_type& entry);
  void drop_subscribers(Resources::value_type& entry);
  static bool waits_for(const Resource& resource, Subscriber who);
  void note_held(Subscriber who, std::string_view uri, Charge charge) {
    held_[who].try_emplace(uri, std::move(charge));
  }
  void forget_held(Subscriber who, std::string_view uri);
  std::vector<std::string> leave(const std::vector<Subscriber>& all);

  Resources resources_;
  // The keys of the resources that each has or waits for, and of those that each subscribe call waits for.
  std::map<Subscriber, std::map<std::string_view, Charge>> held_;
  std::set<std::pair<CallId, std::string_view>> waiting_;
};

}  // namespace core
