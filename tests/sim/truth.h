// What really is the case, whatever the broker's tables say.
//
// Every request of an invented client carries a marker, "m17", that the invented server repeats in all it
// says because of it. So anybody who sees a message can tell whose it is without asking the broker.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace sim {

class Client;
class Server;
struct Ask;

enum class Era : std::uint8_t { legacy, modern };

// One of the things that an answer of 2026-07-28 (input_required) wants to know.
struct Wanted {
  std::string key;
  std::string method;
  Ask* ask = nullptr;  // None for roots, which say nothing of themselves.
};

// One request that a client wrote.
struct Call {
  int number = 0;
  int client = 0;
  std::size_t person = 0;  // Of those at one desk.
  std::string id;          // Raw.
  std::string method;
  std::string token;    // The progress token, raw; empty when there is none.
  std::string uri;      // subscribe, unsubscribe.
  std::string task;     // tasks/*: the task it names.
  std::string level;    // setLevel.
  std::string text;     // As written.
  std::string members;  // Of params, beside _meta and what brings answers.
  std::string meta;     // Of params._meta, beside the token.
  std::size_t id_at = 0, token_at = std::string::npos;
  bool marked = false;  // The text holds the marker, so the server will repeat it.
  bool wants_task = false;
  bool lethal = false;     // Its server dies of it.
  bool presses = false;    // Its legacy server asks because of it, and waits.
  std::string equal;       // What it asks, where others ask the same: without marker, by this text.
  std::size_t fed_at = 0;  // When the broker was given it, as the checker counts.
  bool broken = false;     // Malformed or over-long: to be refused, by id or without.
  bool error_is_fine = false;
  Era era = Era::legacy;                 // Modern: it says itself who asks.
  Call* first = nullptr;                 // The call that this one brings answers for, if it does.
  bool gone = false;                     // A method that 2026-07-28 has no more.
  std::optional<std::size_t> log_level;  // Modern: from which on it wants to hear log lines.

  bool fed = false;        // The broker was given it.
  bool duplicate = false;  // Its id was in flight at that moment.
  bool cancelled = false;  // The broker was given its cancellation while it was unanswered.
  bool answered = false;   // The broker has answered it.
  bool delivered = false;  // The whole answer is in the client's pipe.
  bool failed = false;     // The answer is an error.

  int reached = 0;  // How often a server was sent it.
  Server* server = nullptr;
  std::string wire_id, wire_token;
  bool server_done = false;  // The server has said what it had to say, or was told not to.
  bool cancel_sent = false;
  std::string payload;                 // The raw result or error of its first sound answer.
  std::string task_id;                 // The task it became.
  const Call* displaced_by = nullptr;  // Its task's id has become that call's.
  std::string outcome;                 // What that came to: the raw result or error.
  int fed_in = 0;                      // The life of the daemon that was given it last.
  std::size_t progress_told = 0;       // Since its server last made progress.

  // Where one of the two is modern and the server wants to know something first.
  std::vector<Wanted> wanted = {};
  std::string state;                                         // The requestState that goes with it, raw.
  int rounds = 0;                                            // How often its server has asked that way.
  base::Instant asked_at{};                                  // When its client was told.
  std::vector<std::pair<Ask*, std::string>> responses = {};  // What it brings.
  bool tampered = false;                                     // It brings what it was not given.
  bool input_required = false;  // Its answer says what is wanted, and nothing else.
  // Of the first: who of those that brought answers is at the server, and whether that works on it.
  Call* run = nullptr;
  bool live = false;
  bool asking = false;  // The broker knows that, and has not made the call again.
};

// The call whose marker it bears.
inline Call& first_of(Call& call) {
  return call.first != nullptr ? *call.first : call;
}
inline const Call& first_of(const Call& call) {
  return call.first != nullptr ? *call.first : call;
}

// Whether the call asked for sampling, and so fails without an answer to it.
inline bool asked_to_sample(const Call& call) {
  for (const Wanted& wanted : call.wanted) {
    if (wanted.method == "sampling/createMessage") return true;
  }
  return false;
}

