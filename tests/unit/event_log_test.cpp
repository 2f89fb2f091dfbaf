#include "transport/inbound/event_log.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

using std::chrono::minutes;
using std::chrono::seconds;
using transport::Event;
using transport::EventId;
using transport::EventLog;
using transport::Worth;

namespace {

constexpr base::Instant start{seconds(1000)};

Event of(Worth worth, std::string text, std::string answered_call = {}) {
  return {proto::Message(std::move(text)), worth, std::move(answered_call)};
}

std::vector<std::string> after(const EventLog& log, std::uint64_t stream, std::uint64_t sequence) {
  std::vector<std::string> all;
  log.each_after(stream, sequence, [&](std::uint64_t number, const proto::Message& message) {
    all.push_back(std::to_string(number) + ' ' + message.text());
  });
  return all;
}

// The first letters of what is left, "…" cut off.
std::string letters(const EventLog& log, std::uint64_t stream) {
  std::string all;
  log.each_after(stream, 0,
                 [&](std::uint64_t /*number*/, const proto::Message& message) { all += message.text()[0]; });
  return all;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("an event id is three numbers and nothing else") {
  const EventId id{7, 0xffffffffffffffff, 3};
  CHECK(id.text() == "7-18446744073709551615-3");
  const auto parsed = EventId::parse(id.text());
  REQUIRE(parsed);
  CHECK(parsed->life == 7);
  CHECK(parsed->stream == 0xffffffffffffffff);
  CHECK(parsed->sequence == 3);
  for (const char* bad : {"", "1", "1-2", "1-2-", "1-2-3-4", "1-2-3 ", " 1-2-3", "a-2-3", "1--2-3", "1-2-x",
                          "4294967296-1-1", "1-18446744073709551616-1"}) {
    CAPTURE(bad);
    CHECK_FALSE(EventId::parse(bad));
  }
}

TEST_CASE("each stream counts for itself, and gives back what came after an event") {
  EventLog log(1 << 20, minutes(5));
  log.begin(1);
  log.begin(2);
  CHECK(log.add(1, of(Worth::notice, "a"), start) == 1);
  CHECK(log.add(1, of(Worth::ask, "b"), start) == 2);
  CHECK(log.add(2, of(Worth::notice, "c"), start) == 1);
  CHECK(after(log, 1, 0) == Lines{"1 a", "2 b"});
  CHECK(after(log, 1, 1) == Lines{"2 b"});
  CHECK(after(log, 1, 9).empty());
  CHECK(log.anything_after(1, 1));
  CHECK_FALSE(log.anything_after(1, 2));
  CHECK(log.last(1) == 2);
  CHECK(log.last_sent(1) == 0);
  log.sent(1);
  CHECK(log.last_sent(1) == 2);
  CHECK_FALSE(log.knows(3));
}

TEST_CASE("what was not sent can be taken out, and its number is not used again") {
  EventLog log(1 << 20, minutes(5));
  log.begin(0);
  log.add(0, of(Worth::ask, "sent"), start);
  log.sent(0);
  log.add(0, of(Worth::notice, "n"), start);
  log.add(0, of(Worth::ask, "a"), start);
  const std::size_t bytes = log.bytes();
  const auto taken = log.take_unsent(0, Worth::ask);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].text() == "a");
  CHECK(log.bytes() < bytes);
  CHECK(after(log, 0, 0) == Lines{"1 sent", "2 n"});
  CHECK(log.add(0, of(Worth::notice, "m"), start) == 4);
}

