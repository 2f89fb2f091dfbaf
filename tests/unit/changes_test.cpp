// What a change of the configuration means to sessions that are open, and what is kept of their wishes.
#include "app/config/changes.h"

#include <doctest/doctest.h>

#include "app/config/wishes.h"
#include "save/codec.h"

namespace {

app::Config read(const std::string& servers, const std::string& defaults = "{}") {
  return app::read_config(R"({"mcpServers":)" + servers + R"(,"defaults":)" + defaults + "}",
                          "/c/config.json");
}

app::Wish wish_for(const std::string& name) {
  return {.server = app::AttachWish{name},
          .cwd = "/",
          .environment = {{"HOME", "/"}, {"PATH", "/bin"}, {"TOKEN", "t"}}};
}

app::Wish run_of(const std::string& command) {
  app::Wish wish = wish_for("");
  wish.server = app::RunWish{.command = command};
  return wish;
}

std::string says(const app::Config& before, const app::Config& now, const app::Wish& wish) {
  const auto change = app::change_for(wish, before, now);
  if (!change) return "error: " + change.error().what;
  if (change->spec && !change->spec->refusal.empty()) return "refused: " + change->spec->refusal;
  return change->spec ? "another server" : change->timing ? "other times" : "nothing";
}

}  // namespace

TEST_CASE("changes: which entries have changed") {
  const app::Config before = read(R"({"a":{"command":"sh"},"b":{"command":"sh"},"c":{"command":"sh"}})");
  const app::Config now =
      read(R"({"a":{"command":"sh"},"b":{"command":"sh","args":["x"]},"d":{"command":"sh"}})");
  const app::ChangedEntries changed = app::changed_entries(before, now);
  CHECK(app::text_of(changed) == "added: d; changed: b; removed: c");
  CHECK(changed.concern(wish_for("b")));
  CHECK_FALSE(changed.concern(wish_for("a")));
  CHECK_FALSE(changed.concern(run_of("sh")));
  CHECK(app::changed_entries(before, before).none());
}

TEST_CASE("changes: a change of defaults concerns who goes by them") {
  const std::string servers = R"({"a":{"command":"sh"},"b":{"command":"sh","idleTimeoutMs":5}})";
  const app::Config before = read(servers);
  const app::Config now = read(servers, R"({"idleTimeoutMs":7})");
  const app::ChangedEntries changed = app::changed_entries(before, now);
  CHECK(app::text_of(changed) == "changed: a");
  CHECK(changed.concern(run_of("sh")));
  CHECK(says(before, now, wish_for("a")) == "other times");
  CHECK(says(before, now, run_of("sh")) == "other times");
  CHECK(says(before, read(servers, R"({"calls":"one"})"), run_of("sh")) == "another server");
}

TEST_CASE("changes: what a session is to have now") {
  const app::Config before = read(R"({"a":{"command":"sh","env":{"X":"${TOKEN}"}}})");
  CHECK(says(before, read(R"({"a":{"command":"sh","env":{"X":"t"}}})"), wish_for("a")) == "nothing");
  CHECK(says(before, read(R"({"a":{"command":"sh","env":{"X":"u"}}})"), wish_for("a")) == "another server");
  CHECK(says(before, read(R"({"a":{"command":"sh","env":{"X":"t"},"cache":false}})"), wish_for("a")) ==
        "another server");
  CHECK(says(before, read(R"({"a":{"url":"http://127.0.0.1:1/mcp"}})"), wish_for("a")) == "another server");
  CHECK(says(before, read("{}"), wish_for("a")) ==
        "refused: was removed from /c/config.json; put it back there, and this session goes on");
  CHECK(says(before, read(R"({"a":{"command":"sh","disabled":true}})"), wish_for("a")) ==
        "refused: is disabled in /c/config.json; remove disabled from it there, and this session goes on");
  CHECK(says(read("{}"), before, wish_for("a")) == "another server");
  CHECK(says(before, read(R"({"a":{"command":"no-such-program"}})"), wish_for("a"))
            .starts_with("error: command of server a: "));
}

TEST_CASE("wishes: are the same in the next program, and equal environments are kept once") {
  app::Wishes wishes;
  const core::SessionId one{0, 1}, two{1, 1}, three{2, 1};
  wishes.keep(one, wish_for("a"));
  wishes.keep(two, run_of("sh"));
  wishes.keep(three, wish_for("c"));
  wishes.forget(three);
  save::Writer writer;
  save::write(writer, wishes.saved());
  const std::string text = std::move(writer).finish();
  save::Reader reader(text);
  auto saved = save::read<app::Wishes::Saved>(reader);
  REQUIRE(reader.end("wishes"));
  CHECK(saved.environments.size() == 1);
  app::Wishes next;
  next.resume(std::move(saved));
  std::vector<std::string> found;
  next.each([&](core::SessionId session, const app::Wish& wish) {
    CHECK(wish.environment == wish_for("").environment);
    CHECK(wish.cwd == "/");
    const auto* attach = std::get_if<app::AttachWish>(&wish.server);
    found.push_back(std::to_string(session.index) + ' ' +
                    (attach != nullptr ? attach->name : std::get<app::RunWish>(wish.server).command));
  });
  CHECK(found == std::vector<std::string>{"0 a", "1 sh"});
}
