#include "record/recording.h"

#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <vector>

#include "core/setup.h"
#include "proto/journal.h"

using namespace std::chrono_literals;
using broker::Event;
using record::Contents;
using record::Mask;

namespace {

constexpr base::SipKey key{7, 8};
constexpr core::SessionId session{3, 4};
constexpr core::InstanceId instance{5, 6};

core::ServerSpec full_spec() {
  core::ServerSpec spec;
  spec.name = "files";
  spec.program = "/usr/bin/npx";
  spec.args = {"-y", "hush-argument", "\xff\xfe"};
  spec.link = core::Link::streamable;
  spec.address = {.url = "https://hush.example/mcp",
                  .port = 8080,
                  .path = "/hush",
                  .headers = {{"Authorization", "Bearer hush"}},
                  .headers_helper = {"/bin/hush", "-x"},
                  .authorities = {"/etc/hush.pem"},
                  .certificate = "/c/hush",
                  .key = "/k/hush"};
  spec.directory = "/home/hush/project";
  spec.scope = core::Scope::session;
  spec.scope_directory = "/home/hush";
  spec.environment = {{"HOME", "/home/hush"}, {"TOKEN", "hush-token"}};
  spec.inheritance = {.settings = {{"umask", -1}},
                      .limits = {{"nofile", {~std::uint64_t{0}, std::nullopt}}},
                      .cpus = "0-3",
                      .confines = {{"mnt", "hush-4026"}}};
  spec.named_variables = {"TOKEN"};
  spec.ignored_variables = {"X_*"};
  spec.extra_capabilities = {"sampling"};
  spec.interactive = core::Interactive::split;
  spec.calls = core::Calls::one;
  spec.cache = false;
  spec.probe = spec.asks = spec.cares_for_roots = true;
  spec.roots = core::RootsRule::joint;
  spec.offer = proto::Revision::r2025_03_26;
  spec.timing = {.idle_timeout = 1s, .start_timeout = 2s, .ask_timeout = 3s, .stable_after = 4s};
  spec.message_bytes_max = 12345;
  spec.limits = {.memory = std::uint64_t{5} << 30, .cpu = 1500, .processes = 200};
  spec.refusal = "was removed from /home/hush/config.json";
  return spec;
}

proto::Line line(std::string text) {
  const std::size_t length = text.size();
  return {.bytes = base::Bytes::copy(std::move(text)), .length = length, .id = {}};
}

const std::string call =
    R"({"id":7,"method":"tools/call","params":{"name":"hush-tool","arguments":{"hush-key":"hush"}}})";

// One of each kind at least, with nothing at its default.
std::vector<Event> samples() {
  return {
      broker::SessionOpened{session, full_spec(), {}, 4711, true, "hush-owner"},
      broker::SessionLine{session, line(call)},
      broker::SessionLine{
          session, {.bytes = {}, .overlong = true, .length = 99, .id = "\"hush-id\"", .has_method = true}},
      broker::SessionInputEnded{session},
      broker::SessionClosed{session, "hush, it went away"},
      broker::SessionAway{session},
      broker::SessionBack{session},
      broker::SessionBlocked{session},
      broker::SessionUnblocked{session},
      broker::SessionOverflowed{session, 1000},
      broker::SessionRespecified{session, full_spec()},
      broker::SessionRetimed{session, full_spec().timing},
      broker::EntryChanged{"files"},
      broker::InstanceStarted{instance, 12},
      broker::InstanceStartFailed{instance, "cannot start /home/hush: no such file"},
      broker::InstanceLine{instance, line("hush \xc3\x28 no JSON"), 17},
      broker::InstanceAnswers{instance},
      broker::InstanceForgot{instance, {proto::Message(call)}, false},
      broker::InstanceSpoke{instance},
      broker::InstanceMoved{instance, 13},
      broker::InstanceBlocked{instance},
      broker::InstanceUnblocked{instance},
      broker::InstanceExited{
          instance, "exited with status 1", "hush, last words", true, {proto::Message(call)}},
      broker::StartWanted{full_spec()},
      broker::StopWanted{"files", "/home/hush"},
      broker::RestartWanted{"files", "/home/hush"},
      broker::DaemonLeaves{broker::DaemonLeaves::Sessions::rest},
      broker::InstanceOverflowed{instance, 2000},
      broker::MemoryShort{{{instance, 3000}}, 5000, 4000},
  };
}

std::string written_whole(const record::What& what) {
  Mask mask(Contents::whole, key);
  std::string text = written(mask, what, base::Instant(42us));
  text.pop_back();
  return text;
}

record::Entry read(const std::string& line) {
  auto entry = record::read_entry(line);
  INFO(line);
  REQUIRE_MESSAGE(entry.has_value(), entry.error());
  return std::move(*entry);
}

}  // namespace

