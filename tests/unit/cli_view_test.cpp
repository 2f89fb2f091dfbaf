#include <doctest/doctest.h>

#include "cli/amount.h"
#include "cli/control.h"
#include "cli/status_view.h"
#include "cli/table.h"

namespace {

proto::json::Value value_of(std::string_view text) {
  proto::json::Document document = proto::json::parse(text);
  REQUIRE(document.root);
  return std::move(*document.root);
}

TEST_CASE("columns are aligned by characters") {
  cli::Table table({{"NAME"}, {"PID", cli::Align::right}, {"STATE"}});
  table.row({"größe", "7", "ready"});
  table.row({"x", "12345", ""});
  CHECK(table.text() ==
        "NAME     PID  STATE\n"
        "größe      7  ready\n"
        "x      12345\n");
}

TEST_CASE("no cell steers the terminal") {
  CHECK(cli::printable("a\x1b[2Jb\nc\x7f") == "a?[2Jb?c?");
  CHECK(cli::printable("a\xc2\x9bm") == "a?m");
  CHECK(cli::printable("\xc2\xb5") == "\xc2\xb5");
}

TEST_CASE("amounts") {
  CHECK(cli::bytes_shown(0) == "0 B");
  CHECK(cli::bytes_shown(1536) == "1.5 KiB");
  CHECK(cli::bytes_shown(std::int64_t{200} << 20) == "200 MiB");
  CHECK(cli::bytes_shown(std::int64_t{3} << 30) == "3.0 GiB");
  CHECK(cli::milliseconds_shown(999) == "999 ms");
  CHECK(cli::milliseconds_shown(59'999) == "59 s");
  CHECK(cli::milliseconds_shown(60'000) == "1 min");
  CHECK(cli::milliseconds_shown(3 * 3'600'000L + 12 * 60'000L) == "3 h 12 min");
  CHECK(cli::milliseconds_shown(50 * 3'600'000L) == "2 d 2 h");
}

TEST_CASE("status shows servers and sessions, and what ails a server") {
  const std::string text = cli::status_shown(value_of(R"({
    "daemon": {"pid": 7, "version": "0.1.0", "uptimeMs": 61000, "memoryBytes": 2097152, "home": ""},
    "servers": [{"name": "files", "state": "ready", "pid": 12, "sessions": 2, "calls": 1, "waiting": 3,
                 "callsTotal": 9, "restarts": 0, "memoryBytes": 1048576, "uptimeMs": 5000, "trouble": ""},
                {"name": "git", "state": "broken", "pid": 0, "sessions": 1, "calls": 0, "waiting": 0,
                 "restarts": 4, "memoryBytes": 0, "uptimeMs": null, "trouble": "exits at once", "failures": 4,
                 "refusedCalls": [{"tool": "boom", "deaths": 3, "refused": 2}]}],
    "sessions": [{"id": "1", "server": "files", "client": "evil\u001b]0;", "project": "/p", "pid": 4,
                  "calls": 1, "ageMs": 10}]})"));
  CHECK(text ==
        "daemon 7, version 0.1.0, up 1 min 1 s, memory 2.0 MiB\n"
        "\n"
        "SERVER  STATE   PID  SESSIONS           CALLS  RESTARTS   MEMORY  UPTIME\n"
        "files   ready    12         2  1 (+3 waiting)         0  1.0 MiB     5 s\n"
        "git     broken    -         1               0         4        -       -\n"
        "\n"
        "git: the tool boom has ended it 3 times with the same arguments; that call is refused (2 so far)\n"
        "git: exits at once (4 failures in a row)\n"
        "\n"
        "CLIENT    SERVER  PID  CALLS    AGE  PROJECT\n"
        "evil?]0;  files     4      1  10 ms  /p\n");
}

TEST_CASE("status shows clients by URL without a process, and for how long they are away") {
  const std::string text = cli::status_shown(value_of(R"({
    "daemon": {"pid": 7}, "servers": [],
    "sessions": [{"id": 1, "server": "files", "client": "one", "project": "", "pid": 0, "calls": 0,
                  "ageMs": 60000},
                 {"id": 2, "server": "files", "client": "two", "project": "", "pid": 0, "calls": 0,
                  "ageMs": 60000, "awayMs": 5000}]})"));
  CHECK(
      text.ends_with("CLIENT  SERVER   PID  CALLS                  AGE  PROJECT\n"
                     "one     files    URL      0                1 min  -\n"
                     "two     files   away      0  1 min, away for 5 s  -\n"));
}

TEST_CASE("status shows what is the user's, and what is wrong with the configuration") {
  const std::string text = cli::status_shown(value_of(R"({
    "daemon": {"pid": 7}, "servers": [], "complaints": ["config.json:1:2: no", "config.json:3:4: never"],
    "sessions": [{"id": 1, "server": "files", "client": "one", "scope": "user", "project": "", "pid": 1,
                  "calls": 0, "ageMs": 60000}]})"));
  CHECK(
      text.ends_with("CLIENT  SERVER  PID  CALLS    AGE  PROJECT\n"
                     "one     files     1      0  1 min  (user)\n"
                     "\n"
                     "In the configuration:\n"
                     "    config.json:1:2: no\n"
                     "    config.json:3:4: never\n"));
}

TEST_CASE("status shows limits that nothing keeps, and the budget of all servers") {
  const std::string text = cli::status_shown(value_of(R"({
    "daemon": {"pid": 7, "budget": {"memoryBytes": 4294967296, "usedBytes": 1048576}},
    "servers": [{"name": "git", "state": "ready", "pid": 1, "limits": {"cpu": 1.5},
                 "limitsNotKept": ["its limit of 1.5 processors is not kept: no group"]}],
    "sessions": []})"));
  CHECK(text.contains(", servers use 1.0 MiB of 4.0 GiB\n"));
  CHECK(text.contains("\ngit: its limit of 1.5 processors is not kept: no group\n"));
}

TEST_CASE("status of nothing") {
  CHECK(cli::status_shown(value_of(R"({"daemon":null})")) == "no daemon is running\n");
  CHECK(cli::status_shown(value_of(R"({"daemon":{"pid":1},"servers":[],"sessions":[]})"))
            .ends_with("No servers.\n\nNo sessions.\n"));
  CHECK(cli::status_shown(
            value_of(R"({"daemon":{"pid":1,"home":"/h","port":8765,"url":"https://h.example:8765"},)"
                     R"("servers":[],"sessions":[]})"))
            .contains("home /h, at https://h.example:8765\n"));
}

TEST_CASE("why is told in sentences") {
  const std::string text = cli::why_shown(value_of(R"({
    "groups": [{"instance": "1", "name": "files", "sessions": [{"id": "a", "client": "one", "project": "/p"},
                {"id": "b", "client": "", "project": "/p"}],
                "declared": ["roots", "elicitation by form"], "undeclared": ["sampling"],
                "ignored": [{"what": "TERM", "here": "1a", "there": ""}]},
               {"instance": "2", "name": "files", "sessions": [{"id": "c", "client": "two", "project": "/q"}],
                "oneAtATime": "it changes its file in each call", "ignored": []}],
    "apart": [{"one": "1", "other": "2",
               "because": [{"what": "the project", "here": "/p", "there": "/q"}]}]})"));
  CHECK(text ==
        "files (instance 1) is shared by 2 sessions:\n"
        "    one in /p\n"
        "    a client without a name in /p\n"
        "  Declared to the server: roots, elicitation by form.\n"
        "  Not declared to it, though a client that came later can: sampling. `hearth restart files` "
        "declares it.\n"
        "\n"
        "files (instance 2) serves one session:\n"
        "    two in /q\n"
        "  Calls go one at a time: it changes its file in each call.\n"
        "\n"
        "These differences between sessions of one server were ignored:\n"
        "    TERM: 1a here, nothing there (files)\n"
        "\n"
        "Instances 1 and 2 are kept apart, because they differ in\n"
        "    the project: /p here, /q there\n");
}

TEST_CASE("why tells an ignored difference once, however many servers it was ignored for") {
  const std::string text = cli::why_shown(value_of(R"({
    "groups": [{"instance": 1, "name": "files", "sessions": [],
                "ignored": [{"what": "env TERM", "here": "1a", "there": "2b"}]},
               {"instance": 2, "name": "git", "sessions": [],
                "ignored": [{"what": "env LANG", "here": "3c", "there": "4d"},
                            {"what": "env TERM", "here": "1a", "there": "2b"}]}]})"));
  CHECK(text ==
        "files (instance 1) has no session.\n"
        "\n"
        "git (instance 2) has no session.\n"
        "\n"
        "These differences between sessions of one server were ignored:\n"
        "    env LANG: 3c here, 4d there (git)\n"
        "    env TERM: 1a here, 2b there (files, git)\n");
}

TEST_CASE("why tells under which names sessions use a server, and which use none yet") {
  const std::string text = cli::why_shown(value_of(R"({
    "groups": [{"instance": "1", "name": "files", "sessions": [
                {"client": "one", "project": "/p", "server": "mine"},
                {"client": "two", "project": "/p", "server": "files"}], "ignored": []}],
    "apart": [], "unplaced": [{"client": "", "project": "/q", "server": "git"}]})"));
  CHECK(text ==
        "files (instance 1) is shared by 2 sessions:\n"
        "    one in /p, which calls it mine\n"
        "    two in /p\n"
        "\n"
        "These sessions have not asked for anything yet, and use no server:\n"
        "    a client without a name in /q, for git\n");
  CHECK(cli::why_shown(value_of(R"({"groups":[],"apart":[],"unplaced":[]})")) ==
        "No server is running, so nothing is shared.\n");
}

}  // namespace
