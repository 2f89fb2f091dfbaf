// A chronicle, and the broker that is retold from it: after a kill at any store, in a block that is damaged,
// foreign, closed, or in the middle of a beginning. Whole worlds are killed by the simulation (--killed).
#include "record/chronicle.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "broker_fixture.h"
#include "record/retelling.h"

namespace {

using record::Chronicle;

constexpr std::size_t block_words = std::size_t{32} << 10;

struct Block {
  std::vector<std::uint64_t> words = std::vector<std::uint64_t>(block_words);

  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words)); }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(words)); }
};

broker::Options options() {
  broker::Options all;
  all.version = "1.2.3";
  all.hash_key = 7;
  return all;
}

auto retold(const Block& block) {
  return record::retell(block.bytes(), options());
}

std::string trouble(const Block& block) {
  const auto read = retold(block);
  return read ? std::string() : read.error().what;
}

std::string text_of(const broker::Action& action) {
  std::string text = std::to_string(action.index());
  std::visit(
      [&](const auto& one) {
        if constexpr (requires { one.session; }) text += " session " + std::to_string(one.session.index);
        if constexpr (requires { one.instance; }) text += " server " + std::to_string(one.instance.index);
        if constexpr (requires { one.message; }) text += ' ' + one.message.text();
        if constexpr (requires { one.text; }) text += ' ' + one.text;
      },
      action);
  return text;
}

// The daemon's side of a conversation. Everything that becomes of its actions is in `done`, in order.
class Daemon {
 public:
  explicit Daemon(Block& block) : block_(block), broker_(std::make_unique<broker::Broker>(options(), now_)) {
    chronicle_.emplace(block.bytes());
    REQUIRE(chronicle_->begin(options(), broker_->save()));
  }

  std::vector<std::string> done;
  std::vector<Block> seen;  // After each store, if they are wanted.
  bool looks = false;

  Chronicle& chronicle() { return *chronicle_; }
  broker::Broker& broker() { return *broker_; }
  std::map<core::SessionId, test::Page>& pages() { return pages_; }

  core::SessionId open() {
    const core::SessionId id = broker_->admit();
    (void)chronicle_->note(record::Admitted{id}, now_);
    look();
    core::ServerSpec spec;
    spec.name = "files";
    spec.program = "/bin/files";
    spec.environment = {{"PATH", "/bin"}};
    hear(broker::SessionOpened{id, spec, pages_[id].bytes, 7});
    return id;
  }

  void hear(broker::Event event) {
    now_ += std::chrono::milliseconds(1);
    (void)chronicle_->note(event, now_);
    look();
    broker_->on(std::move(event), now_);
    carry_out();
  }

  void tick(base::Duration later) {
    now_ += later;
    (void)chronicle_->note(record::Ticked{}, now_);
    look();
    broker_->tick(now_);
    carry_out();
  }

  void says(core::SessionId session, const std::string& text) {
    hear(broker::SessionLine{session, line(text)});
  }
  void serves(core::InstanceId instance, const std::string& text) {
    hear(broker::InstanceLine{instance, line(text)});
  }

  // As many as are wanted, the rest stays in the outbox.
  void carry_out(std::size_t most = 1000) {
    std::vector<broker::Action> actions = std::exchange(broker_->outbox(), {});
    std::size_t i = 0;
    for (; i < actions.size() && most > 0; ++i, --most) {
      const auto mark = chronicle_->after(actions[i]);
      done.push_back(text_of(actions[i]));
      if (auto* start = std::get_if<broker::StartInstance>(&actions[i])) server = start->instance;
      if (auto* sent = std::get_if<broker::SendToInstance>(&actions[i])) last_sent = sent->message.text();
      if (auto* answer = std::get_if<broker::SendToSession>(&actions[i]); answer && answer->ends_call)
        proto::Journal(pages_[answer->session].bytes).call_ended(*answer->ends_call);
      chronicle_->carried(mark);
      look();
    }
    actions.erase(actions.begin(), actions.begin() + static_cast<std::ptrdiff_t>(i));
    broker_->outbox() = std::move(actions);
  }

  // The next daemon, from the block, with the pages as they are.
  void is_killed() {
    auto next = retold(block_);
    REQUIRE_MESSAGE(next, trouble(block_));
    broker_ = std::move(next->broker);
    std::vector<broker::SendToSession*> unwritten;
    for (broker::Action& action : next->left) {
      if (auto* answer = std::get_if<broker::SendToSession>(&action)) unwritten.push_back(answer);
    }
    broker_->rejoin([&](core::SessionId id) { return std::span(pages_[id].bytes); }, unwritten);
    chronicle_.emplace(block_.bytes());
    REQUIRE(chronicle_->begin(options(), broker_->save(), next->left));
    broker_->outbox() = std::move(next->left);
  }

