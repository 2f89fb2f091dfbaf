#include "core/cursors.h"

#include <doctest/doctest.h>

#include "core/limits.h"

namespace {

using core::Cursors;

TEST_CASE("cursors: stale is what only an earlier process gave out") {
  Cursors cursors;
  cursors.issued("a");
  CHECK_FALSE(cursors.stale("a", false));
  CHECK_FALSE(cursors.stale("invented", false));  // The server knows best what to say to that.
  cursors.process_lost();
  CHECK(cursors.stale("a", false));
  CHECK_FALSE(cursors.stale("invented", false));
  cursors.issued("a");  // Some servers count from the start again.
  CHECK_FALSE(cursors.stale("a", false));
}

TEST_CASE("cursors: a session older than the daemon may hold cursors that nobody here knows") {
  Cursors cursors;
  CHECK(cursors.stale("a", true));
  cursors.issued("a");
  CHECK_FALSE(cursors.stale("a", true));
}

TEST_CASE("cursors: no cursor is the first page, of whatever process") {
  Cursors cursors;
  cursors.issued("");
  cursors.process_lost();
  CHECK_FALSE(cursors.stale("", false));
  CHECK_FALSE(cursors.stale("", true));
}

TEST_CASE("cursors: too many, and the oldest is forgotten first") {
  Cursors cursors;
  for (std::size_t i = 0; i <= core::limits::cursors_per_instance; ++i) cursors.issued(std::to_string(i));
  cursors.process_lost();
  CHECK_FALSE(cursors.stale("0", false));
  CHECK(cursors.stale("1", false));
  cursors.issued("one of the next process");
  cursors.process_lost();
  CHECK_FALSE(cursors.stale("1", false));
  CHECK(cursors.stale("2", false));
  CHECK(cursors.stale("one of the next process", false));
}

TEST_CASE("cursors: where they stand") {
  CHECK(core::next_cursor_of(R"({"tools":[],"nextCursor":"a\/b"})") == "a/b");
  CHECK(core::cursor_of(R"({"cursor":"x"})") == "x");
  for (const char* raw :
       {"", "{}", "[]", R"({"nextCursor":7,"cursor":null})", R"({"deep":{"nextCursor":"x","cursor":"x"}})"}) {
    CAPTURE(raw);
    CHECK(core::next_cursor_of(raw).empty());
    CHECK(core::cursor_of(raw).empty());
  }
}

}  // namespace
