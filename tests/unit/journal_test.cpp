#include "proto/journal.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

using proto::Journal;
using proto::journal_bytes;
using proto::journal_calls_max;
using proto::journal_id_max;

namespace {

constexpr std::size_t setup_max = 256 * 1024 - 4;
constexpr std::size_t near_setup_max = 1504 - 4;
constexpr std::size_t unread_max = journal_bytes - 593920;

struct Page {
  std::vector<std::byte> bytes = std::vector<std::byte>(journal_bytes);

  Journal journal() { return Journal(bytes); }
  void put(std::size_t at, std::uint32_t value) { std::memcpy(bytes.data() + at, &value, sizeof value); }
  std::uint32_t get(std::size_t at) const {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  }
};

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("a journal is fresh until it begins") {
  Page page;
  Journal journal = page.journal();
  CHECK(journal.fresh());
  CHECK(journal.calls().empty());
  CHECK_FALSE(journal.writing());
  CHECK(journal.setup().empty());
  CHECK(journal.unread() == "");
  journal.begin();
  CHECK_FALSE(journal.fresh());
  CHECK_FALSE(page.journal().fresh());
  CHECK(std::memcmp(page.bytes.data(), "HRTHJNL2", 8) == 0);
}

TEST_CASE("the next life finds the calls in flight") {
  Page page;
  Journal journal = page.journal();
  const auto a = journal.call_started("1");
  const auto b = journal.call_started("\"b\"");
  const auto c = journal.call_started("\"1\"");
  REQUIRE((a && b && c));
  journal.call_ended(*b);
  CHECK(page.journal().calls() == Ids{"1", "\"1\""});

  Journal next = page.journal();
  CHECK(next.call_started("5") == b);
  CHECK(next.calls() == Ids{"1", "5", "\"1\""});
  next.forget_calls();
  CHECK(page.journal().calls().empty());
  CHECK(next.call_started("6") == 0);
  CHECK(page.journal().calls() == Ids{"6"});
}

TEST_CASE("as many calls are noted as there are slots, and again when they have ended") {
  Page page;
  Journal journal = page.journal();
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < journal_calls_max; ++i) REQUIRE(journal.call_started(std::to_string(i)));
    CHECK_FALSE(journal.call_started("more"));
    CHECK(page.journal().calls().size() == journal_calls_max);
    CHECK_FALSE(page.journal().call_started("more"));
    for (std::uint16_t slot = 0; slot < journal_calls_max; ++slot) journal.call_ended(slot);
    CHECK(page.journal().calls().empty());
  }
}

TEST_CASE("a call that ends twice frees one slot") {
  Page page;
  Journal journal = page.journal();
  const auto slot = journal.call_started("1");
  journal.call_ended(*slot);
  journal.call_ended(*slot);
  const auto second = journal.call_started("2");
  CHECK(journal.call_started("3") != second);
  CHECK(journal.calls() == Ids{"2", "3"});
}

TEST_CASE("an id that does not fit its slot is not noted") {
  Page page;
  Journal journal = page.journal();
  CHECK(journal.call_started(std::string(journal_id_max, '7')));
  CHECK_FALSE(journal.call_started(std::string(journal_id_max + 1, '7')));
  CHECK_FALSE(journal.call_started(""));
  CHECK(journal.calls() == Ids{std::string(journal_id_max, '7')});
}

TEST_CASE("a half written line is known to the next life") {
  Page page;
  page.journal().set_writing(true);
  CHECK(page.journal().writing());
  page.journal().set_writing(false);
  CHECK_FALSE(page.journal().writing());
}

TEST_CASE("the set-up is replaced whole or not at all") {
  Page page;
  Journal journal = page.journal();
  for (const std::string& text :
       {std::string("one"), std::string("two"), std::string(), std::string(near_setup_max, 'n'),
        std::string(near_setup_max + 1, 'f'), std::string("three"), std::string(setup_max, 's')}) {
    CHECK(journal.set_setup(text));
    CHECK(page.journal().setup() == text);
  }
  CHECK_FALSE(journal.set_setup(std::string(setup_max + 1, 't')));
  CHECK(page.journal().setup() == std::string(setup_max, 's'));

  // What is valid stays untouched while the other area is written.
  REQUIRE(journal.set_setup("old"));
  const std::string_view old = journal.setup();
  REQUIRE(journal.set_setup("new"));
  CHECK(old == "old");
  CHECK(journal.setup() == "new");
}

TEST_CASE("the begun line is kept as far as it fits") {
  Page page;
  Journal journal = page.journal();
  journal.set_unread("begun");
  CHECK(page.journal().unread() == "begun");
  journal.set_unread(std::string(unread_max, 'u'));
  CHECK(page.journal().unread() == std::string(unread_max, 'u'));
  journal.set_unread(std::string(unread_max + 1, 'u'));
  CHECK_FALSE(page.journal().unread());
  journal.set_unread("");
  CHECK(page.journal().unread() == "");
  journal.set_unread_lost();
  CHECK_FALSE(page.journal().unread());
}

