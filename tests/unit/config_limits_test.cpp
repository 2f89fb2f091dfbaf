// What servers may take: "limits" and "budget" of config.json.
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

#include "app/config/config.h"

namespace {

using app::Config;

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

Config read(std::string_view text) {
  return app::read_config(text, "config.json");
}

// What is wrong with a server x that says this; it starts at 1:17.
std::string complaint(const std::string& limits) {
  const Config config = read(R"({"mcpServers":{"x":{"command":"a","limits":)" + limits + "}}}");
  return config.complaints.empty() ? "" : app::text_of(config.complaints.front());
}

TEST_CASE("config: limits of a server, above those of defaults") {
  const Config config = read(R"({
    "defaults": {"limits": {"memory": "1G", "processes": 200}},
    "mcpServers": {
      "a": {"command": "a"},
      "b": {"command": "b", "limits": {"memory": "1.5G", "cpu": 0.5}},
      "c": {"command": "c", "limits": {"memory": null, "processes": null}},
      "d": {"command": "d", "limits": {"memory": 2097152, "cpu": 2}},
      "e": {"command": "e", "limits": {}},
    },
  })");
  CHECK(config.complaints.empty());
  const auto limits = [&](const char* name) { return config.entries.at(name).tuning.limits; };
  CHECK(limits("a") == base::ResourceLimits{.memory = gib, .cpu = {}, .processes = 200});
  CHECK(limits("b") == base::ResourceLimits{.memory = 3 * gib / 2, .cpu = 500, .processes = 200});
  CHECK(limits("c") == base::ResourceLimits{});
  CHECK(limits("d") == base::ResourceLimits{.memory = 2097152, .cpu = 2000, .processes = 200});
  CHECK(limits("e") == limits("a"));
}

TEST_CASE("config: what is wrong with limits, with its place") {
  CHECK(complaint("7") ==
        R"(config.json:1:44: limits of server x must be an object, like {"memory": "1G", "cpu": 1.5, )"
        R"("processes": 200}, not a number)");
  const std::string memory =
      R"(config.json:1:54: memory of limits of server x must be an amount from 1M to 1024T, like "512M" or )"
      R"("1.5G" (K, M, G and T are powers of 1024), or a whole number of bytes, or null for no limit)";
  for (const char* wrong : std::to_array(
           {"\"1GB\"", "\"1\"", "\"\"", "-1", "1.5", "true", "[]", "1000", "\"1K\"", "\"2000T\""})) {
    CAPTURE(wrong);
    CHECK(complaint(R"({"memory":)" + std::string(wrong) + "}") == memory);
  }
  for (const char* wrong : std::to_array({"0", "-1", "\"1\"", "0.001", "5000", "1e9", "true"})) {
    CAPTURE(wrong);
    CHECK(complaint(R"({"cpu":)" + std::string(wrong) + "}") ==
          "config.json:1:51: cpu of limits of server x must be a number of processors from 0.01 to 4096, "
          "like 1.5, or null for no limit");
  }
  for (const char* wrong : std::to_array({"0", "-1", "\"1\"", "1.5", "4194305"})) {
    CAPTURE(wrong);
    CHECK(complaint(R"({"processes":)" + std::string(wrong) + "}") ==
          "config.json:1:57: processes of limits of server x must be a whole number from 1 to 4194304, like "
          "200, or null for no limit");
  }
  CHECK(complaint(R"({"memroy":"1G"})") ==
        "config.json:1:45: unknown key memroy of limits of server x is ignored; did you mean memory?");
  CHECK_FALSE(read(R"({"mcpServers":{"x":{"command":"a","limits":{"cpu":0}},"y":{"command":"b"}}})")
                  .entries.contains("x"));
}

TEST_CASE("config: a server elsewhere has no limits of ours") {
  const Config config = read(R"({"mcpServers":{"x":{"url":"https://x","limits":{"memory":"1G"}}}})");
  REQUIRE(config.complaints.size() == 1);
  CHECK(app::text_of(config.complaints.front()) ==
        "config.json:1:48: limits of server x is ignored, because it has a url and no command");
}

TEST_CASE("config: the budget of all servers") {
  CHECK(read("{}").budget == app::Budget{});
  const Config config = read(R"({"budget":{"memory":"4G","pressure":false}})");
  CHECK(config.complaints.empty());
  CHECK(config.budget == app::Budget{.memory = 4 * gib, .pressure = false});
  const auto wrong = [](std::string_view text) { return app::text_of(read(text).complaints.at(0)); };
  CHECK(wrong(R"({"budget":"4G"})") ==
        R"(config.json:1:11: budget of the file must be an object, like {"memory": "4G"}, not a string)");
  CHECK(wrong(R"({"budget":{"memory":"4"}})").starts_with("config.json:1:21: memory of budget must be an"));
  CHECK(wrong(R"({"budget":{"pressure":1}})") ==
        "config.json:1:23: pressure of budget must be true or false, like false, not a number");
  CHECK(wrong(R"({"budget":{"memoryMax":"4G"}})")
            .starts_with("config.json:1:12: unknown key memoryMax of budget is ignored"));
}

}  // namespace
