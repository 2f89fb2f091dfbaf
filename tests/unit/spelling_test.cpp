#include "proto/spelling.h"

#include <doctest/doctest.h>

using proto::spells;

TEST_CASE("a word is recognised in every spelling") {
  CHECK(spells("id", "id"));
  CHECK(spells(R"(\u0069\u0064)", "id"));
  CHECK(spells(R"(tools\/call)", "tools/call"));
  CHECK(spells(R"(\u002F\u002f\/)", "///"));
  CHECK(spells(R"(\n\t\b\f\r\"\\)", "\n\t\b\f\r\"\\"));
  CHECK(spells("", ""));
}

TEST_CASE("another word is not") {
  CHECK_FALSE(spells("id", "ids"));
  CHECK_FALSE(spells("ids", "id"));
  CHECK_FALSE(spells("ID", "id"));
  CHECK_FALSE(spells(R"(\\u0069d)", "id"));
  CHECK_FALSE(spells(R"(\u0169d)", "id"));
  CHECK_FALSE(spells(R"(n)", "\n"));
  CHECK_FALSE(spells("\xC3\xA9", "e"));
}

TEST_CASE("a spelling that breaks off is no word") {
  CHECK_FALSE(spells("i\\", "id"));
  CHECK_FALSE(spells(R"(i\u00)", "id"));
  CHECK_FALSE(spells(R"(i\uzzzz)", "id"));
}
