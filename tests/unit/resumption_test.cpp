// Connections that break anywhere, over thousands of invented sessions: no event is lost, none comes twice,
// each is on one stream and in order.
//
// What is written to a connection arrives in pieces, or, when it is cut, in part; the transport learns of the
// cut at once, later, or only when the client is back on another connection. The client behaves as the
// official ones do: it comes back with the last event id that it saw. Where it saw none, it cannot; what it
// could not have asked for is excused, and nothing else.
#include <doctest/doctest.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../sim/random.h"
#include "streamable_fixture.h"

using namespace transcript;

namespace {

using transport::ExchangeId;

std::uint64_t number_behind(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  std::uint64_t number = 0;
  if (at != std::string_view::npos) {
    const std::string_view rest = text.substr(at + key.size());
    std::from_chars(rest.data(), rest.data() + rest.size(), number);
  }
  return number;
}

std::uint64_t serial_of(std::string_view text) {
  return number_behind(text, "\"serial\":");
}

// What the client takes for one stream: that of a POST, or the one without.
struct Conversation {
  std::vector<std::uint64_t> calls;
  std::string last_id;
  ExchangeId exchange = 0;  // 0: it is broken.
  bool done = false;
  std::vector<std::uint64_t> heard;  // Serials, as they came.
};

struct Connection {
  std::size_t conversation = 0;
  std::string wire;  // Written and not yet arrived.
  std::vector<std::uint64_t> written;
  bool ended = false;
  bool cut = false;
  bool excused = false;  // Cut before the client knew any event's id.
  proto::SseReader reader{1 << 20};
};

struct Sent {
  std::uint64_t concerns = 0;  // A call's id, 0 if none.
  bool answer = false;
};

struct Chance {
  std::uint64_t seed = 0;
  bool bounded = false;  // The log is too small for everything.
  bool restarts = false;
};

class World {
 public:
  explicit World(const Chance& chance) : chance_(chance), random_(chance.seed) {
    const std::vector<std::string> revisions = {"2025-03-26", "2025-06-18", "2025-11-25"};
    revision_ = random_.pick(revisions);
    options_.stream_after = milliseconds(random_.between(1, 3000));
    if (random_.permille(300)) options_.poll_after = milliseconds(random_.between(500, 4000));
    if (chance.bounded) options_.log_bytes_max = 30'000;
    session_ = std::make_unique<Session>(revision_, options_);
    conversations_.emplace_back();
  }

  // What went wrong, or nothing.
  std::string run() {
    const std::size_t steps = random_.between(20, 150);
    for (std::size_t i = 0; i < steps && trouble_.empty(); ++i) step();
    settle();
    if (trouble_.empty()) judge();
    return trouble_;
  }

 private:
  void step() {
    const std::size_t what = random_.below(100);
    if (what < 15) {
      post();
    } else if (what < 45) {
      broker_says();
    } else if (what < 65) {
      if (Connection* connection = any_connection()) arrive(*connection, random_.below(400));
    } else if (what < 75) {
      if (Connection* connection = any_connection()) cut(*connection);
    } else if (what < 85) {
      come_back();
    } else if (what < 90) {
      learn_of_a_cut();
    } else if (what < 98) {
      time_passes(milliseconds(random_.below(2500)));
    } else if (chance_.restarts && !restarted_) {
      restart();
    }
  }

  Connection* any_connection() {
    std::vector<Connection*> open;
    for (auto& [exchange, connection] : connections_) {
      if (!connection.cut) open.push_back(&connection);
    }
    return open.empty() ? nullptr : random_.pick(open);
  }

  void post() {
    const bool batch = revision_ == "2025-03-26" && random_.permille(300);
    std::string body;
    Conversation conversation;
    for (std::size_t i = 0; i < (batch ? random_.between(1, 3) : 1); ++i) {
      conversation.calls.push_back(++calls_);
      body += (body.empty() ? "" : ",") + call(std::to_string(calls_));
      unanswered_.insert(calls_);
      conversation_of_[calls_] = conversations_.size();
    }
    conversations_.push_back(std::move(conversation));
    connect(conversations_.size() - 1, [&](ExchangeId exchange) {
      session_->server.request(
          exchange,
          request("POST", batch ? '[' + body + ']' : body,
                  Session::usual({{"content-type", "application/json"}}, accept_both, {})),
          session_->now);
    });
  }