TEST_CASE("what a damaged page says is not believed") {
  Page page;
  Journal journal = page.journal();
  REQUIRE(journal.call_started("1"));
  REQUIRE(journal.call_started("2"));
  SUBCASE("more calls than slots") {
    page.put(16, 0xffffffff);
    CHECK(page.journal().calls() == Ids{"1", "2"});
    CHECK(page.journal().call_started("3") == 2);
  }
  SUBCASE("an id longer than its slot") {
    page.put(64, static_cast<std::uint32_t>(journal_id_max + 1));
    CHECK(page.journal().calls() == Ids{"2"});
  }
  SUBCASE("a set-up area that does not exist") {
    REQUIRE(journal.set_setup("set"));
    page.put(12, 5);
    CHECK(page.journal().setup().empty());
    CHECK(page.journal().set_setup("again"));
    CHECK(page.journal().setup() == "again");
  }
  SUBCASE("a set-up longer than its area") {
    REQUIRE(journal.set_setup("set"));
    page.put(1088, static_cast<std::uint32_t>(near_setup_max + 1));
    CHECK(page.journal().setup().empty());
    REQUIRE(journal.set_setup(std::string(near_setup_max + 1, 's')));
    page.put(69632, static_cast<std::uint32_t>(setup_max + 1));
    CHECK(page.journal().setup().empty());
  }
  SUBCASE("a begun line longer than its area") {
    page.put(20, static_cast<std::uint32_t>(unread_max + 1));
    CHECK_FALSE(page.journal().unread());
  }
}

TEST_CASE("the layout is the one that is written down") {
  Page page;
  Journal journal = page.journal();
  journal.set_writing(true);
  CHECK(page.get(8) == 1);
  REQUIRE(journal.set_setup("ab"));
  CHECK(page.get(12) == 3);
  CHECK(page.get(1088) == 2);
  REQUIRE(journal.set_setup("abc"));
  CHECK(page.get(12) == 4);
  CHECK(page.get(1088 + 1504) == 3);
  REQUIRE(journal.set_setup(std::string(near_setup_max + 1, 's')));
  CHECK(page.get(12) == 1);
  CHECK(page.get(69632) == near_setup_max + 1);
  REQUIRE(journal.set_setup(std::string(near_setup_max + 2, 's')));
  CHECK(page.get(12) == 2);
  CHECK(page.get(69632 + 262144) == near_setup_max + 2);
  for (std::size_t i = 1; i <= 17; ++i) REQUIRE(journal.call_started(std::string(i, '1')));
  CHECK(page.get(16) == 17);
  CHECK(page.get(64) == 1);
  CHECK(page.get(64 + 15 * 64) == 16);
  CHECK(page.get(4096) == 0);
  CHECK(page.get(4096 + 16 * 64) == 17);
  journal.set_unread("x");
  CHECK(page.get(20) == 1);
  CHECK(page.bytes[593920] == std::byte{'x'});
}

TEST_CASE("what an ordinary session writes is in the first 4 KiB") {
  Page page;
  Journal journal = page.journal();
  journal.begin();
  for (int i = 0; i < 100; ++i) {
    REQUIRE(journal.set_setup(std::string(near_setup_max, 's')));
    std::vector<std::uint16_t> slots;
    for (int call = 0; call < 16; ++call) slots.push_back(*journal.call_started(std::to_string(call)));
    for (const std::uint16_t slot : slots) journal.call_ended(slot);
  }
  const std::vector<std::byte> rest(page.bytes.begin() + 4096, page.bytes.end());
  CHECK(rest == std::vector<std::byte>(rest.size()));
}

TEST_CASE("a journal that an earlier version began is read, and goes on as it began") {
  Page page;
  std::memcpy(page.bytes.data(), "HRTHJNL1", 8);
  page.put(12, 2);
  page.put(16, 2);
  page.put(69632 + 262144, 3);
  std::memcpy(page.bytes.data() + 69632 + 262144 + 4, "set", 3);
  page.put(4096 + 64, 2);
  std::memcpy(page.bytes.data() + 4096 + 64 + 4, "77", 2);

  Journal journal = page.journal();
  CHECK_FALSE(journal.fresh());
  CHECK(journal.setup() == "set");
  CHECK(journal.calls() == Ids{"77"});
  journal.begin();
  CHECK(std::memcmp(page.bytes.data(), "HRTHJNL1", 8) == 0);
  REQUIRE(journal.set_setup("new"));
  CHECK(page.get(12) == 1);
  CHECK(page.get(69632) == 3);
  CHECK(journal.call_started("8") == 0);
  CHECK(page.get(4096) == 1);
  CHECK(page.get(64) == 0);
  CHECK(page.journal().setup() == "new");
  CHECK(page.journal().calls() == Ids{"8", "77"});
}

TEST_CASE("without a page nothing is kept and nothing is refused") {
  std::vector<std::byte> small(journal_bytes - 1);
  for (Journal journal : {Journal(), Journal(small)}) {
    journal.begin();
    CHECK(journal.fresh());
    const auto slot = journal.call_started("1");
    REQUIRE(slot);
    journal.call_ended(*slot);
    journal.forget_calls();
    journal.set_writing(true);
    CHECK_FALSE(journal.writing());
    CHECK(journal.set_setup("s"));
    CHECK(journal.setup().empty());
    journal.set_unread("u");
    journal.set_unread_lost();
    CHECK(journal.unread() == "");
    CHECK(journal.calls().empty());
  }
  CHECK(small == std::vector<std::byte>(journal_bytes - 1));
}