TEST_CASE("a recording holds every kind of event, and gives back what it took") {
  std::set<std::size_t> kinds;
  for (const Event& event : samples()) {
    kinds.insert(event.index());
    const std::string text = written_whole(event);
    const record::Entry entry = read(text);
    CHECK(entry.at == base::Instant(42us));
    // Placeholders of the environment are replaced by others; everything else is the same, byte for byte.
    const bool has_spec = std::holds_alternative<broker::SessionOpened>(event) ||
                          std::holds_alternative<broker::SessionRespecified>(event) ||
                          std::holds_alternative<broker::StartWanted>(event);
    if (!has_spec) CHECK(written_whole(entry.what) == text);
    REQUIRE(std::holds_alternative<Event>(entry.what));
    CHECK(std::get<Event>(entry.what).index() == event.index());
  }
  CHECK(kinds.size() == std::variant_size_v<Event>);
  for (const record::What& what :
       {record::What(record::Admitted{session}), record::What(record::Dismissed{session}),
        record::What(record::Ticked{}), record::What(record::End{"it is full"})}) {
    CHECK(written_whole(read(written_whole(what)).what) == written_whole(what));
  }
}

TEST_CASE("a recording gives back a server's whole spec, but for its secrets") {
  const core::ServerSpec spec = full_spec();
  const record::Entry entry = read(written_whole(Event(broker::StartWanted{spec})));
  const core::ServerSpec& again = std::get<broker::StartWanted>(std::get<Event>(entry.what)).spec;
  CHECK(again.name == spec.name);
  CHECK(again.program == spec.program);
  CHECK(again.args == spec.args);
  CHECK(again.link == spec.link);
  CHECK(again.address.url == spec.address.url);
  CHECK(again.address.port == spec.address.port);
  CHECK(again.address.path == spec.address.path);
  CHECK(again.address.headers.contains("Authorization"));
  CHECK(again.address.headers != spec.address.headers);
  CHECK(again.address.headers_helper == spec.address.headers_helper);
  CHECK(again.address.authorities == spec.address.authorities);
  CHECK(again.address.certificate == spec.address.certificate);
  CHECK(again.address.key == spec.address.key);
  CHECK(again.directory == spec.directory);
  CHECK(again.scope == spec.scope);
  CHECK(again.scope_directory == spec.scope_directory);
  CHECK(again.environment.size() == spec.environment.size());
  CHECK(again.environment.find("TOKEN") != "hush-token");
  CHECK(again.inheritance == spec.inheritance);
  CHECK(again.named_variables == spec.named_variables);
  CHECK(again.ignored_variables == spec.ignored_variables);
  CHECK(again.extra_capabilities == spec.extra_capabilities);
  CHECK(again.interactive == spec.interactive);
  CHECK(again.calls == spec.calls);
  CHECK(again.cache == spec.cache);
  CHECK(again.probe == spec.probe);
  CHECK(again.asks == spec.asks);
  CHECK(again.roots == spec.roots);
  CHECK(again.cares_for_roots == spec.cares_for_roots);
  CHECK(again.offer == spec.offer);
  CHECK(again.timing.idle_timeout == spec.timing.idle_timeout);
  CHECK(again.timing.start_timeout == spec.timing.start_timeout);
  CHECK(again.timing.ask_timeout == spec.timing.ask_timeout);
  CHECK(again.timing.stable_after == spec.timing.stable_after);
  CHECK(again.message_bytes_max == spec.message_bytes_max);
}

TEST_CASE("without contents no event shows what somebody wrote") {
  Mask mask(Contents::left_out, key);
  for (const Event& event : samples()) {
    const std::string text = written(mask, event, base::Instant());
    CHECK_MESSAGE(!text.contains("hush"), text);
    CHECK_MESSAGE(!text.contains("68757368"), text);  // In hex.
    CHECK(record::read_entry(std::string_view(text).substr(0, text.size() - 1)).has_value());
  }
}

TEST_CASE("with contents the environment and headers are left out all the same") {
  const std::string text = written_whole(Event(broker::StartWanted{full_spec()}));
  CHECK(text.contains("hush-argument"));
  CHECK(!text.contains("hush-token"));
  CHECK(!text.contains("Bearer"));
}

TEST_CASE("a server whose calls go one at a time is known behind placeholders") {
  core::ServerSpec spec;
  spec.program = "/usr/bin/npx";
  spec.args = {"-y", "@modelcontextprotocol/server-memory@2025.4.25", "--hush"};
  Mask mask(Contents::left_out, key);
  std::string text = written(mask, Event(broker::StartWanted{spec}), base::Instant());
  text.pop_back();
  CHECK(text.contains("mcp-server-memory"));
  CHECK(text.contains("/npx"));
  const record::Entry entry = read(text);
  CHECK(std::get<broker::StartWanted>(std::get<Event>(entry.what)).spec.args.size() == 4);
}