  template <class F>
  void connect(std::size_t conversation, F&& how) {
    const ExchangeId exchange = ++exchanges_;
    connections_[exchange].conversation = conversation;
    conversations_[conversation].exchange = exchange;
    how(exchange);
    carry_out();
  }

  void broker_says() {
    const std::size_t what = random_.below(10);
    std::vector<std::uint64_t> running(unanswered_.begin(), unanswered_.end());
    const std::uint64_t about = running.empty() || what >= 7 ? 0 : random_.pick(running);
    if (about != 0 && what < 2) return give_answer(about, "result");
    const bool ask = what == 2 || what == 9;
    const std::uint64_t serial = ++serials_;
    sent_[serial] = {about, false};
    std::string text = R"({"jsonrpc":"2.0",)";
    if (ask) text += R"("id":)" + std::to_string(serial) + ',';
    text += ask ? R"("method":"roots/list")" : R"("method":"notifications/resources/updated")";
    text += R"(,"params":{"serial":)" + std::to_string(serial) + ",\"pad\":\"" +
            std::string(random_.below(300), 'x') + "\"}}";
    session_->server.send(proto::Message(text), about == 0 ? "" : std::to_string(about), session_->now);
    carry_out();
  }

  void give_answer(std::uint64_t id, const std::string& kind) {
    unanswered_.erase(id);
    const std::uint64_t serial = ++serials_;
    sent_[serial] = {id, true};
    session_->server.send(
        proto::Message(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + ",\"" + kind + R"(":{"serial":)" +
                       std::to_string(serial) + ",\"pad\":\"" +
                       std::string(random_.below(chance_.bounded ? 9000 : 1500), 'x') + "\"}}"),
        {}, session_->now);
    carry_out();
  }

  void carry_out() {
    for (transport::Output& output : std::exchange(session_->server.outbox(), {})) {
      if (const auto* text = std::get_if<transport::StreamText>(&output)) {
        written(connections_.at(text->exchange), text->text.text());
      } else if (const auto* end = std::get_if<transport::EndStream>(&output)) {
        connections_.at(end->exchange).ended = true;
      } else if (const auto* answer = std::get_if<transport::Answer>(&output)) {
        answered(connections_.at(answer->exchange), answer->answer);
      } else if (auto* whole = std::get_if<transport::AnswerMessage>(&output)) {
        answered(connections_.at(whole->exchange), {.status = 200, .body = whole->message.text()});
      }
    }
  }

  void written(Connection& to, const std::string& text) {
    if (to.ended) trouble_ = "a stream went on after its end";
    to.wire += text;
    const std::uint64_t serial = serial_of(text);
    if (serial == 0) return;
    to.written.push_back(serial);
    if (to.excused) excused_.insert(serial);
    const auto [place, fresh] = stream_of_.try_emplace(serial, to.conversation);
    if (place->second != to.conversation) trouble_ = "event " + std::to_string(serial) + " is on two streams";
  }

  void answered(Connection& to, const proto::HttpAnswer& answer) {
    Conversation& conversation = conversations_[to.conversation];
    to.ended = true;
    if (answer.status != 200 && answer.status != 204) trouble_ = "status " + std::to_string(answer.status);
    if (to.cut) return;
    std::string_view rest = answer.body;
    while (serial_of(rest) != 0) {
      hear(conversation, serial_of(rest), 0);
      rest.remove_prefix(rest.find("\"serial\":") + 9);
    }
    conversation.exchange = 0;
    conversation.done = true;
  }

