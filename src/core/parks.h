// All parked calls, their tickets, and who has to do with them.
//
// The only writer of a Park, and of what is charged for it. It keeps what is looked for beside them: those of
// a server and of a session, outcomes by their accounts, the questions by their servers' ids, the next time.
// Nothing here looks at all of them, so one client's thousands cost the others nothing.
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

#include "base/agenda.h"
#include "base/fields.h"
#include "core/ids.h"
#include "core/park.h"

namespace core {

class Parks {
 public:
  // Questions of `park` without a key get one.
  ParkId insert(Park park);
  const Park* find(ParkId id) const;
  const Park* find(std::optional<ParkId> id) const { return id ? find(*id) : nullptr; }
  const Park& at(ParkId id) const;
  // It ends, and its tickets with it.
  Park take(ParkId id);

  // The server asks something more.
  void ask(ParkId id, ParkedAsk ask);
  // The client has answered that. Absent: it was not asked, or has been answered.
  std::optional<ParkedAsk> answered(ParkId id, std::string_view key);
  // Returns whether a call of this server had a question of that id, which is withdrawn.
  bool withdraw(InstanceId instance, std::string_view server_id);
  bool has_question(InstanceId instance, std::string_view server_id) const;
  void drop_questions(ParkId id);

  // An attached client is told then what is asked; absent: not any more.
  void set_round_due(ParkId id, std::optional<base::Instant> due);
  // The client has been told what is asked, and is to come back before `deadline`.
  void send_away(ParkId id, base::Instant deadline);
  // A client has come back with that ticket.
  void present(ParkId id, std::string ticket);
  // From now on that session's client waits for the call.
  void hand_over(ParkId id, SessionId session, Account account);
  // The call is over; the outcome is kept until `deadline`.
  void finish(ParkId id, Outcome outcome, base::Instant deadline);

  void add_ticket(ParkId id, std::string text);
  // Whenever it is presented again, it is answered with this. Nothing happens if there is no such ticket.
  void replay(std::string_view ticket, Outcome outcome);
  const Ticket* ticket(std::string_view text) const;

  // In order of making.
  std::vector<ParkId> of_instance(InstanceId instance) const;
  std::vector<ParkId> of_session(SessionId session) const;

  // Of those that are charged to the account, or to another session of its principal, the oldest outcome that
  // its client has seen; if there is none, the oldest that it has not.
  std::optional<ParkId> oldest_finished(Account account) const;

  std::optional<base::Instant> deadline() const { return agenda_.first(); }
  std::vector<ParkId> due(base::Instant now) const { return agenda_.due(now); }  // In order of making.

  std::uint64_t tickets_ever = 0;

  static constexpr std::size_t fields = 9;
  friend struct base::Fields;

 private:
  struct Finished {
    std::set<ParkId> seen;    // While its client waited,
    std::set<ParkId> unseen;  // or while it was away.
    static constexpr std::size_t fields = 2;
  };

  std::size_t size_of(const Park& park) const;
  // Every index but those of questions and tickets, which change by themselves.
  void link(ParkId id);
  void unlink(ParkId id);
  template <class Change>
  void change(ParkId id, Change&& how);
  void forget_question(InstanceId instance, const ParkedAsk& ask);
  void drop_tickets(ParkId id);

  std::map<ParkId, Park> all_;
  std::map<std::string, Ticket, std::less<>> tickets_;
  std::map<InstanceId, std::set<ParkId>> by_instance_;
  std::map<SessionId, std::set<ParkId>> by_session_;
  std::map<AccountId, Finished> finished_;  // By the widest account.
  std::map<std::pair<InstanceId, std::string>, ParkId> questions_;
  base::Agenda<ParkId> agenda_;
  ParkId last_;
};

}  // namespace core