  std::optional<core::InstanceId> server;
  std::string last_sent;

 private:
  static proto::Line line(const std::string& text) {
    return {.bytes = base::Bytes::copy(text), .length = text.size(), .id = {}};
  }
  void look() {
    if (looks) seen.push_back(block_);
  }

  Block& block_;
  base::Instant now_{std::chrono::hours(1)};
  std::map<core::SessionId, test::Page> pages_;
  std::unique_ptr<broker::Broker> broker_;
  std::optional<Chronicle> chronicle_;
};

const std::string initialize =
    R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
    R"("capabilities":{},"clientInfo":{"name":"c","version":"1"}}})";
const std::string call = R"({"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t"}})";

std::string answer_to(const std::string& request, const std::string& result) {
  return R"({"jsonrpc":"2.0","id":)" + test::Stage::id_of(request) + R"(,"result":)" + result + "}";
}

using Steps = std::vector<std::function<void(Daemon&)>>;

// A session that comes, greets, calls, subscribes, and leaves; `id` is known once it has come.
Steps conversation() {
  const core::SessionId one{0, 1};
  return {
      [](Daemon& d) { d.open(); },
      [=](Daemon& d) { d.says(one, initialize); },
      [](Daemon& d) { d.hear(broker::InstanceStarted{*d.server, 99}); },
      [](Daemon& d) {
        d.serves(*d.server,
                 answer_to(d.last_sent,
                           R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":)"
                           R"({"subscribe":true}},"serverInfo":{"name":"s","version":"1"}})"));
      },
      [=](Daemon& d) { d.says(one, R"({"jsonrpc":"2.0","method":"notifications/initialized"})"); },
      [=](Daemon& d) { d.says(one, call); },
      [=](Daemon& d) {
        d.says(one, R"({"jsonrpc":"2.0","id":")" + std::string(100, 'l') + R"(","method":"ping"})");
      },
      [](Daemon& d) { d.serves(*d.server, answer_to(d.last_sent, R"({"content":[]})")); },
      [=](Daemon& d) {
        d.says(one,
               R"({"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"file:///a"}})");
      },
      [](Daemon& d) { d.serves(*d.server, answer_to(d.last_sent, "{}")); },
      [](Daemon& d) { d.tick(std::chrono::seconds(3)); },
      [=](Daemon& d) { d.hear(broker::SessionClosed{one, "it left"}); },
      [](Daemon& d) { d.tick(std::chrono::minutes(10)); },
      [](Daemon& d) { d.hear(broker::InstanceExited{*d.server, "exited", "words", true, {}}); },
  };
}

std::vector<std::string> done_without_kills() {
  Block block;
  Daemon daemon(block);
  for (const auto& step : conversation()) step(daemon);
  return daemon.done;
}

}  // namespace

TEST_CASE("a daemon that is killed after any step goes on, and nothing is done twice or not at all") {
  const std::vector<std::string> expected = done_without_kills();
  REQUIRE(expected.size() > 10);
  for (std::size_t killed_after = 0; killed_after < conversation().size(); ++killed_after) {
    CAPTURE(killed_after);
    Block block;
    Daemon daemon(block);
    std::size_t step = 0;
    for (const auto& takes : conversation()) {
      takes(daemon);
      if (step++ != killed_after) continue;
      const auto due = daemon.broker().deadline();
      const std::string known = daemon.broker().save();
      daemon.is_killed();
      CHECK(daemon.broker().deadline() == due);
      CHECK(daemon.broker().save() == known);
    }
    CHECK(daemon.done == expected);
  }
}

TEST_CASE("every store leaves a whole prefix of what was told and done") {
  Block block;
  Daemon daemon(block);
  daemon.looks = true;
  for (const auto& step : conversation()) step(daemon);
  std::size_t entries = 0, done = 0;
  for (const Block& seen : daemon.seen) {
    const auto next = retold(seen);
    REQUIRE_MESSAGE(next, trouble(seen));
    CHECK(next->entries + next->done.size() == entries + done + 1);
    entries = next->entries;
    done = next->done.size();
    for (std::size_t i = 0; i < done; ++i) CHECK(text_of(next->done[i]) == daemon.done[i]);
    for (std::size_t i = 0; i < next->left.size(); ++i)
      CHECK(text_of(next->left[i]) == daemon.done[done + i]);
  }
  CHECK(entries == conversation().size() + 1);  // A session is admitted and opened.
  CHECK(done == daemon.done.size());
}

