#include "core/reach.h"

#include <doctest/doctest.h>

namespace {

using base::Inheritance;
using Words = std::vector<std::string>;

// Of an ordinary login.
Inheritance ordinary() {
  Inheritance own;
  own.settings = {{"nice", 0}, {"umask", 022}};
  own.limits = {{"nofile", {.soft = 1024, .hard = 524288}},
                {"cpu", {}},
                {"as", {}},
                {"memlock", {.soft = 8 << 20, .hard = 8 << 20}}};
  own.confines = {{"mnt", "mnt:[1]"}, {"net", "net:[2]"}, {"groups", "1000: 27 1000"}};
  return own;
}

TEST_CASE("reach: a session like the daemon is served, and one with less of everything too") {
  Inheritance session = ordinary();
  CHECK(core::out_of_reach(ordinary(), session).empty());
  session.settings["nice"] = 19;
  session.settings["umask"] = 0;
  session.limits["nofile"] = {.soft = 5, .hard = 5};
  session.limits["cpu"] = {.soft = 2, .hard = 2};
  CHECK(core::out_of_reach(ordinary(), session).empty());
  CHECK(core::out_of_reach(ordinary(), Inheritance{}).empty());
}

TEST_CASE("reach: a session in other namespaces, or with other groups, is not served") {
  Inheritance session = ordinary();
  session.confines["net"] = "net:[3]";
  CHECK(core::out_of_reach(ordinary(), session) == Words{"another network namespace"});
  session = ordinary();
  session.confines["mnt"] = "mnt:[3]";
  session.confines["groups"] = "1000: 1000";
  CHECK(core::out_of_reach(ordinary(), session) == Words{"another mount namespace", "other groups"});
  session = ordinary();
  session.confines.erase("mnt");
  CHECK(core::out_of_reach(ordinary(), session) == Words{"another mount namespace"});
}

TEST_CASE("reach: what the daemon may not raise keeps away those that have more") {
  const Inheritance session = ordinary();
  const struct {
    const char* name;
    base::Limit limit;
    const char* words;  // Empty: it serves.
  } table[] = {
      {"nofile", {.soft = 256, .hard = 256}, "256 open files instead of 1024"},
      {"nofile", {.soft = 1024, .hard = 2048}, "2048 open files instead of 524288"},
      {"nofile", {.soft = 1024, .hard = 4096}, ""},
      {"cpu", {.soft = 3600, .hard = 3600}, "3600 seconds of CPU instead of no limit"},
      {"cpu", {.soft = 3600, .hard = {}}, ""},
      {"as", {.soft = 1, .hard = 1}, "1 bytes of memory instead of no limit"},
      {"memlock", {.soft = 65536, .hard = 65536}, "65536 bytes of locked memory instead of 8388608"},
      {"memlock", {.soft = 0, .hard = 8 << 20}, ""},
  };
  for (const auto& row : table) {
    CAPTURE(row.name);
    Inheritance reach = ordinary();
    reach.limits[row.name] = row.limit;
    const Words lacking = core::out_of_reach(reach, session);
    CHECK(lacking == (row.words[0] == '\0' ? Words{} : Words{row.words}));
  }
}

TEST_CASE("reach: logins that differ in high limits have one daemon") {
  Inheritance reach = ordinary();
  reach.limits["nofile"] = {.soft = 1024, .hard = 524288};
  Inheritance session = ordinary();
  session.limits["nofile"] = {.soft = 1048576, .hard = 1048576};
  session.limits["memlock"] = {.soft = {}, .hard = {}};
  CHECK(core::out_of_reach(reach, session).empty());
  reach.limits["nofile"].hard = 65535;
  CHECK(core::out_of_reach(reach, session) == Words{"65535 open files instead of 1048576"});
  // A limit that the table does not know.
  reach = ordinary();
  reach.limits["rtprio"] = {.soft = 0, .hard = 5};
  session = ordinary();
  session.limits["rtprio"] = {.soft = 0, .hard = 99};
  CHECK(core::out_of_reach(reach, session).empty());
  session.limits["rtprio"].soft = 10;
  CHECK(core::out_of_reach(reach, session) == Words{"5 rtprio instead of 10"});
}

TEST_CASE("reach: a daemon that cannot give up its nice value serves those that are as nice") {
  Inheritance reach = ordinary();
  reach.settings["nice"] = 7;
  Inheritance session = ordinary();
  CHECK(core::out_of_reach(reach, session) == Words{"nice 7 instead of 0"});
  session.settings["nice"] = 7;
  CHECK(core::out_of_reach(reach, session).empty());
  // Less than nothing is a favour of whoever started the client.
  session.settings["nice"] = -5;
  CHECK(core::out_of_reach(ordinary(), session).empty());
}

}  // namespace
