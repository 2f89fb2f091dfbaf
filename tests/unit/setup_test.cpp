#include "core/setup.h"

#include <doctest/doctest.h>

namespace {

using core::Level;
using core::Phase;
using core::Setup;
using Names = std::vector<std::string>;

void check_same(const Setup& before) {
  const std::optional<Setup> after = core::setup_of(core::written(before));
  REQUIRE(after);
  CHECK(after->phase == before.phase);
  CHECK(after->initialized_early == before.initialized_early);
  CHECK(after->initialize_line == before.initialize_line);
  CHECK(after->initialize_slot == before.initialize_slot);
  CHECK(after->level == before.level);
  CHECK(after->subscriptions == before.subscriptions);
  CHECK(after->long_ids == before.long_ids);
  CHECK(after->life == before.life);
}

TEST_CASE("setup: written and read again, nothing is lost") {
  Setup setup;
  check_same(setup);
  for (const Phase phase : {Phase::fresh, Phase::asked, Phase::answered, Phase::ready}) {
    setup.phase = phase;
    check_same(setup);
  }
  for (int level = 0; level <= static_cast<int>(Level::emergency); ++level) {
    setup.level = static_cast<Level>(level);
    check_same(setup);
  }
  setup.initialized_early = true;
  setup.initialize_line = R"({"jsonrpc":"2.0","id":"\u00e9\\","method":"initialize","params":{"x":"é"}})";
  setup.initialize_slot = 0;
  setup.subscriptions = {"file:///a b", "", "x\"y\n"};
  setup.long_ids = {{0, '"' + std::string(300, 'x') + '"'}, {1023, "1e400"}};
  setup.life = 1'000'000;
  check_same(setup);
}

TEST_CASE("setup: bytes that are none of ours") {
  for (const char* bytes : {"", "x", "[]", "null", "{}", R"({"phase":4})", R"({"phase":-1})",
                            R"({"phase":"ready"})", R"({"phase":1.5})", R"({"phase":3} x)", "{\"phase\":3"}) {
    CAPTURE(bytes);
    CHECK_FALSE(core::setup_of(bytes));
  }
}

TEST_CASE("setup: a strange member is left out, the rest is kept") {
  const auto setup =
      core::setup_of(R"({"phase":3,"initialize":7,"level":8,"initializeSlot":-1,"early":1,)"
                     R"("subscriptions":{"a":1},"longIds":["1",{"slot":1024,"id":"2"},{"slot":3,"id":"4"}],)"
                     R"("life":-1,"later":[]})");
  REQUIRE(setup);
  CHECK(setup->phase == Phase::ready);
  CHECK(setup->initialize_line.empty());
  CHECK_FALSE(setup->level);
  CHECK_FALSE(setup->initialize_slot);
  CHECK_FALSE(setup->initialized_early);
  CHECK(setup->subscriptions.empty());
  CHECK(setup->long_ids == std::vector<core::LongId>{{3, "4"}});
  CHECK(setup->life == 0);
}

}  // namespace