// Bytes that do not count yet may have been written or not, in any order.
TEST_CASE("a kill in the middle of a note or a beginning leaves what was there before") {
  Block block;
  Daemon daemon(block);
  daemon.looks = true;
  for (const auto& step : conversation()) step(daemon);
  daemon.looks = false;
  Block begun = block;
  REQUIRE(Chronicle(begun.bytes()).begin(options(), daemon.broker().save()));
  daemon.seen.push_back(begun);

  std::uint64_t chance = 1;
  for (std::size_t i = 1; i < daemon.seen.size(); ++i) {
    const Block& before = daemon.seen[i - 1];
    const Block& after = daemon.seen[i];
    const auto whole = retold(before);
    REQUIRE(whole);
    std::vector<std::size_t> changed;
    for (std::size_t word = 0; word < block_words; ++word) {
      if (before.words[word] != after.words[word]) changed.push_back(word);
    }
    // The one that counts is the only one that changes in what is in force.
    const auto half_words = record::layout::half_bytes(block_words * 8) / 8;
    const bool begins = i + 1 == daemon.seen.size();
    const std::size_t counts =
        begins
            ? record::layout::current_at / 8
            : record::layout::half_at(block_words * 8, 1) / 8 +
                  (std::ranges::count(changed, record::layout::half_at(block_words * 8, 1) / 8 + 5) != 0 ? 5
                                                                                                         : 6);
    REQUIRE(std::ranges::count(changed, counts) == 1);
    CHECK(half_words > 0);
    Block torn = before;
    for (const std::size_t word : changed) {
      chance = chance * 6364136223846793005 + 1442695040888963407;
      if (word != counts && chance >> 63 != 0) torn.words[word] = after.words[word];
    }
    const auto next = retold(torn);
    REQUIRE(next);
    CHECK(next->entries == whole->entries);
    CHECK(next->done.size() == whole->done.size());
    CHECK(next->broker->save() == whole->broker->save());
  }
}

TEST_CASE("a bit that is flipped is found, or changes nothing, or cuts something off") {
  Block block;
  Daemon daemon(block);
  for (const auto& step : conversation()) step(daemon);
  const auto whole = retold(block);
  REQUIRE(whole);
  const std::string known = whole->broker->save();
  std::size_t found = 0, same = 0;
  const std::size_t half = record::layout::half_at(block_words * 8, 1);
  const std::size_t looked_at = half + 64 + daemon.chronicle().entry_bytes() + 2000;
  for (std::size_t byte = 0; byte < looked_at; byte = byte == 64 ? half : byte + 1) {
    Block damaged = block;
    damaged.bytes()[byte] ^= std::byte{static_cast<unsigned char>(1U << byte % 8)};
    const auto next = retold(damaged);
    if (!next) {
      ++found;
      CHECK(next.error().what.starts_with("the chronicle of the daemon before cannot be read: "));
      continue;
    }
    ++same;
    CHECK(next->entries == whole->entries);
    CHECK(next->broker->save() == known);
  }
  CHECK(found > daemon.chronicle().entry_bytes() * 9 / 10);
  CHECK(same > 0);
}

TEST_CASE("what has no room closes the chronicle until it begins anew") {
  Block block;
  Daemon daemon(block);
  const core::SessionId one = daemon.open();
  CHECK(daemon.chronicle().whole());
  CHECK_FALSE(daemon.chronicle().due());
  daemon.says(one, std::string(block_words * 8, 'x'));
  CHECK_FALSE(daemon.chronicle().whole());
  CHECK(daemon.chronicle().due());
  CHECK(trouble(block).contains("it is not whole"));
  daemon.says(one, initialize);
  CHECK(trouble(block).contains("it is not whole"));

  REQUIRE(daemon.chronicle().begin(options(), daemon.broker().save(), {}, "beside"));
  CHECK(daemon.chronicle().whole());
  CHECK_FALSE(daemon.chronicle().due());
  const auto next = retold(block);
  REQUIRE(next);
  CHECK(next->entries == 0);
  CHECK(next->beside == "beside");
}

TEST_CASE("a beginning that has no room leaves what was begun, and is not tried again at once") {
  Block block;
  Daemon daemon(block);
  const core::SessionId one = daemon.open();
  const std::string large(block_words * 8, 'x');
  CHECK_FALSE(daemon.chronicle().begin(options(), daemon.broker().save(), {}, large));
  CHECK(daemon.chronicle().whole());
  CHECK_FALSE(daemon.chronicle().due(0));
  CHECK(retold(block)->entries == 2);
  for (int i = 0; i < 7; ++i) {
    daemon.says(one, large);
    CHECK_FALSE(daemon.chronicle().due(0));
  }
  CHECK(trouble(block).contains("it is not whole"));
  for (int i = 0; i < 3; ++i) daemon.says(one, large);
  CHECK(daemon.chronicle().due(0));
}

