#include <doctest/doctest.h>

#include <string>

#include "cli/service_units.h"

using cli::units_for;

namespace {

std::string text_of(const cli::UnitChoice& choice, std::string_view name) {
  for (const cli::UnitFile& unit : units_for(choice)) {
    if (unit.name == name) return unit.text;
  }
  return {};
}

}  // namespace

TEST_CASE("service units: the socket of sessions is the usual one, or that of a home") {
  const cli::UnitChoice usual{
      .program = "/usr/bin/hearth", .home = {}, .socket = "/x", .path = {}, .port = 0};
  CHECK(text_of(usual, cli::socket_unit).contains("\nListenStream=%t/hearth/hearthd.sock\n"));
  CHECK(text_of(usual, cli::service_unit).contains("\nExecStart=\"/usr/bin/hearth\" serve\n"));
  CHECK(text_of(usual, cli::http_unit).empty());
  CHECK_FALSE(text_of(usual, cli::service_unit).contains("hearthd-http.socket"));

  const cli::UnitChoice own{
      .program = "/usr/bin/hearth", .home = "/h", .socket = "/h/run/hearthd.sock", .path = {}, .port = 0};
  CHECK(text_of(own, cli::socket_unit).contains("\nListenStream=/h/run/hearthd.sock\n"));
  CHECK(text_of(own, cli::socket_unit)
            .contains("\nExecStartPre=\"/usr/bin/hearth\" --home \"/h\" service check\n"));
}

TEST_CASE("service units: what systemd expands or reads as its own is written so that it does not") {
  const cli::UnitChoice odd{.program = "/a \"b\\%h$c/hearth",
                            .home = "/h %t$HOME",
                            .socket = "/h %t$HOME/run/hearthd.sock",
                            .path = "/p:\"%i\\$x",
                            .port = 0};
  const std::string service = text_of(odd, cli::service_unit);
  CHECK(service.contains(R"(ExecStart="/a \"b\\%%h$c/hearth" --home "/h %%t$$HOME" serve)"));
  CHECK(service.contains(R"(Environment="PATH=/p:\"%%i\\$x")"));
  CHECK(text_of(odd, cli::socket_unit).contains("\nListenStream=/h %%t$HOME/run/hearthd.sock\n"));
}

TEST_CASE("service units: each begins with the line by which we know it, and the port can be read back") {
  const cli::UnitChoice choice{.program = "/hearth", .home = {}, .socket = {}, .path = {}, .port = 8765};
  CHECK(units_for(choice).size() == 3);
  for (const cli::UnitFile& unit : units_for(choice)) CHECK(cli::written_by_us(unit.text));
  CHECK_FALSE(cli::written_by_us("\n# Written by 'hearth service install'"));
  CHECK_FALSE(cli::written_by_us(""));
  CHECK(cli::port_in(text_of(choice, cli::http_unit)) == 8765);
  CHECK(cli::port_in(text_of(choice, cli::socket_unit)) == 0);
  for (const char* line :
       {"ListenStream=127.0.0.1:65536", "ListenStream=127.0.0.1:80x", "ListenStream=127.0.0.1:", ""})
    CHECK(cli::port_in(line) == 0);
}

TEST_CASE("service units: a service says for which home it is") {
  cli::UnitChoice usual{.program = "/a/hearth", .home = {}, .socket = {}, .path = {}, .port = 0};
  cli::UnitChoice own = usual;
  own.home = "/h %t$x\" --home \"";
  const std::string of_usual = text_of(usual, cli::service_unit);
  const std::string of_own = text_of(own, cli::service_unit);
  CHECK(cli::same_home(of_usual, usual));
  CHECK(cli::same_home(of_own, own));
  CHECK_FALSE(cli::same_home(of_usual, own));
  CHECK_FALSE(cli::same_home(of_own, usual));
}

TEST_CASE("service units: another PATH is no difference, another line is") {
  cli::UnitChoice one{.program = "/hearth", .home = {}, .socket = {}, .path = "/a", .port = 0};
  cli::UnitChoice other = one;
  other.path = "/b:/c";
  CHECK(cli::same_unit(text_of(one, cli::service_unit), text_of(other, cli::service_unit)));
  other.program = "/usr/bin/hearth";
  CHECK_FALSE(cli::same_unit(text_of(one, cli::service_unit), text_of(other, cli::service_unit)));
}

TEST_CASE("service units: an agent of launchd is XML whatever the words are") {
  const cli::UnitChoice choice{
      .program = "/a&<b>/hearth", .home = "/h", .socket = {}, .path = "/p", .port = 80};
  const std::string agent = cli::launch_agent_for(choice);
  CHECK(agent.contains("<string>/a&amp;&lt;b&gt;/hearth</string>"));
  CHECK(agent.contains("<string>--port</string>\n    <string>80</string>"));
}
