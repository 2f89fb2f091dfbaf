// What must hold, checked at every step against the truth.
//
// It sees what the broker is given and what the broker wants done, at the very moment, so it can be exact
// where a peer at the end of a slow link could not: after the broker was given a cancellation, no answer may
// leave it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/action.h"
#include "core/kept.h"
#include "proto/json.h"
#include "sim/truth.h"

namespace sim {

class Client;
class Read;
class Server;
struct ServerLine;
struct World;

class Checker {
 public:
  explicit Checker(World& world) : world_(world) {}

  bool failed() const { return !invariant_.empty(); }
  const std::string& invariant() const { return invariant_; }
  const std::string& detail() const { return detail_; }
  void broken(std::string_view invariant, std::string detail);

  // Between daemon and clients.
  void fed(Client& client, Record& record);    // The broker is about to be given this line,
  void heard(Client& client, Record& record);  // and now has said what it says to that.
  Delivery sent(Client& client, std::string text);
  void left(Client& client);
  void delivered(const Delivery& delivery);  // It stands in the client's pipe.

  // Between daemon and servers.
  void starting(const broker::StartInstance& start, std::size_t family);
  void starting_web(const broker::StartInstance& start, std::size_t family);
  void turned_away(Server& server, const std::string& text);  // It had no effect.
  void forgot(Server& server);                                // The whole conversation.
  void fed(Server& server, ServerLine& line);
  void heard(Server& server, ServerLine& line);
  void sent(Server& server, const std::string& text);
  void ended(Server& server);

  void forgiven() { forgiven_ = now(); }
  void daemon_died();
  void look_around();  // The broker's reports against the world, now and then.
  void settled();      // All behave again and time has passed.
  void probed(const std::vector<Call*>& probes);
  void unblocked(Client& client);  // It has been told what was kept for it.
  void emptied();                  // All sessions have left and idle times have passed.

 private:
  base::Instant now() const;
  // Requests that several clients make: checker_equal.cpp.
  void inquiry_to(Server& server, const Read& message, const std::string& id, const std::string& text);
  bool cancels_inquiry(Server& server, const std::string& id, const std::string& text);
  void check_told(const Client& client, const Call& call, const Read& message, const std::string& text);
  void check_age(const Call& call, const Inquiry& inquiry, const Read& message, const std::string& text);
  void given_up(const Call& call);
  // What one may have: checker_quotas.cpp.
  std::size_t most(core::Kept kind) const;
  void note_cancel(Client& client);
  bool check_quota(const Client& client, const Call& call, const std::string& text);
  void check_granted(const Client& client, const std::string& text);
  std::size_t parked_for(const Client& client) const;
  bool parks_enough(const Call& call) const;
  std::size_t subscriptions_of(const Client& client, bool granted) const;
  // The clients of one desk.
  const Call* only_call(const Server& server) const;
  void check_desk_roots(const Call* call, const std::string& text);
  static bool may_have_effect(const Call& call);
  void fed_request(Client& client, Call& call);
  void fed_answer(Client& client, const Record& record);
  Delivery::Part part_of(Client& client, const Read& message, const std::string& text);
  Delivery::Part answer_to(Client& client, const Read& message, const std::string& text);
  Delivery::Part question_to(Client& client, const Read& message, const std::string& text);
  void legacy_notice_to(Client& client, const Read& message, const std::string& text);
  std::size_t least_for(const Client& client, const std::string& text) const;
  Delivery::Part notice_to(Client& client, const Read& message, const std::string& text);
  void check_owner(Client& client, const std::string& text);
  void check_answer(Client& client, Call& call, const Read& message, const std::string& text);
  void check_error(Client& client, const Call& call, const std::string& payload, const std::string& text);
  void settle_wish(Client& client, Call& call);
  void check_initialize(Client& client, Call& call, const Read& message);
  void check_question(Client& client, Ask& ask, const std::string& text);
  void check_progress(Client& client, const Read& message, const std::string& text);

