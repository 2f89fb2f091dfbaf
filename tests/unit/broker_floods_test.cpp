// One that makes much of something: it is told so, and the others do not notice.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "broker_fixture.h"
#include "core/limits.h"
#include "modern_stage.h"

namespace {

using test::Lines;
using test::Stage;

std::string call(const std::string& id) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"tools/call","params":{"name":"t"}})";
}

std::string cancel(const std::string& id) {
  return R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + id + "}}";
}

struct Floods : Stage {
  void makes_and_cancels(core::SessionId session, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string id = std::to_string(i + 10);
      says(session, call(id));
      says(session, cancel(id));
    }
    hears(session);
    hears(server());
  }
};

TEST_CASE_FIXTURE(Floods, "a session that cancels more than may be remembered waits, and no other does") {
  const auto one = ready();
  const auto other = ready();
  makes_and_cancels(one, core::limits::most(core::Kept::cancelled));

  says(one, call("1"));
  const Lines refused = hears(one);
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].find("too many cancelled calls in this session (limit 1000)") != std::string::npos);
  CHECK(hears(server()).empty());

  says(other, call("2"));
  CHECK(hears(server()).size() == 1);

  passes(core::limits::ghost);
  says(one, call("3"));
  CHECK(hears(server()).size() == 1);
}

TEST_CASE_FIXTURE(Floods, "of what was cancelled long ago only so much is remembered") {
  const auto one = ready();
  says(one, call("1"));
  const std::string first = id_of(hears(server()).back());
  says(one, cancel("1"));
  passes(core::limits::ghost);
  makes_and_cancels(one, core::limits::most(core::Kept::cancelled) - 1);
  const std::uint64_t before = broker.instances().front().dropped;
  passes(core::limits::ghost);
  makes_and_cancels(one, 1);  // For this one the first is forgotten.
  serves(server(), R"({"jsonrpc":"2.0","id":)" + first + R"(,"result":{}})");
  CHECK(broker.instances().front().dropped == before + 1);
  CHECK(hears(one).empty());
}

TEST_CASE_FIXTURE(Floods, "updates for a client that does not read are kept in bounds, and none is lost") {
  const auto one = ready();
  says(one, R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"file:///a"}})");
  serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(hears(server()).back()) + R"(,"result":{}})");
  hears(one);
  happens(broker::SessionBlocked{one});
  const auto update = [&](const std::string& uri) {
    serves(server(), R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":")" +
                         uri + R"("}})");
  };
  for (std::size_t i = 0; i < 3 * core::limits::most(core::Kept::update); ++i)
    update("file:///a/" + std::to_string(i));
  update("file:///a/" + std::string(core::limits::update_held_bytes, 'x'));
  happens(broker::SessionUnblocked{one});
  const Lines told = hears(one);
  CHECK(told.size() == core::limits::most(core::Kept::update) + 1);
  CHECK(std::ranges::any_of(
      told, [](const std::string& line) { return line.find(R"("uri":"file:///a")") != std::string::npos; }));
}

TEST_CASE_FIXTURE(test::ModernStage,
                  "calls that wait for a visit to a page are bounded, and the next is refused") {
  const auto one = modern();
  const auto answer_with_a_page = [&](std::size_t number) {
    says(one, ModernStage::call(std::to_string(number)));
    serves(server(), R"({"jsonrpc":"2.0","id":)" + id_of(hears(server()).back()) +
                         R"(,"error":{"code":-32042,"message":"go","data":{"elicitations":[{"mode":"url",)"
                         R"("elicitationId":"e","url":"https://x","message":"Go"}]}}})");
    return hears(one).back();
  };
  for (std::size_t i = 1; i <= core::limits::most(core::Kept::parked); ++i)
    REQUIRE(answer_with_a_page(i).contains("input_required"));
  const std::string refused = answer_with_a_page(1000);
  CHECK(refused.contains(R"("error":)"));
  CHECK(refused.contains("too many calls that wait for answers in this session (limit 256)"));
  const auto other = modern();
  says(other, ModernStage::call("1"));
  CHECK(hears(server()).size() == 1);
}

}  // namespace