  void hear(Conversation& by, std::uint64_t serial, std::uint64_t answers) {
    if (serial != 0) {
      by.heard.push_back(serial);
      if (!heard_.insert(serial).second) trouble_ = "event " + std::to_string(serial) + " came twice";
      if (sent_.at(serial).answer) answers = sent_.at(serial).concerns;
    }
    if (answers != 0 && ++answers_heard_[answers] == 2) {
      trouble_ = "call " + std::to_string(answers) + " was answered twice";
    }
  }

  // Some of what is under way arrives; at the end of the stream the client acts on it.
  void arrive(Connection& connection, std::size_t count) {
    Conversation& conversation = conversations_[connection.conversation];
    connection.reader.feed(std::string_view(connection.wire).substr(0, count));
    connection.wire.erase(0, count);
    while (const auto event = connection.reader.next()) {
      if (event->id) conversation.last_id = *event->id;
      if (event->data.empty()) continue;
      const bool word = serial_of(event->data) == 0;
      hear(conversation, serial_of(event->data), word ? number_behind(event->data, "\"id\":") : 0);
    }
    if (!connection.ended || !connection.wire.empty() || connection.cut) return;
    connection.cut = true;
    left(connection);
  }

  void cut(Connection& connection) {
    arrive(connection, random_.below(connection.wire.size() + 1));
    if (connection.cut) return;
    connection.cut = true;
    left(connection);
    if (connection.ended) return;
    const auto exchange = std::ranges::find(connections_, &connection, [](auto& one) { return &one.second; });
    untold_.push_back(exchange->first);
    if (random_.permille(600)) learn_of_a_cut();
  }

  // The client knows that this connection is no more.
  void left(Connection& connection) {
    Conversation& conversation = conversations_[connection.conversation];
    conversation.exchange = 0;
    if (conversation.last_id.empty()) {
      connection.excused = true;
      for (const std::uint64_t serial : connection.written) excused_.insert(serial);
      if (!conversation.calls.empty()) give_up(conversation);
    }
    const auto has_answer = [&](std::uint64_t id) { return answers_heard_.contains(id); };
    if (!conversation.calls.empty() && std::ranges::all_of(conversation.calls, has_answer)) {
      conversation.done = true;
    }
  }

  void give_up(Conversation& conversation) {
    conversation.done = true;
    for (const std::uint64_t id : conversation.calls) given_up_.insert(id);
  }

  void learn_of_a_cut() {
    if (untold_.empty()) return;
    const std::size_t which = random_.below(untold_.size());
    session_->server.gone(untold_[which], session_->now);
    untold_.erase(untold_.begin() + static_cast<std::ptrdiff_t>(which));
    carry_out();
  }

  bool come_back() {
    std::vector<std::size_t> broken;
    for (std::size_t i = 0; i < conversations_.size(); ++i) {
      if (conversations_[i].exchange == 0 && !conversations_[i].done) broken.push_back(i);
    }
    if (broken.empty()) return false;
    const std::size_t which = random_.pick(broken);
    const std::string id = conversations_[which].last_id;
    connect(which, [&](ExchangeId exchange) {
      session_->server.request(
          exchange, request("GET", "", Session::usual({{"last-event-id", id}}, "text/event-stream", {})),
          session_->now);
    });
    return true;
  }

  void time_passes(base::Duration time) {
    session_->now += time;
    session_->server.tick(session_->now);
    carry_out();
  }

  // Another daemon goes on with the session. What was said and had not arrived is gone with the old one; the
  // calls that it had not answered are answered with errors.
  void restart() {
    restarted_ = true;
    for (auto& [exchange, connection] : connections_) {
      if (connection.cut) continue;
      arrive(connection, random_.below(connection.wire.size() + 1));
      if (connection.cut) continue;
      connection.cut = true;
      left(connection);
    }
    untold_.clear();
    for (const auto& [serial, sent] : sent_) {
      if (!heard_.contains(serial)) excused_.insert(serial);
      if (sent.answer) answered_before_.insert(sent.concerns);
    }
    const base::Instant now = session_->now;
    options_.life = 1;
    options_.revision = proto::revision_of(revision_);
    session_ = std::make_unique<Session>(options_);
    session_->now = now;
    const std::size_t early = random_.below(3);
    for (std::size_t i = 0; i < early; ++i) come_back();
    for (const std::uint64_t id : std::set(unanswered_)) give_answer(id, "error");
  }

