#include "core/roots.h"

#include <doctest/doctest.h>

namespace {

using core::Roots;
using core::SessionId;

const SessionId ann{0, 1};
const SessionId ben{1, 1};

TEST_CASE("roots: without sessions the list is empty") {
  CHECK(Roots().union_result() == R"({"roots":[]})");
}

TEST_CASE("roots: the union, in order of sessions, spelt as it came") {
  Roots roots;
  roots.answered(ben, R"({"roots":[{"uri":"file:///b","name":"B"}]})");
  roots.answered(ann, R"( { "roots" : [ { "name":"A" , "uri":"file:\/\/\/a", "_meta":{"x":1.0} } ] } )");
  CHECK(roots.union_result() == R"({"roots":[{ "name":"A" , "uri":"file:\/\/\/a", "_meta":{"x":1.0} },)"
                                R"({"uri":"file:///b","name":"B"}]})");
}

TEST_CASE("roots: the first name of a URI wins, however it is spelt") {
  Roots roots;
  roots.answered(ann, R"({"roots":[{"uri":"file:///p","name":"first"},{"uri":"file:///p"}]})");
  roots.answered(ben, R"({"roots":[{"uri":"file:\/\/\/p","name":"second"},{"uri":"file:///q"}]})");
  CHECK(roots.union_result() == R"({"roots":[{"uri":"file:///p","name":"first"},{"uri":"file:///q"}]})");
}

TEST_CASE("roots: what is no list of roots counts as none") {
  for (const char* answer : {"", "{", "null", "[]", "{}", R"({"roots":null})", R"({"roots":"file:///a"})",
                             R"({"roots":[1,"file:///a",null,{},{"uri":7},{"uri":""}]})"}) {
    CAPTURE(answer);
    Roots roots;
    roots.answered(ann, answer);
    CHECK(roots.known(ann));  // It has answered; it is not to be asked again.
    CHECK(roots.union_result() == R"({"roots":[]})");
  }
}

TEST_CASE("roots: what is known, what is stale, what is gone") {
  Roots roots;
  CHECK_FALSE(roots.known(ann));
  roots.answered(ann, R"({"roots":[{"uri":"file:///a"}]})");
  CHECK(roots.known(ann));
  roots.invalidate(ann);
  CHECK_FALSE(roots.known(ann));
  CHECK(roots.union_result() == R"({"roots":[{"uri":"file:///a"}]})");  // Better old than none.
  roots.answered(ann, R"({"roots":[{"uri":"file:///b"}]})");
  CHECK(roots.known(ann));
  CHECK(roots.union_result() == R"({"roots":[{"uri":"file:///b"}]})");
  roots.forget(ann);
  CHECK_FALSE(roots.known(ann));
  CHECK(roots.union_result() == R"({"roots":[]})");
  roots.invalidate(ben);  // Unknown session: nothing happens.
  CHECK_FALSE(roots.known(ben));
}

}  // namespace