TEST_CASE("a chronicle that has grown should begin anew, and halves alternate") {
  Block block;
  Daemon daemon(block);
  const core::SessionId one = daemon.open();
  std::size_t begun = 0;
  for (int i = 0; i < 3000; ++i) {
    daemon.says(one, R"({"jsonrpc":"2.0","id":)" + std::to_string(i) + R"(,"method":"ping"})");
    REQUIRE(daemon.chronicle().whole());
    if (!daemon.chronicle().due(10000)) continue;
    const std::byte* idle = daemon.chronicle().idle_half().data();
    REQUIRE(daemon.chronicle().begin(options(), daemon.broker().save()));
    CHECK(daemon.chronicle().idle_half().data() != idle);
    ++begun;
  }
  CHECK(begun > 5);
  CHECK(retold(block));
}

TEST_CASE("a block that is no chronicle of this build is refused with the reason, and taken for a new one") {
  Block block;
  CHECK(trouble(block).contains("it is no chronicle"));
  {
    Daemon daemon(block);
    daemon.open();
  }
  Block other = block;
  other.words[1] += 1;
  CHECK(trouble(other).contains("it has format 2, and this build reads format 1"));
  Chronicle next(other.bytes());
  CHECK(trouble(other).contains("it has not begun"));
  CHECK_FALSE(next.whole());
  CHECK(next.due());
  CHECK_FALSE(next.note(record::Ticked{}, {}));
  CHECK(next.begin(options(), broker::Broker(options(), {}).save()));
  CHECK(retold(other));

  CHECK(record::retell(block.bytes().first(8192), options()).error().what.contains("no chronicle"));
  CHECK(record::retell(std::as_bytes(std::span(block.words).first(block_words / 2)), options())
            .error()
            .what.contains("of another size"));
  Chronicle none({});
  CHECK_FALSE(none.begin(options(), {}));
  CHECK(none.idle_half().empty());
}

TEST_CASE("what another daemon would have done differently is not taken over") {
  Block block;
  Daemon daemon(block);
  const core::SessionId one = daemon.open();
  daemon.says(one, initialize);
  daemon.chronicle().carried(daemon.chronicle().after(broker::Retire{}));
  CHECK(trouble(block).contains("would not have done what that daemon did"));
}

TEST_CASE("the options of the next daemon hold once all has been retold") {
  Block block;
  Daemon daemon(block);
  daemon.open();
  broker::Options later = options();
  later.version = "2.0.0";
  later.hash_key = 1;
  auto next = record::retell(block.bytes(), later);
  REQUIRE(next);
  const core::SessionId one{0, 1};
  broker::Broker& broker = *next->broker;
  broker.on(broker::SessionLine{one, {.bytes = base::Bytes::copy(initialize), .id = {}}}, next->at);
  const auto* start = std::get_if<broker::StartInstance>(&broker.outbox().front());
  REQUIRE(start != nullptr);
  broker.on(broker::InstanceStarted{start->instance, 1}, next->at);
  CHECK(text_of(broker.outbox().back()).contains("2.0.0"));
}

TEST_CASE("after a kill in the middle of an event the page is as if it had been heard") {
  Block block;
  Daemon daemon(block);
  const auto steps = conversation();
  for (std::size_t i = 0; i < 5; ++i) steps[i](daemon);
  const core::SessionId one{0, 1};
  auto owed = [&] { return proto::Journal(daemon.pages()[one].bytes).calls(); };
  CHECK(owed().empty());
  (void)daemon.chronicle().note(
      broker::SessionLine{one, {.bytes = base::Bytes::copy(call), .length = call.size(), .id = {}}},
      base::Instant(std::chrono::hours(2)));
  daemon.is_killed();
  CHECK(owed() == std::vector<std::string>{R"("a")"});
  const std::string id(100, 'l');
  daemon.says(one, R"({"jsonrpc":"2.0","id":")" + id + R"(","method":"tools/call","params":{"name":"t"}})");
  CHECK(owed() == std::vector<std::string>{R"("a")", "long"});
  daemon.is_killed();
  daemon.is_killed();
  CHECK(owed() == std::vector<std::string>{R"("a")", "long"});
  // What the page says and no broker knows is free again.
  (void)proto::Journal(daemon.pages()[one].bytes).call_started("77");
  CHECK(owed().size() == 3);
  daemon.is_killed();
  CHECK(owed() == std::vector<std::string>{R"("a")", "long"});
  daemon.serves(*daemon.server, answer_to(daemon.last_sent, "{}"));
  CHECK(daemon.done.back().contains(id));
  CHECK(owed() == std::vector<std::string>{R"("a")"});
}
