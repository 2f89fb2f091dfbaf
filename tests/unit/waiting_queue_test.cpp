#include "core/waiting_queue.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "numbers.h"

namespace {

using core::SessionId;
using core::Waiting;
using core::WaitingQueue;

const SessionId ann{1, 1};
const SessionId ben{2, 1};

Waiting call(std::uint64_t number, core::CallId id, bool may_ask = true) {
  return {.session = ann, .call = id, .message = {}, .charge = {}, .number = number, .may_ask = may_ask};
}

Waiting notice(std::uint64_t number, SessionId session) {
  return {.session = session, .call = {}, .message = {}, .charge = {}, .number = number};
}

Waiting answer(const std::string& text, SessionId session) {
  return {.session = session,
          .call = {},
          .message = proto::Message(std::string(text)),
          .charge = {},
          .number = 0,
          .answer = true,
          .may_ask = true};
}

std::vector<std::uint64_t> numbers(const WaitingQueue& queue) {
  std::vector<std::uint64_t> all;
  for (auto place = queue.first(); place; place = queue.after(*place)) all.push_back(queue.at(*place).number);
  return all;
}

TEST_CASE("waiting queue: messages leave in the order in which they came") {
  WaitingQueue queue;
  CHECK(queue.empty());
  CHECK_FALSE(queue.first());
  queue.push(call(3, 1_call));
  queue.push(notice(5, ann));
  queue.push(call(9, 2_call));
  CHECK(numbers(queue) == std::vector<std::uint64_t>{3, 5, 9});
  CHECK(queue.take(*queue.first()).number == 3);
  CHECK(queue.after(3) == 5);
  CHECK(queue.last() == 9);
  CHECK(queue.size() == 2);
}

TEST_CASE("waiting queue: answers go first, the newest before the others") {
  WaitingQueue queue;
  queue.push(call(3, 1_call));
  queue.push(answer("older", ann));
  queue.push(answer("newer", ben));
  CHECK(queue.at(*queue.first()).message.text() == "newer");
  CHECK(queue.at(*queue.after(*queue.first())).message.text() == "older");
  CHECK(numbers(queue) == std::vector<std::uint64_t>{0, 0, 3});
  CHECK(queue.answers_of(ann) == 1);
  queue.take(*queue.first());
  CHECK(queue.answers_of(ben) == 0);
}

TEST_CASE("waiting queue: a call is found by its id until its message has left") {
  WaitingQueue queue;
  queue.push(call(1, 7_call));
  queue.push(call(2, 8_call));
  CHECK(queue.contains(8_call));
  CHECK(queue.take(8_call)->number == 2);
  CHECK_FALSE(queue.contains(8_call));
  CHECK_FALSE(queue.take(8_call));
  CHECK(numbers(queue) == std::vector<std::uint64_t>{1});
}

TEST_CASE("waiting queue: what some are true for is taken, in order") {
  WaitingQueue queue;
  queue.push(notice(1, ann));
  queue.push(notice(2, ben));
  queue.push(notice(3, ann));
  const std::vector<Waiting> taken = queue.take_if([](const Waiting& one) { return one.session == ann; });
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].number == 1);
  CHECK(taken[1].number == 3);
  CHECK(numbers(queue) == std::vector<std::uint64_t>{2});
}

TEST_CASE("waiting queue: it is known whether anything behind a place goes without a turn") {
  WaitingQueue queue;
  queue.push(answer("a", ann));
  queue.push(call(1, 1_call));
  queue.push(notice(2, ann));
  queue.push(call(3, 2_call));
  CHECK_FALSE(queue.only_turns_after(1));
  CHECK(queue.only_turns_after(2));
  queue.push(call(4, 3_call, false));
  CHECK_FALSE(queue.only_turns_after(3));
  queue.take(3_call);
  queue.take(2);
  CHECK(queue.only_turns_after(*queue.first()));
}

}  // namespace