TEST_CASE("a recording holds what a session's journal said") {
  std::vector<std::byte> bytes(proto::journal_bytes);
  proto::Journal journal(bytes);
  journal.begin();
  for (const char* id : {"1", "\"two\"", "3", "long"}) (void)journal.call_started(id);
  journal.call_ended(2);
  journal.set_writing(true);
  core::Setup setup;
  setup.phase = core::Phase::ready;
  setup.initialize_line = R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})";
  setup.initialize_slot = 0;
  setup.level = core::Level::error;
  setup.subscriptions = {"file:///a", "file:///a/b"};
  setup.listens = {R"({"jsonrpc":"2.0","id":2,"method":"subscriptions/listen"})"};
  setup.long_ids = {{3, '"' + std::string(80, 'x') + '"'}};
  setup.life = 2;
  CHECK(journal.set_setup(core::written(setup)));

  Event event = broker::SessionOpened{session, {}, bytes, 1};
  const record::Entry entry = read(written_whole(event));
  REQUIRE(entry.page.has_value());
  std::vector<std::byte> again(proto::journal_bytes);
  entry.page->put_into(again);
  const proto::Journal copy(again);
  CHECK(!copy.fresh());
  CHECK(copy.writing());
  CHECK(copy.calls() == journal.calls());
  CHECK(copy.slots() == std::vector<std::uint16_t>{0, 1, 3});
  CHECK(copy.setup() == journal.setup());

  event = broker::SessionOpened{session, {}, {}, 1};
  CHECK(!read(written_whole(event)).page.has_value());
  std::vector<std::byte> blank(proto::journal_bytes);
  event = broker::SessionOpened{session, {}, blank, 1};
  CHECK(read(written_whole(event)).page->fresh);
}

TEST_CASE("a recording's first line is checked") {
  record::Header header{
      .version = "0.1.0",
      .contents = Contents::whole,
      .begun = base::Instant(9s),
      .options = {
          .retire_after = 5s, .version = "0.1.0", .unix_time = 11, .hash_key = 1, .ticket_key = ~0ULL}};
  header.options.allowances[2] = {.session = {3, 400}, .principal = {core::any_number, 7}};
  const std::string line = written(header);
  const auto again = record::read_header(line);
  REQUIRE(again.has_value());
  CHECK(again->version == "0.1.0");
  CHECK(again->contents == Contents::whole);
  CHECK(again->begun == header.begun);
  CHECK(again->options.retire_after == base::Duration(5s));
  CHECK(again->options.unix_time == 11);
  CHECK(again->options.ticket_key == ~0ULL);
  CHECK(again->options.hash_key == 0);
  for (std::size_t i = 0; i < header.options.allowances.size(); ++i) {
    CHECK(again->options.allowances[i].session == header.options.allowances[i].session);
    CHECK(again->options.allowances[i].principal == header.options.allowances[i].principal);
  }
  for (const std::string_view bad : {"[3,400,-1]", "[3,400,-2,7]", "3", "[3,\"400\",-1,7]"}) {
    std::string other = line;
    other.replace(other.find("[3,400,-1,7]"), 12, bad);
    CHECK(record::read_header(other).error() == "\"allowances\" is no list of what may be kept");
  }
  CHECK(record::read_header("#!/bin/sh").error() == "this is no recording of Hearth");
  CHECK(record::read_header(R"({"hearth recording":1})").error().contains("format 1"));
  CHECK(record::read_header(R"({"hearth recording":2})").error() == "\"hearth\" is missing");
}

TEST_CASE("what cannot be read of a recording is named") {
  const auto error = [](std::string_view line) { return record::read_entry(line).error(); };
  CHECK(error("{\"at\":1").starts_with("this is no JSON: "));
  CHECK(error(R"({"what":"tick"})") == "\"at\" is missing");
  CHECK(error(R"({"at":1,"what":"SessionDanced"})") == "\"SessionDanced\" is nothing that is known here");
  CHECK(error(R"({"at":1,"what":"SessionAway"})") == "SessionAway: \"session\" is missing");
  CHECK(error(R"({"at":1,"what":"SessionAway","session":[0,-1]})").contains("no number that is possible"));
  CHECK(error(R"({"at":1,"what":"InstanceStartFailed","instance":[0,1],"why":[{"hex":"0"}]})") ==
        "InstanceStartFailed: \"why\" is no text");
  CHECK(
      error(R"({"at":1,"what":"SessionLine","session":[0,1],"line":{"text":[-1]}})").contains("is no text"));
  CHECK(error("[]") == "an object is missing");
}