// Whether a server may ask its client something because of this call.
inline bool may_lead_to_questions(const Call& call) {
  return call.method == "tools/call" || call.method == "prompts/get" || call.method == "resources/read" ||
         call.method == "tasks/result" || call.method == "acme/do";
}

// One request that a server wrote.
struct Ask {
  int number = 0;
  Server* server = nullptr;
  std::string id;  // Raw.
  std::string method;
  std::string token;            // Its progress token, raw; empty when there is none.
  bool url = false;             // An elicitation by URL.
  const Call* owner = nullptr;  // The call because of which it is asked; none: outside any call.
  bool by_task = false;         // It names its task.
  bool by_round = false;        // It is in an answer of a modern server.

  bool fed = false;
  bool cancelled = false;
  bool answered = false;            // The broker has answered it.
  const Client* sure = nullptr;     // The only one that it could be meant for when the broker was given it.
  const Call* sure_call = nullptr;  // The same, of a modern client's calls.
  Client* asked = nullptr;          // The client that the broker asked,
  int life = 0;                     // and in which life of the daemon.
  std::string down_id;
  std::set<std::string> offers;  // Answers that were brought with a call.
  std::string payload;           // The answer of the one who was asked, once the broker was given it.
  bool refused = false;          // It is an error.
};

// One request to a server that several clients may be answered with: it says "asked":"e5" in its answer.
struct Inquiry {
  int number = 0;
  Server* server = nullptr;
  std::string id;         // Raw, of the wire.
  std::string equal;      // What is asked, as of Call.
  std::string principal;  // Of the client that it names; only modern requests name one.
  Era era = Era::legacy;
  std::size_t asked_at = 0;  // As the checker counts.
  bool cancel_sent = false;
  std::string body;  // The members by which its answer is known.
  bool error = false;
  std::optional<base::Instant> told;  // When the broker was given the answer,
  base::Duration good_for{};          // and how long it may be given again.
  bool for_all = true;                // To any principal.
};

// One line that a client wrote, in the order of writing.
struct Record {
  enum class Kind : std::uint8_t { requests, cancel, answer, initialized, roots_changed, notice, garbage };
  Kind kind = Kind::notice;
  std::vector<Call*> calls = {};  // requests
  std::string id = {};            // cancel: the id it names. answer: the id it answers.
  Ask* ask = nullptr;             // answer
  bool forged = false;            // answer: to a question that was never put to this client.
  bool overlong = false;
  std::string text = {};
};

// One line on its way to a client, with what the checker found in it.
struct Delivery {
  enum class Kind : std::uint8_t { answer, refusal, ask, roots, ping, notice };
  struct Part {
    Kind kind = Kind::notice;
    Call* call = nullptr;
    Ask* ask = nullptr;
    Call* acknowledges = nullptr;  // The listen.
    std::string id = {};           // ask, roots, ping: what the answer has to carry.
    bool error = false;
  };
  std::string text = {};
  std::vector<Part> parts = {};
  std::optional<std::uint16_t> slot = std::nullopt;  // The journal's; free once the line is written.
};

// One subscriptions/listen of a modern client, by methods of list changes and URIs.
inline const std::string what_is_in = "below ";  // Before a URI: the news of what is in it.
struct News {
  base::Instant due{}, told{};
};
struct Listen {
  Call* call = nullptr;
  std::set<std::string> asked, granted;
  bool acknowledged = false;  // The broker has said so,
  bool delivered = false;     // and that stands in the client's pipe.
  bool renewed = false;       // By a later daemon: what it is granted now nobody has said.
  std::set<std::string> vague;
  std::map<std::string, News> news;
};

struct Truth {
  std::deque<Call> calls;
  std::deque<Ask> asks;
  std::deque<Inquiry> inquiries;

  Call& call(int client, std::string_view method) {
    Call& made = calls.emplace_back();
    made.number = static_cast<int>(calls.size()) - 1;
    made.client = client;
    made.method = method;
    return made;
  }
  Ask& ask(Server& server, std::string_view method) {
    Ask& made = asks.emplace_back();
    made.number = static_cast<int>(asks.size()) - 1;
    made.server = &server;
    made.method = method;
    return made;
  }
};

}  // namespace sim