  void subscription_refused(Server& server, const std::string& uri);
  // Tasks of modern servers.
  void task_made(Server& server, const ServerLine& line);
  void task_asks(const ServerLine& line);
  void about_task(Server& server, const Read& message, const std::string& text);
  void settled_tasks(const Server& server);
  void progress_heard(const Server& server, const ServerLine& line);
  bool fits_task(const Call& call, const Read& message, const std::string& payload) const;
  void check_brought(const Call& call, const Read& message, const std::string& text);
  // Between the eras.
  void check_era(Server& server, const Read& message, const std::string& text);
  void check_claim(const Read& message, const std::string& name, const std::string& capabilities,
                   const std::string& text);
  void check_bridged(Server& server, const Call& call, const Read& message, const std::string& text);
  void check_made_again(const Call& call, const Read& message, const std::string& text);
  bool fits(const Call& call, const Read& message, const std::string& payload) const;
  bool fits_modern(const Call& call, const Call& ran, const Read& message, const std::string& payload) const;
  // Modern clients.
  void fed_coming_back(Client& client, Call& call);
  void check_modern_answer(Client& client, Call& call, const Read& message, const std::string& text);
  void check_discovered(const Call& call, const Read& message, const std::string& text);
  void check_round(Client& client, Call& call, const Read& message, const std::string& text);
  void check_wanted(Client& client, Call& call, const Read& message, const proto::json::Value& request,
                    Wanted& wanted, const std::string& text);
  Delivery::Part told(Client& client, const std::string& listen, const Read& message,
                      const std::string& text);
  bool wants_log_line(const Client& client, std::size_t level) const;
  void listens_are_due(Server& server, const std::string& name);
  bool is_wished(const std::string& uri) const;  // By anybody, so news of it is theirs alone.
  void check_listens(const Client& client, bool served);
  bool waits_for(const Client& client, const Call& first) const;
  void no_longer_live(Client& client);
  void listened_to(Server& server, const Read& message, const std::string& id, const std::string& text);
  void acknowledged(Server& server, const ServerLine& line);
  void listen_ended(Server& server, const ServerLine& line);

  void request_to(Server& server, const Read& message, const std::string& text);
  void call_to(Server& server, Call& call, const Read& message, const std::string& text);
  // But for ids, tokens and what only one of the eras has.
  static bool says_the_same(const Read& one, const Read& other);
  void check_roots(const Server& server, const Client& client, const std::string& text);
  void setting_to(Server& server, const Read& message, const std::string& id, const std::string& text);
  void notice_to(Server& server, const Read& message, const std::string& text);
  void cancel_to(Server& server, const Read& message, const std::string& text);
  void progress_to(Server& server, const Read& message, const std::string& text);
  void answer_to(Server& server, const Read& message, const std::string& text);
  std::size_t deaths_of_lethal(const Server& server) const;
  void check_serialised(Server& server, const Call& call);
  void check_one_at_a_time(const Server& server, const Call& call);
  // The parties that a legacy server's question may be for: sessions, and modern calls one by one.
  std::vector<std::pair<const Client*, const Call*>> parties(const Server& server) const;
  static bool may_be_asked(const Client& client, const Ask& ask);
  // The legacy client whose call must have caused it; none if that is uncertain, or it cannot be asked.
  const Client* surely_meant(const Server& server, const Ask& ask) const;
  // The same of a modern client's call.
  const Call* surely_of(const Server& server, const Ask& ask) const;
  // All that it has at the server waits for answers of its own.
  bool in_dialog(const Server& server, const Client& client) const;
  bool served_alone(const Server& server, const Client& client) const;
  std::size_t sessions_that_want(const Server& server, const std::string& uri) const;
  void settled_server(Server& server);

  World& world_;
  std::size_t count_ = 0;                        // Of what it has seen.
  std::map<std::string, std::size_t> given_up_;  // When a client last waited no more for what it had asked.
  std::map<std::string, std::size_t> wished_,
      inquired_;  // How often something was asked by clients, of servers.
  std::string invariant_, detail_;
  base::Instant forgiven_{};  // When a person said: again.
};

}  // namespace sim
