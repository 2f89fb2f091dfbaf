#include "transport/inbound/earlier_lives.h"

#include <doctest/doctest.h>

#include <string>

#include "streamable_fixture.h"

using namespace transcript;

namespace {

// The event id that a client of the life before has of the stream of this call.
std::string id_of(std::string_view raw_id, int life = 0) {
  transport::StreamNumbers numbers;
  const auto stream = numbers.next(transport::StreamNumbers::mark_of(raw_id));
  return std::to_string(life) + '-' + std::to_string(stream) + "-3";
}

struct Found : Session {
  explicit Found(std::string_view revision = "2025-06-18")
      : Session(transport::StreamableOptions{.life = 1, .revision = proto::revision_of(revision)}) {}
};

}  // namespace

TEST_CASE("a session that was found again knows its revision and takes calls at once") {
  Found session("2025-11-25");
  CHECK(session.server.revision() == proto::Revision::r2025_11_25);
  CHECK(session.post(1, call("1")) == Lines{"deliver " + call("1")});
  CHECK(session.say(progress, "1") == Lines{"1: stream", "1: #1-a-0 retry 1000", "1: #1-a-1 " + progress});
}

TEST_CASE("an answer owed to a call of an earlier life waits for the stream of that call, and no other") {
  Found session;
  CHECK(session.say(ok_of_1).empty());
  CHECK(session.get(1, id_of("2")) == Lines{"1: stream"});
  CHECK(session.get(2, id_of("1")) == Lines{"2: stream", "2: #1-a-1 " + ok_of_1, "2: end"});
  CHECK(session.say(ok_of_2) == Lines{"1: #1-b-1 " + ok_of_2, "1: end"});
}

TEST_CASE("a client that comes back with the same old id is given the same again") {
  Found session;
  session.say(ok_of_1);
  session.get(1, id_of("1"));
  CHECK(session.get(2, id_of("1")) == Lines{"2: stream", "2: #1-a-1 " + ok_of_1, "2: end"});
  CHECK(session.get(3, "1-a-1") == Lines{"3: 204"});
}

TEST_CASE("a stream that waits in vain ends, and does not begin again") {
  Found session;
  CHECK(session.get(1, id_of("1")) == Lines{"1: stream"});
  REQUIRE(session.server.deadline());
  CHECK(session.after(minutes(5) - seconds(1)).back() == "1: : keep-alive");
  CHECK(session.after(seconds(1)) == Lines{"1: end"});
  CHECK(session.get(2, id_of("1")) == Lines{"2: 204"});
  CHECK(session.get(3, id_of("2")) == Lines{"3: 204"});
  CHECK(session.say(ok_of_2).empty());
}

TEST_CASE("the stream without a POST says to a client of an earlier life all that it said in this") {
  Found session;
  session.say(changed);
  CHECK(session.get(1, "0-0-17") == Lines{"1: stream", "1: #1-0-1 " + changed});
  session.gone(1);
  CHECK(session.get(2, "0-0-17") == Lines{"2: stream", "2: #1-0-1 " + changed});
  session.gone(2);
  CHECK(session.get(3, "1-0-1") == Lines{"3: stream"});
}

TEST_CASE("in a first life an answer to an unknown call is nobody's") {
  Session session("2025-06-18");
  session.after(seconds(2));
  CHECK(session.say(ok_of_1).empty());
  CHECK_FALSE(session.server.deadline());
  CHECK(session.get(1, id_of("1")) == Lines{"1: 204"});
}

TEST_CASE("an owed answer is given once, whichever life's id comes for it") {
  Session session(transport::StreamableOptions{.life = 2, .revision = proto::Revision::r2025_06_18});
  session.say(ok_of_1);
  CHECK(session.get(1, id_of("1", 1)).size() == 3);
  CHECK(session.get(2, id_of("1", 0)) == Lines{"2: stream"});
}

TEST_CASE("an owed answer for which nobody comes is forgotten") {
  Found session;
  session.say(ok_of_1);
  REQUIRE(session.server.deadline());
  session.after(minutes(5));
  CHECK_FALSE(session.server.deadline());
}

TEST_CASE("of very many old streams the first are forgotten, and not begun again") {
  Found session;
  for (int i = 0; i < 300; ++i) {
    const std::string id = std::to_string(i);
    session.server.send(proto::Message(R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{}})"), {},
                        session.now);
    session.server.request(1, request("GET", "", Session::usual({{"last-event-id", id_of(id)}}, "", {})),
                           session.now);
  }
  session.server.outbox().clear();
  CHECK(session.get(2, id_of("0")) == Lines{"2: 204"});
}
