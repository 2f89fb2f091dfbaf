#include "base/contains.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

TEST_CASE("contains: says what a look at every place says") {
  for (const std::string_view text : {"", "a", "ab", "aab", "abab", "baab", "aaaaab", "xxabxx"}) {
    for (const std::string_view word : {"", "a", "ab", "aab", "abab", "b"}) {
      CAPTURE(text);
      CAPTURE(word);
      CHECK(base::contains(text, word) == text.contains(word));
    }
  }
  const std::string zeros(100, '\0');
  CHECK(base::contains(zeros + "word", "word"));
  CHECK(base::contains(zeros, std::string_view("\0\0", 2)));
  CHECK_FALSE(base::contains(std::string_view(), "word"));
  CHECK(base::contains(std::string_view(), {}));
}