TEST_CASE("small messages are copied, large ones shared") {
  EventLog log(1 << 20, minutes(5));
  log.begin(1);
  const auto small = base::Bytes::copy(std::string(100, 's'));
  const auto large = base::Bytes::copy(std::string(100'000, 'l'));
  log.add(1, {proto::Message(small), Worth::notice, {}}, start);
  log.add(1, {proto::Message(large), Worth::notice, {}}, start);
  CHECK(small.owner.use_count() == 1);
  CHECK(large.owner.use_count() == 2);
}

TEST_CASE("when there is no room the cheapest go first, and the newest stays") {
  EventLog log(10'000, minutes(5));
  log.begin(1);
  const auto add = [&](Worth worth, char letter, std::size_t size = 1000) {
    log.add(1, of(worth, std::string(size, letter)), start);
  };
  add(Worth::ask, 'a');
  add(Worth::notice, 'n');
  add(Worth::progress, 'p');
  add(Worth::list_change, 'c');
  add(Worth::log_line, 'l');
  CHECK(letters(log, 1) == "anpcl");
  add(Worth::log_line, 'm', 3470);
  CHECK(letters(log, 1) == "ancm");
  add(Worth::notice, 'o', 2300);
  CHECK(letters(log, 1) == "anco");
  add(Worth::ask, 'b', 3500);
  CHECK(letters(log, 1) == "acb");
  CHECK(log.bytes() <= 10'000);
  add(Worth::log_line, 'x', 50'000);
  CHECK(letters(log, 1) == "x");
  add(Worth::log_line, 'y');
  CHECK(letters(log, 1) == "y");
}

TEST_CASE("of equals those go first that were sent, and of ended streams") {
  EventLog log(10'000, minutes(5));
  for (std::uint64_t stream = 1; stream <= 3; ++stream) {
    log.begin(stream);
    log.add(stream, of(Worth::notice, std::string(2500, 'a')), start);
  }
  log.sent(2);
  log.sent(3);
  log.end(3, start);
  log.begin(4);
  log.add(4, of(Worth::notice, std::string(1000, 'b')), start);
  CHECK(letters(log, 3) == "a");
  log.add(4, of(Worth::notice, std::string(300, 'c')), start);
  CHECK(letters(log, 3) == "");
  CHECK(letters(log, 2) == "a");
  log.add(4, of(Worth::notice, std::string(2500, 'd')), start);
  CHECK(letters(log, 2) == "");
  CHECK(letters(log, 1) == "a");
  CHECK(letters(log, 4) == "bcd");
}

TEST_CASE("an answer for which there is no room becomes an error to its call") {
  EventLog log(10'000, minutes(5));
  log.begin(1);
  log.add(1, of(Worth::answer, R"({"id":"q","result":")" + std::string(6000, 'x') + "\"}", "\"q\""), start);
  log.add(1, of(Worth::ask, std::string(4000, 'y')), start);
  const Lines left = after(log, 1, 0);
  REQUIRE(left.size() == 2);
  CHECK(left[0].starts_with(R"(1 {"jsonrpc":"2.0","id":"q","error":{"code":-32603,)"));
  CHECK(left[0].find("too large") != std::string::npos);
  CHECK(log.bytes() < 6000);
}

TEST_CASE("in the end even errors give way, so that the log stays within its bounds") {
  EventLog log(10'000, minutes(5));
  log.begin(1);
  for (int i = 0; i < 1000; ++i) {
    log.add(1, of(Worth::answer, std::string(50 + static_cast<std::size_t>(i), 'x'), std::to_string(i)),
            start);
    CHECK(log.bytes() <= 10'000);
  }
  CHECK(after(log, 1, 0).size() > 5);
}

TEST_CASE("after a while what was sent is forgotten, and what was not waits until its stream has ended") {
  EventLog log(1 << 20, minutes(5));
  log.begin(1);
  CHECK_FALSE(log.deadline());
  log.add(1, of(Worth::notice, "sent"), start);
  log.sent(1);
  log.add(1, of(Worth::notice, "unsent"), start + minutes(1));
  log.add(1, of(Worth::answer, std::string(2000, 'x'), "5"), start + minutes(1));
  CHECK(log.deadline() == start + minutes(5));
  log.expire(start + minutes(5) - seconds(1));
  CHECK(after(log, 1, 0).size() == 3);
  log.expire(start + minutes(5));
  CHECK(after(log, 1, 0).size() == 2);
  CHECK_FALSE(log.deadline());
  log.expire(start + minutes(60));
  CHECK(after(log, 1, 0).size() == 2);
  log.end(1, start + minutes(60));
  CHECK(log.deadline() == start + minutes(65));
  log.expire(start + minutes(65));
  const Lines left = after(log, 1, 0);
  REQUIRE(left.size() == 1);
  CHECK(left[0].starts_with(R"(3 {"jsonrpc":"2.0","id":5,"error":)"));
  log.expire(start + minutes(600));
  CHECK(after(log, 1, 0) == left);
}

TEST_CASE("what is not due yet is not forgotten by the log itself") {
  EventLog log(1 << 20, minutes(5));
  log.begin(1);
  log.begin(2);
  log.add(1, of(Worth::notice, "a"), start);
  log.add(1, of(Worth::notice, "b"), start + minutes(2));
  log.sent(1);
  log.add(2, of(Worth::notice, "c"), start);
  log.end(2, start + minutes(4));
  log.expire(start + minutes(5));
  CHECK(log.deadline() == start + minutes(7));
  log.expire(start + minutes(7));
  CHECK(after(log, 1, 0).empty());
  CHECK(log.deadline() == start + minutes(9));
  log.expire(start + minutes(9));
  CHECK(after(log, 2, 0).empty());
  CHECK(log.bytes() == 0);
}

TEST_CASE("a short answer is kept as it is: an error would be no shorter") {
  EventLog log(1 << 20, minutes(5));
  log.begin(1);
  log.add(1, of(Worth::answer, "{}", "5"), start);
  log.end(1, start);
  log.expire(start + minutes(6));
  CHECK(after(log, 1, 0) == Lines{"1 {}"});
}

TEST_CASE("of ended streams only so many are known; those that were sent whole go first") {
  EventLog log(1 << 20, minutes(5));
  for (std::uint64_t stream = 1; stream <= EventLog::ended_max; ++stream) {
    log.begin(stream);
    log.add(stream, of(Worth::notice, "x"), start);
    if (stream != 1) log.sent(stream);
    log.end(stream, start + seconds(stream));
  }
  const std::size_t bytes = log.bytes();
  log.begin(1000);
  log.add(1000, of(Worth::notice, "x"), start);
  CHECK(log.knows(2));
  log.end(1000, start + minutes(10));
  CHECK(log.knows(1));
  CHECK_FALSE(log.knows(2));
  CHECK(log.knows(3));
  CHECK(log.bytes() == bytes);
}