  void settle() {
    for (const std::uint64_t id : std::set(unanswered_)) give_answer(id, "result");
    for (int i = 0; i < 2000 && trouble_.empty(); ++i) {
      const bool came = come_back();
      bool moved = false;
      for (auto& [exchange, connection] : connections_) {
        if (connection.cut || (connection.wire.empty() && !connection.ended)) continue;
        moved = true;
        arrive(connection, connection.wire.size());
      }
      if (!came && !moved) return;
    }
    if (trouble_.empty()) trouble_ = "it does not come to rest";
  }

  void judge() {
    for (const auto& [serial, sent] : sent_) {
      const bool excused =
          excused_.contains(serial) || given_up_.contains(sent.concerns) || (chance_.bounded && !sent.answer);
      if (sent.answer && chance_.bounded && answers_heard_.contains(sent.concerns)) continue;
      if (sent.answer && in_a_batch(sent.concerns)) continue;
      if (!heard_.contains(serial) && !excused) trouble_ = "event " + std::to_string(serial) + " is lost";
    }
    for (std::uint64_t id = 1; id <= calls_; ++id) {
      const bool excused = given_up_.contains(id) || answered_before_.contains(id) || in_a_batch(id);
      if (!answers_heard_.contains(id) && !excused) trouble_ = "call " + std::to_string(id) + " hangs";
    }
    for (const auto& [exchange, connection] : connections_) {
      if (connection.conversation != 0 && !connection.cut && !connection.ended) {
        const std::uint64_t first = conversations_[connection.conversation].calls.front();
        if (!answered_before_.contains(first)) trouble_ = "the stream of a POST does not end";
      }
    }
    for (const Conversation& conversation : conversations_) {
      if (!std::ranges::is_sorted(conversation.heard)) trouble_ = "events are out of order";
    }
  }

  // After a restart a batch can be answered on the stream of its first call only.
  bool in_a_batch(std::uint64_t id) {
    return restarted_ && conversations_[conversation_of_.at(id)].calls.front() != id;
  }

  Chance chance_;
  sim::Random random_;
  std::string revision_;
  transport::StreamableOptions options_;
  std::unique_ptr<Session> session_;
  std::string trouble_;

  std::vector<Conversation> conversations_;  // The first is the one without a POST.
  std::map<ExchangeId, Connection> connections_;
  std::vector<ExchangeId> untold_;  // Cut, and the transport does not know.
  ExchangeId exchanges_ = 5000;

  std::uint64_t calls_ = 0;
  std::uint64_t serials_ = 0;
  std::set<std::uint64_t> unanswered_;
  std::map<std::uint64_t, Sent> sent_;
  std::map<std::uint64_t, std::size_t> stream_of_;
  std::map<std::uint64_t, std::size_t> conversation_of_;
  std::set<std::uint64_t> heard_;
  std::map<std::uint64_t, int> answers_heard_;
  std::set<std::uint64_t> excused_;
  std::set<std::uint64_t> given_up_;
  std::set<std::uint64_t> answered_before_;
  bool restarted_ = false;
};

void many(std::uint64_t seeds, Chance chance) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    chance.seed = seed;
    const std::string trouble = World(chance).run();
    CAPTURE(seed);
    REQUIRE(trouble == "");
  }
}

}  // namespace

TEST_CASE("connections cut anywhere: no event lost, none twice, each on one stream and in order") {
  many(4000, {});
}

TEST_CASE("connections cut anywhere, with a log that is too small: every call still gets one answer") {
  many(1000, {.bounded = true});
}

TEST_CASE("connections cut anywhere, and the daemon dies: every call that can be answered is, once") {
  many(2000, {.restarts = true});
}
