// An invented client: what it wrote, what it read, and what is true of its session whichever daemon serves
// it.
//
// It outlives daemons, as a real one does: its pipes and its journal page belong to it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/server_spec.h"
#include "sim/family.h"
#include "sim/truth.h"

namespace sim {

struct World;

class Client {
 public:
  Client(World& world, int number, std::size_t family);

  void start();
  void read_some();  // Takes bytes from its stdin, if it reads at all.
  // Hearth has been given that answer.
  void know_roots(std::string_view answer);
  void turn_kind();  // Reads again, and wants nothing more than it has asked for.
  Call& probe();     // One ordinary call, to see whether all is well.
  void leave();
  std::span<std::byte> page() { return {page_.get(), page_bytes}; }

  World& world;
  const int number;
  const std::size_t family;
  core::ServerSpec spec;
  // The same as it was when that server was started, if the configuration has changed since.
  core::ServerSpec spec_at(const broker::StartInstance& start) const;
  std::string key;
  Speaks speaks = Speaks::legacy;
  std::string revision;
  std::string capabilities;  // As it declares them with each request of 2026-07-28, raw.
  bool can_roots = false, can_sampling = false, can_form = false, can_url = false, can_vendor = false;

  std::string principal;  // Empty: this user.
  bool many_streams = false;
  std::size_t people = 1;  // It is a desk of so many clients, who have one session and roots of their own.
  bool presses = false;    // It wants more than it may have.
  std::size_t updates_told = 0;       // Since that was last looked at.
  std::deque<base::Instant> cancels;  // When the broker was given the latest, as many as it may make.

  const Server* last_of = nullptr;  // Where it was when it left.
  std::string roots_uri;            // Where it works now; some work in the same places.

  // Its pipes.
  std::string to_daemon;
  std::deque<Record> records;  // Lines in to_daemon and beyond that no broker was given yet.
  std::string from_daemon;
  std::deque<Delivery> expected;  // Lines that were written into from_daemon as a whole.
  bool reading = true;
  bool gone = false;

  // The truth about its session.
  std::optional<core::SessionId> session;       // In this life of the daemon; absent: not open.
  std::multimap<std::string, Call*> pending;    // Given to the broker, and owed an answer.
  std::multimap<std::string, Call*> refusable;  // Broken ones: owed a refusal, by their id or without.
  std::vector<Call*> calls;                     // All it ever wrote.
  std::size_t refusals_due = 0, refusals_got = 0, refusals_allowed = 0;
  bool initialize_fed = false, initialize_answered = false, initialize_ok = false, initialized_fed = false;
  bool wrote_batch = false;
  std::optional<std::size_t> level;
  int level_call = -1;                // The latest setLevel that was granted.
  bool level_vague = false;           // A setLevel failed: before its effect or after?
  std::set<std::string> vague_uris;   // Likewise.
  std::map<std::string, Call*> uris;  // Subscribed, and by which call; null once granted.
  std::map<std::string, Ask*> asked;  // By the id the broker gave the question.
  std::set<std::string> roots_asked;
  std::set<std::string> roots_void;       // Asked before its roots changed.
  std::string roots_given;                // Where Hearth knows it to work; empty: not known.
  bool roots_vague = false;               // It may be the place before.
  std::map<std::string, Listen> listens;  // By raw id.
  std::map<std::string, News> news;       // List changes by method, updates by URI.

 private:
  enum class Pad : std::uint8_t { usual, large };

  void plan_act();
  void act();
  void misbehave();
  void greet();
  std::string declared(std::string_view roots) const;
  void move_on();
  void one_request();
  void one_setting();
  void one_task_request();
  void notify();
  void cancel_something();
  void batch();
  void write_malformed();
  void write_overlong();
  void forge_answer();
  void repeat_id();
  void stop_reading();

  void choose_era();
  void begin_acting();
  void discover();
  void modern_act();
  void something_gone();
  void listen();
  void listen_no_more();
  void plan_coming_back(Call& before);
  void come_back(Call& before, bool again);
  void tell_what_is_wanted(Call& call, const Call& before);
  void dress(Call& call);
  std::string answer_to(const Wanted& wanted);

  Call& request(std::string_view method, std::string_view members, bool marked);
  Call& compose(std::string_view method, std::string_view members, bool marked);
  Call& tool_call();
  void lethal_call();
  void equal_request();
  void flood();
  void press();
  void press_listens();
  void press_subscriptions();
  void press_parks();
  void let_go();
  void hang_up();
  std::string place_of(std::size_t person) const;
  std::string fresh_id();
  std::string some_token();
  std::string padding();
  void write(Record record);
  void write_requests(std::vector<Call*> calls, std::string text);

  void take_line(std::string_view line);
  void received(const Delivery::Part& part);
  void answer(const Delivery::Part& part);
  void tell_progress(const std::string& token);
  std::string answer_text(const Delivery::Part& part);

  static constexpr std::size_t page_bytes = std::size_t{1} << 20;
  struct Freed {
    void operator()(std::byte* page) const { std::free(page); }
  };
  std::unique_ptr<std::byte, Freed> page_;  // From calloc: a page that is not touched costs nothing.

  bool pipelines_ = false, probes_ = false, odd_ids_ = false, talking_ = false, read_planned_ = false;
  bool greeted_ = false, acting_ = false, as_modern_ = false, pressed_ = false;
  std::size_t person_ = 0;                // The one that acts.
  std::vector<std::size_t> places_ = {};  // Of a desk's clients: where each works now.
  std::int64_t next_id_ = 1;
  std::multiset<std::string> unanswered_;  // Ids, as the client sees it.
  std::string line_;
};

}  // namespace sim
