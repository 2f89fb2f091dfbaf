#include "app/servers/headers_helper.h"

#include <doctest/doctest.h>

#include "io/clock.h"

namespace {

struct Outcome {
  bool done = false;
  bool done_at_once = false;
  std::optional<app::HeadersHelper::Fields> fields;
};

// One run of /bin/sh with this script.
Outcome run(const std::string& script, app::HeadersHelper::What what = {}) {
  io::Loop loop;
  Outcome outcome;
  {
    auto children = io::Children::make(loop, {});
    REQUIRE(children);
    if (what.command.empty()) what.command = {"/bin/sh", "-c", script, "sh", "an argument"};
    what.directory = "/";
    what.environment["PATH"] = "/usr/bin:/bin";
    std::unique_ptr<app::HeadersHelper> helper =
        app::HeadersHelper::start(loop, **children, std::move(what), [&](app::HeadersHelper::Fields fields) {
          outcome.fields = std::move(fields);
          outcome.done = true;
          helper.reset();
        });
    outcome.done_at_once = outcome.done;
    bool late = false;
    io::Timer too_late(loop, [&] { late = true; });
    too_late.set(io::now() + std::chrono::seconds(30));
    loop.run_until([&] { return outcome.done || late; });
    helper.reset();
  }
  REQUIRE(outcome.done);
  CHECK_FALSE(outcome.done_at_once);
  return outcome;
}

std::string error_of(const Outcome& outcome) {
  return *outcome.fields ? std::string("none") : outcome.fields->error().what;
}

}  // namespace

TEST_CASE("headers helper: what a program writes becomes headers, with or without a last newline") {
  for (const char* end : {"\\n", ""}) {
    app::HeadersHelper::What what;
    what.environment["TOKEN"] = "t1";
    const Outcome outcome =
        run(std::string(
                R"(printf '{"Authorization":\n "Bearer %s", "X-Dir": "%s %s"}%b' "$TOKEN" "$PWD" "$1" ')") +
                end + "'",
            std::move(what));
    REQUIRE(outcome.fields->has_value());
    CHECK((*outcome.fields)->get("authorization") == "Bearer t1");
    CHECK((*outcome.fields)->get("x-dir") == "/ an argument");
    CHECK((*outcome.fields)->all.size() == 2);
  }
}

TEST_CASE("headers helper: a program that fails, and what it said stays unsaid") {
  CHECK(error_of(run("echo '{\"a\": \"secret\"}'; echo secret >&2; exit 3")) ==
        "no headers from /bin/sh: it exited with status 3");
  const std::string missing =
      error_of(run({}, {.command = {"/nowhere/helper"}, .directory = {}, .environment = {}}));
  CHECK(missing.starts_with("no headers from /nowhere/helper: it "));
  CHECK(missing.contains("No such file or directory"));
}

TEST_CASE("headers helper: a program that does not end, or does not stop writing") {
  app::HeadersHelper::What what;
  what.patience = std::chrono::milliseconds(10);
  CHECK(error_of(run("sleep 1000", std::move(what))) == "no headers from /bin/sh: it did not end in time");
  CHECK(error_of(run("while :; do echo secret; done")) ==
        "no headers from /bin/sh: it wrote more than 64 KiB");
  CHECK(error_of(run("head -c 100000 /dev/zero")) == "no headers from /bin/sh: it wrote more than 64 KiB");
}

TEST_CASE("headers helper: destroying it ends the program, and nothing is told") {
  io::Loop loop;
  auto children = io::Children::make(loop, {});
  REQUIRE(children);
  bool told = false;
  auto helper = app::HeadersHelper::start(loop, **children,
                                          {.command = {"/bin/sh", "-c", "sleep 1000"},
                                           .directory = "/",
                                           .environment = {{"PATH", "/usr/bin:/bin"}}},
                                          [&](const auto&) { told = true; });
  CHECK((*children)->size() == 1);
  helper.reset();
  CHECK((*children)->size() == 0);
  bool later = false;
  io::Timer timer(loop, [&] { later = true; });
  timer.set(io::now());
  loop.run_until([&] { return later; });
  CHECK_FALSE(told);
}

TEST_CASE("headers helper: what is no object of headers is refused, and not quoted") {
  for (const char* text :
       {"", "secret", "[\"secret\"]", "{\"a\": 1}", "{\"a\": null}", "{\"a b\": \"secret\"}",
        "{\"\": \"secret\"}", "{\"a\": \"secret\\nx: y\"}", "{\"a\": \"secret\\u0000\"}",
        "{\"a\": \"secret\"} secret", "{\"a:\": \"secret\"}"}) {
    CAPTURE(text);
    const auto fields = app::headers_in(text);
    REQUIRE_FALSE(fields);
    CHECK_FALSE(fields.error().what.contains("secret"));
  }
  const auto fields = app::headers_in("{\"A\": \"\", \"b\": \"ü\\t\"}\n");
  REQUIRE(fields);
  CHECK(fields->all.size() == 2);
  CHECK(app::headers_in("{}"));
}
