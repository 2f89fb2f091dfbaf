#include "core/stricter.h"

#include <doctest/doctest.h>

#include <algorithm>

using core::Calls;
using core::Interactive;

TEST_CASE("stricter: of two ways to treat calls the stricter holds, whoever came first") {
  const Calls by_strictness[] = {Calls::many, Calls::automatic, Calls::one};
  for (int running = 0; running < 3; ++running) {
    for (int asking = 0; asking < 3; ++asking) {
      core::ServerSpec one, other;
      one.calls = by_strictness[running];
      other.calls = by_strictness[asking];
      const std::string said = core::tighten(one, other);
      CHECK(one.calls == by_strictness[std::max(running, asking)]);
      CHECK(said.empty() == (asking <= running));
      CHECK(core::settings_agree(one, other));
    }
  }
}

TEST_CASE("stricter: questions") {
  const struct {
    Interactive running, asking;
    bool agree;
    Interactive then;
  } table[] = {
      {Interactive::automatic, Interactive::automatic, true, Interactive::automatic},
      {Interactive::automatic, Interactive::serialise, true, Interactive::serialise},
      {Interactive::serialise, Interactive::automatic, true, Interactive::serialise},
      {Interactive::automatic, Interactive::split, true, Interactive::split},
      {Interactive::split, Interactive::automatic, true, Interactive::split},
      {Interactive::serialise, Interactive::serialise, true, Interactive::serialise},
      {Interactive::split, Interactive::split, true, Interactive::split},
      {Interactive::serialise, Interactive::split, false, Interactive::serialise},
      {Interactive::split, Interactive::serialise, false, Interactive::split},
  };
  for (const auto& row : table) {
    core::ServerSpec running, asking;
    running.interactive = row.running;
    asking.interactive = row.asking;
    CAPTURE(core::name_of(row.running));
    CAPTURE(core::name_of(row.asking));
    CHECK(core::settings_agree(running, asking) == row.agree);
    if (row.agree) core::tighten(running, asking);
    CHECK(running.interactive == row.then);
  }
}

TEST_CASE("stricter: what is not to be kept or asked is not, and people are told what has changed") {
  core::ServerSpec lax, strict;
  lax.cache = lax.probe = true;
  strict.cache = strict.probe = false;
  core::ServerSpec running = lax;
  CHECK(core::tighten(running, strict) == "cache: false, discover: false");
  CHECK(!running.cache);
  CHECK(!running.probe);
  CHECK(core::tighten(running, lax).empty());
  CHECK(!running.cache);
  CHECK(!running.probe);
  strict.calls = Calls::one;
  strict.interactive = Interactive::serialise;
  CHECK(core::tighten(lax, strict) == "calls: one, interactive: serialise, cache: false, discover: false");
}

TEST_CASE("stricter: times and sizes stay those of the session that was there first") {
  core::ServerSpec running, asking;
  asking.timing.idle_timeout = std::chrono::seconds(1);
  asking.message_bytes_max = 1 << 20;
  CHECK(core::tighten(running, asking).empty());
  CHECK(running.timing.idle_timeout == core::Timing{}.idle_timeout);
  CHECK(running.message_bytes_max == core::ServerSpec{}.message_bytes_max);
}
