#include "app/config/words.h"

#include <doctest/doctest.h>

using app::words_of;
using Words = std::vector<std::string>;

TEST_CASE("a command is cut at its blanks") {
  CHECK(words_of("login") == Words{"login"});
  CHECK(words_of("  login \t--for\nme ") == Words{"login", "--for", "me"});
  CHECK(words_of("") == Words{});
  CHECK(words_of(" \r\n") == Words{});
}

TEST_CASE("quotes keep blanks and each other, and may begin within a word") {
  CHECK(words_of(R"(sh -c 'echo "a  b"')") == Words{"sh", "-c", R"(echo "a  b")"});
  CHECK(words_of(R"("it's" --name="my server"x)") == Words{"it's", "--name=my serverx"});
  CHECK(words_of("a '' \"\" b") == Words{"a", "", "", "b"});
}

TEST_CASE("a backslash takes what follows as it is, but not between single quotes") {
  CHECK(words_of(R"(my\ login \"x\" "a\"b\\c" 'd\e')") == Words{"my login", "\"x\"", R"(a"b\c)", R"(d\e)"});
}

TEST_CASE("what a shell would do more is not done") {
  CHECK(words_of("a $B ${C} *|;& `d` #e") == Words{"a", "$B", "${C}", "*|;&", "`d`", "#e"});
}

TEST_CASE("a command that is cut off is refused") {
  CHECK(words_of("a 'b").error().what == "a ' in the command is not closed");
  CHECK(words_of("a \"b'").error().what == "a \" in the command is not closed");
  CHECK(words_of("a \\").error().what == "nothing follows the last backslash of the command");
}
