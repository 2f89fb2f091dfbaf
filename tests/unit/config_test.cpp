#include "app/config/config.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace {

using app::Config;
using app::Severity;

Config read(std::string_view text) {
  return app::read_config(text, "config.json");
}

// All complaints, one a line, warnings marked.
std::string complaints(const Config& config) {
  std::string all;
  for (const app::Complaint& complaint : config.complaints) {
    if (!all.empty()) all += "\n";
    all += (complaint.severity == Severity::warning ? "(warning) " : "") + app::text_of(complaint);
  }
  return all;
}

std::string refusal(const Config& config, std::string_view name) {
  const auto found = app::find_entry(config, name);
  return found ? "" : found.error().what;
}

// One server x that says this; it starts at 1:17.
Config read_server(const std::string& body) {
  return read(R"({"mcpServers":{"x":)" + body + "}}");
}

TEST_CASE("config: everything that can be said") {
  const Config config = read(R"({
    // a comment
    "$schema": "x",
    "mcpServers": {
      "files": {
        "type": "stdio",
        "command": "npx", /* another */
        "args": ["-y", "pkg", "${project}",],
        "env": {"API_KEY": "${API_KEY}", "EMPTY": ""},
        "cwd": "data",
        "scope": "user",
        "interactive": "split",
        "calls": "one",
        "discover": false,
        "cache": true,
        "capabilities": ["sampling", "roots"],
        "idleTimeoutMs": 1000,
        "startTimeoutMs": 2000,
        "askTimeoutMs": 3000,
        "stableAfterMs": 4000,
        "maxMessageBytes": 104857600,
        "disabled": false,
      },
      "plain": {"command": "x"},
    },
    "defaults": {"idleTimeoutMs": 7000, "interactive": "serialise", "calls": "many", "cache": false},
    "daemon": {"idleTimeoutMs": 9000, "record": "recordings", "recordContents": true},
  })");
  CHECK(complaints(config) == "");
  REQUIRE(config.entries.size() == 2);
  const app::Entry& files = config.entries.at("files");
  CHECK(files.command == "npx");
  CHECK(files.args == std::vector<std::string>{"-y", "pkg", "${project}"});
  CHECK(files.env == std::map<std::string, std::string>{{"API_KEY", "${API_KEY}"}, {"EMPTY", ""}});
  CHECK(files.cwd == "data");
  CHECK(files.scope == core::Scope::user);
  CHECK(files.capabilities == std::vector<std::string>{"sampling", "roots"});
  CHECK(files.tuning.interactive == core::Interactive::split);
  CHECK(files.tuning.calls == core::Calls::one);
  CHECK_FALSE(files.tuning.discover);
  CHECK(config.entries.at("plain").tuning.discover);
  CHECK(files.tuning.cache);
  CHECK(files.tuning.timing.idle_timeout == std::chrono::seconds(1));
  CHECK(files.tuning.timing.start_timeout == std::chrono::seconds(2));
  CHECK(files.tuning.timing.ask_timeout == std::chrono::seconds(3));
  CHECK(files.tuning.timing.stable_after == std::chrono::seconds(4));
  CHECK(files.tuning.message_bytes_max == 104857600);
  const app::Entry& plain = config.entries.at("plain");
  CHECK(plain.scope == core::Scope::project);
  CHECK_FALSE(plain.cwd);
  CHECK(plain.tuning.timing.idle_timeout == std::chrono::seconds(7));  // Though "defaults" comes later.
  CHECK(plain.tuning.timing.start_timeout == std::chrono::seconds(60));
  CHECK(plain.tuning.interactive == core::Interactive::serialise);
  CHECK(plain.tuning.calls == core::Calls::many);
  CHECK_FALSE(plain.tuning.cache);
  CHECK(plain.tuning.message_bytes_max == std::size_t{64} << 20);
  CHECK(config.defaults.timing.idle_timeout == std::chrono::seconds(7));
  CHECK(config.daemon_idle_timeout == std::chrono::seconds(9));
  CHECK(config.record_directory.ends_with("recordings"));
  CHECK(config.record_contents);
}

TEST_CASE("config: nothing is a configuration too") {
  for (const char* text :
       {"", " \n", "// only a comment\n", "{}", R"({"mcpServers":{}})", "\xef\xbb\xbf{}"}) {
    CAPTURE(text);
    const Config config = read(text);
    CHECK(complaints(config) == "");
    CHECK(config.entries.empty());
    CHECK(config.daemon_idle_timeout == std::chrono::minutes(10));
  }
}

TEST_CASE("config: a mistake disables its entry and says where, what and what instead") {
  const struct {
    const char* body;
    std::string complaint;
  } table[] = {
      {R"({"command":"npx","args":"-y"})",
       R"(config.json:1:44: args of server x must be an array of strings, like ["-y", "pkg"])"},
      {R"({"command":"npx","args":["-y",5]})",
       R"(config.json:1:50: args of server x must be an array of strings, like ["-y", "pkg"]; put )"
       R"(this in double quotes)"},
      {R"({"command":"npx","args":["a\u0000"]})",
       R"(config.json:1:45: args of server x must not contain \u0000; no program can be given that)"},
      {R"({"command":["npx","-y"]})",
       R"(config.json:1:31: command of server x must be a string, like "npx"; what follows the )"
       R"(program belongs into args)"},
      {R"({"command":7})",
       R"(config.json:1:31: command of server x must be a string, like "npx", not a number)"},
      {R"({"command":""})",
       R"(config.json:1:31: command of server x must not be empty; write one like "npx")"},
      {R"({"args":[]})",
       R"(config.json:1:16: server x has no command; add the program to run, like "command": "npx")"},
      {R"([])", R"(config.json:1:20: server x must be an object, like {"command": "npx", "args": ["-y", )"
                R"("pkg"]}, not an array)"},
      {R"({"command":"a","env":[]})",
       R"(config.json:1:41: env of server x must be an object, like {"API_KEY": "${API_KEY}"}, not )"
       R"(an array)"},
      {R"({"command":"a","env":{"PORT":8080}})",
       R"(config.json:1:49: PORT in env of server x must be a string, not a number; put the value )"
       R"(in double quotes)"},
      {R"({"command":"a","env":{"A=B":"c"}})",
       R"(config.json:1:42: A=B in env of server x cannot be the name of a variable; write one )"
       R"(like "API_KEY")"},
      {R"({"command":"a","env":{"A":"b","A":"c"}})",
       R"(config.json:1:50: A in env of server x stands here a second time; remove one of the two)"},
      {R"({"command":"a","cwd":1})",
       R"(config.json:1:41: cwd of server x must be a string, like "${project}/data", not a number)"},
      {R"({"command":"a","scope":"prject"})",
       R"(config.json:1:43: scope of server x must be user, project or session; did you mean )"
       "project?"},
      {R"({"command":"a","scope":null})",
       R"(config.json:1:43: scope of server x must be user, project or session)"},
      {R"({"command":"a","interactive":"serialize"})",
       R"(config.json:1:49: interactive of server x must be automatic, serialise or split; did )"
       R"(you mean serialise?)"},
      {R"({"command":"a","ignoreEnv":"C_*"})",
       R"(config.json:1:47: ignoreEnv of server x must be an array of strings, like ["CLIENT_*"])"},
      {R"({"command":"a","ignoreEnv":["C","A=b"]})",
       R"(config.json:1:52: a pattern in ignoreEnv of server x must be the name of a variable, )"
       "without = and a value; write one like CLIENT_*"},
      {R"({"command":"a","ignoreEnv":[""]})",
       R"(config.json:1:48: a pattern in ignoreEnv of server x must not be empty; )"
       "write one like CLIENT_*"},
      {R"({"command":"a","calls":"ones"})",
       "config.json:1:43: calls of server x must be automatic, many or one; did you mean one?"},
      {R"({"command":"a","capabilities":["rots"]})",
       R"(config.json:1:51: capabilities of server x must be roots, sampling or elicitation; )"
       R"(did you mean roots?)"},
      {R"({"command":"a","cache":"no"})",
       R"(config.json:1:43: cache of server x must be true or false, like false, not a string)"},
      {R"({"command":"a","disabled":"no"})",
       R"(config.json:1:46: disabled of server x must be true or false, like true, not a string)"},
      {R"({"command":"a","idleTimeoutMs":-1})",
       R"(config.json:1:51: idleTimeoutMs of server x must be a whole number of milliseconds from 0 )"
       R"(to 2592000000, like 300000)"},
      {R"({"command":"a","startTimeoutMs":99})",
       R"(config.json:1:52: startTimeoutMs of server x must be a whole number of milliseconds from )"
       R"(100 to 3600000, like 60000)"},
      {R"({"command":"a","askTimeoutMs":1e3})",
       R"(config.json:1:50: askTimeoutMs of server x must be a whole number of milliseconds from 100 )"
       R"(to 86400000, like 600000)"},
      {R"({"command":"a","stableAfterMs":"1"})",
       R"(config.json:1:51: stableAfterMs of server x must be a whole number of milliseconds from 0 )"
       R"(to 86400000, like 60000)"},
      {R"({"command":"a","maxMessageBytes":1073741825})",
       R"(config.json:1:53: maxMessageBytes of server x must be a whole number of bytes from 65536 )"
       R"(to 1073741824, like 67108864)"},
      {R"({"command":"a","command":"b"})",
       R"(config.json:1:35: command of server x stands here a second time; remove one of the two)"},
      {R"({"command":"a" "args":["b"]})",
       R"(config.json:1:35: in server x: expected ',' or '}', but found a string)"},
      {R"({"command":npx})", R"(config.json:1:31: in server x: expected a value, but found 'npx')"},
      {R"({"command":"C:\dir"})",
       R"(config.json:1:34: in server x: expected an escape such as \n or \u00e9 after the backslash; )"
       R"(a backslash itself is written \\)"},
  };
  for (const auto& row : table) {
    CAPTURE(row.body);
    const Config config = read_server(row.body);
    CHECK(complaints(config) == row.complaint);
    CHECK(refusal(config, "x") == row.complaint);
    CHECK(config.entries.empty());
  }
}

TEST_CASE("config: what is wrong with a server that speaks HTTP") {
  const struct {
    const char* body;
    const char* complaint;
  } table[] = {
      {R"({"url":"ftp://x"})", R"(config.json:1:27: url of server x must begin with http:// or https://)"},
      {R"({"type":"http"})", R"(config.json:1:16: server x has no url; add where it is, like "url": )"
                             R"("https://example.org/mcp")"},
      {R"({"type":"stdio","url":"https://x"})",
       R"(config.json:1:42: server x has a url, so its type must be http or sse; or give it a )"
       "command"},
      {R"({"type":"studio","command":"a"})",
       R"(config.json:1:28: type of server x must be stdio, http or sse; did you mean stdio?)"},
      {R"({"command":"a","type":"sse","transport":"http"})",
       R"(config.json:1:60: transport of server x contradicts its type; remove one of the two)"},
      {R"({"command":"a","transport":"http","port":"any"})",
       R"(config.json:1:61: port of server x must be a number from 1 to 65535, like 3100, or auto)"},
      {R"({"command":"a","transport":"http","path":"mcp"})",
       R"(config.json:1:61: path of server x must begin with /, like "/mcp")"},
      {R"({"url":"https://x","headers":{"Mcp-Session-Id":"1"}})",
       R"(config.json:1:50: Mcp-Session-Id in headers of server x is set by Hearth itself; remove it)"},
      {R"({"url":"https://x","headers":{"A B":"1"}})",
       R"(config.json:1:50: A B in headers of server x cannot be the name of a header; write one like )"
       R"("Authorization")"},
      {R"({"url":"https://x","headers":{"A":"1\n2"}})",
       R"(config.json:1:54: A in headers of server x must be one line)"},
      {R"({"url":"https://x","headersHelper":[]})",
       R"(config.json:1:55: headersHelper of server x must name a program, like "my-login --headers")"},
      {R"({"command":"a","discover":"no"})",
       R"(config.json:1:46: discover of server x must be true or false, like false, not a string)"},
      {R"({"url":"https://x","headersHelper":"a 'b"})",
       R"(config.json:1:55: headersHelper of server x: a ' in the command is not closed)"},
  };
  for (const auto& row : table) {
    CAPTURE(row.body);
    CHECK(complaints(read_server(row.body)) == row.complaint);
  }
}

TEST_CASE("config: what does no harm is a warning") {
  const struct {
    const char* body;
    std::string complaint;
  } table[] = {
      {R"({"command":"a","agrs":[]})",
       R"((warning) config.json:1:35: unknown key agrs of server x is ignored; did you mean args?)"},
      {R"({"command":"a","idle_timeout_ms":1})",
       R"((warning) config.json:1:35: unknown key idle_timeout_ms of server x is ignored; did you )"
       R"(mean idleTimeoutMs?)"},
      {R"({"command":"a","url":"https://x"})",
       R"((warning) config.json:1:41: url of server x is ignored, because it has a command)"},
  };
  for (const auto& row : table) {
    CAPTURE(row.body);
    const Config config = read_server(row.body);
    CHECK(complaints(config) == row.complaint);
    CHECK(refusal(config, "x") == "");
  }
  CHECK(complaints(read(R"({"mcpServer":{},"banana":1})")) ==
        "(warning) config.json:1:2: unknown key mcpServer of the file is ignored; did you mean "
        "mcpServers?\n"
        "(warning) config.json:1:17: unknown key banana of the file is ignored; known are mcpServers, "
        "defaults, budget, daemon, http or $schema");
}

TEST_CASE("config: one bad entry leaves the others alone") {
  const char* bad[] = {
      R"({"command": })",
      R"({"command": "a", "args": ["b", "c"})",
      R"({"command": "a" "cwd": "b"})",
      R"({"command: "a", "x": 1})",
      R"({"command": "a})",
      R"({"command": 'a'})",
      R"({"command": "a", "env": {"A": [1,,2], }})",
      R"({command: "a"})",
      R"(["a", {"b": }])",
      R"({"url": "//x"})",
      R"(null)",
  };
  for (const char* body : bad) {
    CAPTURE(body);
    const Config config = read(
        "{\"mcpServers\": {\n\"before\": {\"command\": \"b\"},\n\"bad\": " + std::string(body) +
        ",\n\"after\": {\"command\": \"c\", \"args\": [\"d\"]}\n}, \"daemon\": {\"idleTimeoutMs\": 500}}");
    CHECK(refusal(config, "before") == "");
    CHECK(refusal(config, "bad").find("config.json:3:") != std::string::npos);
    REQUIRE(refusal(config, "after") == "");
    CHECK(config.entries.at("after").args == std::vector<std::string>{"d"});
    CHECK(config.daemon_idle_timeout == std::chrono::milliseconds(500));
  }
}

TEST_CASE("config: any one character may be missing from an entry") {
  const std::string text = R"({
  "mcpServers": {
    "a": {"command": "x"},
    "b": {
      "command": "npx",
      "args": ["-y", "pkg"],
      "env": {
        "K": "v"
      },
      "cwd": "x"
    },
    "c": {
      "command": "y",
      "args": ["z"]
    }
  }
})";
  for (std::size_t i = text.find("\"b\""); i < text.find("\"c\""); ++i) {
    CAPTURE(text.substr(i, 12));
    std::string without = text;
    without.erase(i, 1);
    const Config config = read(without);
    CHECK(refusal(config, "a") == "");
    // Without an opening brace the rest of the file hangs one level too high; then that is said.
    if (text[i] == '{') {
      CHECK_FALSE(config.complaints.empty());
      continue;
    }
    REQUIRE(refusal(config, "c") == "");
    CHECK(config.entries.at("c").args == std::vector<std::string>{"z"});
  }
}

TEST_CASE("config: a forgotten closing brace does not swallow what follows") {
  const Config config = read(
      "{\"mcpServers\":{\n\"a\":{\"command\":\"x\",\n\"b\":{\"command\":\"y\"},\n\"c\":{\"command\":5}}}");
  CHECK(refusal(config, "a") == "config.json:3:1: in server a: expected '}' before b");
  CHECK(refusal(config, "b") == "");
  CHECK(refusal(config, "c").starts_with("config.json:4:16: command of server c"));
  // Where all brackets match, it is only an unknown key.
  const Config meant = read(R"({"mcpServers":{"a":{"command":"x","b":{"command":"y"}}}})");
  CHECK(refusal(meant, "a") == "");
  CHECK(refusal(meant, "b") != "");
}

TEST_CASE("config: mistakes outside of entries") {
  const struct {
    const char* text;
    std::string complaint;
  } table[] = {
      {"[]", "config.json:1:1: the file must be an object, like {\"mcpServers\": {}}"},
      {"nonsense", "config.json:1:1: expected a value, but found 'nonsense'"},
      {R"({"mcpServers":[]})",
       R"(config.json:1:15: mcpServers of the file must be an object, like {"files": {"command": )"
       R"("npx", "args": ["-y", "pkg"]}}, not an array)"},
      {R"({"defaults":1})",
       R"(config.json:1:13: defaults of the file must be an object, like {"idleTimeoutMs": 300000}, )"
       R"(not a number)"},
      {R"({"defaults":{"idleTimeoutMs":"x"}})",
       R"(config.json:1:30: idleTimeoutMs of defaults must be a whole number of milliseconds from 0 )"
       R"(to 2592000000, like 300000)"},
      {R"({"daemon":{"idleTimeoutMs":99}})",
       R"(config.json:1:28: idleTimeoutMs of daemon must be a whole number of milliseconds from 100 )"
       R"(to 2592000000, like 600000)"},
      {R"({"daemon":{"idle":1}})",
       R"((warning) config.json:1:12: unknown key idle of daemon is ignored; known are )"
       R"(idleTimeoutMs, record or recordContents)"},
      {R"({"daemon":{"record":""}})",
       R"(config.json:1:21: record of daemon must name a directory, like "/home/you/recordings")"},
      {R"({"daemon":{"record":true}})",
       R"(config.json:1:21: record of daemon must be a string, like "/home/you/recordings", not )"
       R"(true or false)"},
      {R"({"daemon":{"recordContents":1}})",
       R"(config.json:1:29: recordContents of daemon must be true or false, like true, not a number)"},
      {R"({"daemon":{},"daemon":{}})",
       R"(config.json:1:14: daemon of the file stands here a second time; remove one of the two)"},
  };
  for (const auto& row : table) {
    CAPTURE(row.text);
    CHECK(complaints(read(row.text)) == row.complaint);
  }
}

TEST_CASE("config: a name that stands twice means neither") {
  const Config config = read("{\"mcpServers\":{\n\"x\":{\"command\":\"a\"},\n\"x\":{\"command\":\"b\"}}}");
  CHECK(complaints(config) ==
        "config.json:3:1: server x stands here a second time; remove one of the two or rename it");
  CHECK(refusal(config, "x") == complaints(config));
}

TEST_CASE("config: names that cannot be") {
  const Config config = read(R"({"mcpServers":{"../x":{"command":"a"}}})");
  CHECK(complaints(config) ==
        R"(config.json:1:16: server ../x: the name must begin with a letter or digit, like "files")");
  CHECK(config.entries.empty());
}

TEST_CASE("config: lines and columns count characters, also after others") {
  const Config config = read(
      "{\n  \"mcpServers\": {\n    \"\xc3\xa9\": {\"command\": \"\xc3\xa9\", \"args\": 1, \"cwd\": 2},\n\n  "
      "\"b\": 3}}");
  CHECK(complaints(config) ==
        "config.json:3:35: args of server \xc3\xa9 must be an array of strings, like [\"-y\", "
        "\"pkg\"]\n"
        "config.json:3:45: cwd of server \xc3\xa9 must be a string, like \"${project}/data\", not a "
        "number\n"
        "config.json:5:8: server b must be an object, like {\"command\": \"npx\", \"args\": [\"-y\", "
        "\"pkg\"]}, not a number");
  CHECK(refusal(config, "\xc3\xa9").starts_with("config.json:3:35"));
}

TEST_CASE("config: an unclosed file keeps what was closed") {
  const Config config = read("{\"mcpServers\": {\"a\": {\"command\": \"x\"},\n\"b\": {\"command\": \"y\"");
  CHECK(refusal(config, "a") == "");
  CHECK(refusal(config, "b") == "config.json:2:21: in server b: expected '}', but the text ends here");
}

TEST_CASE("config: what the file lacks at its end, or has behind it, is said, and whole entries work") {
  const struct {
    const char* text;
    std::string complaint;
  } table[] = {
      {"{\"mcpServers\": {\"a\": {\"command\": \"x\"}}\n",
       "config.json:2:1: expected '}', but the text ends here"},
      {"{\"mcpServers\": {\"a\": {\"command\": \"x\"}",
       "config.json:1:38: expected '}', but the text ends here"},
      {"{\"mcpServers\": {\"a\": {\"command\": \"x\"}}}\n}",
       "config.json:2:1: expected nothing more, but found '}'"},
      {"{\"mcpServers\": {\"a\": {\"command\": \"x\"}}} {\"defaults\": {}}",
       "config.json:1:41: expected nothing more, but found '{'"},
  };
  for (const auto& row : table) {
    CAPTURE(row.text);
    const Config config = read(row.text);
    CHECK(complaints(config) == row.complaint);
    REQUIRE(config.complaints.size() == 1);
    CHECK(config.complaints[0].server.empty());
    CHECK(refusal(config, "a") == "");
  }
}

TEST_CASE("config: a complaint says which entry it is about") {
  const Config config = read(R"({"mcpServers":{"a":{"command":1},"b":{"command":"x","y":1}},"z":1})");
  REQUIRE(config.complaints.size() == 3);
  CHECK(config.complaints[0].server == "a");
  CHECK(config.complaints[1].server == "b");
  CHECK(config.complaints[2].server.empty());
}

TEST_CASE("config: complaints never repeat what may be a secret") {
  const Config config = read(R"({"mcpServers":{"x":{"command":"a","env":{"K":sesame1234},"args":[sesame1234]},
    "y":{"command":"a","env":{"K":{"sesame1234":1}}}, "z":{"command":"a","args":{"a":"sesame1234"}}}})");
  CHECK(config.complaints.size() == 4);
  CHECK(complaints(config).find("sesame") == std::string::npos);
}

TEST_CASE("config: why an entry cannot be had") {
  const Config config =
      read(R"({"mcpServers":{"files":{"command":"a"},"off":{"command":"a","disabled":true},"bad":1}})");
  CHECK(refusal(config, "files") == "");
  CHECK(refusal(config, "off") == R"(server off is disabled; remove disabled from it in config.json)");
  CHECK(refusal(config, "bad").starts_with("config.json:1:"));
  CHECK(refusal(config, "fiels")
            .starts_with(R"(there is no server fiels in config.json; did you mean files? (the file has)"));
  const Config small = read(R"({"mcpServers":{"files":{"command":"a"},"git":{"command":"a"}}})");
  CHECK(refusal(small, "banana") == R"(there is no server banana in config.json; it has files, git)");
  CHECK(refusal(read(""), "x") == R"(there is no server x in config.json; it has none yet)");
  CHECK(refusal(read(R"({"mcpServers":{"x" {"command":"a"}}})"), "x") ==
        R"(there is no server x in config.json (the file has mistakes: )"
        R"(config.json:1:20: expected ':' after x, but found '{'))");
}

TEST_CASE("config: the file itself") {
  const auto directory =
      std::filesystem::temp_directory_path() / ("hearth-config-test-" + std::to_string(getpid()));
  std::filesystem::create_directories(directory);
  const std::string path = directory / "config.json";

  const Config missing = app::load_config(path);
  CHECK(missing.complaints.empty());
  CHECK(missing.path == path);

  const std::string text = R"({"mcpServers":{"x":{"command":"a"}}} // kept)";
  std::ofstream(path) << text;
  CHECK(refusal(app::load_config(path), "x") == "");
  std::ifstream again(path);
  CHECK(std::string(std::istreambuf_iterator<char>(again), {}) == text);

  const Config unreadable = app::load_config(directory);
  REQUIRE(unreadable.complaints.size() == 1);
  CHECK(app::text_of(unreadable.complaints[0]).find(directory.string()) != std::string::npos);
  CHECK(refusal(unreadable, "x").find("mistakes") != std::string::npos);

  std::ofstream(path) << "{}" << std::string(2 << 20, ' ');
  CHECK(complaints(app::load_config(path)) ==
        path + " is larger than 1 MiB and was not read; is it the right file?");
  std::filesystem::remove_all(directory);
}

TEST_CASE("config: a file that others may write is not obeyed") {
  const auto directory =
      std::filesystem::temp_directory_path() / ("hearth-config-trust-" + std::to_string(getpid()));
  std::filesystem::create_directories(directory);
  const std::string path = directory / "config.json";
  std::ofstream(path) << R"({"mcpServers":{"x":{"command":"a"}}})";
  using std::filesystem::perms;
  std::filesystem::permissions(path, perms(0666));
  const Config open = app::load_config(path);
  CHECK(open.entries.empty());
  CHECK(complaints(open) == "the configuration " + path +
                                " can be written by others (mode 0666), and is not used; close it with chmod "
                                "go-w");
  CHECK(refusal(open, "x").contains("can be written by others"));
  std::filesystem::permissions(path, perms(0644));
  CHECK(refusal(app::load_config(path), "x") == "");
  std::filesystem::permissions(directory, perms(0777));
  CHECK(refusal(app::load_config(path), "x")
            .contains("the directory " + directory.string() + " can be written by others"));
  std::filesystem::remove_all(directory);
}

TEST_CASE("config: servers that speak HTTP") {
  const Config config = read(R"({"mcpServers":{
    "far": {"type":"http","url":"https://example.org/mcp","headers":{"Authorization":"Bearer ${T}"}},
    "old": {"type":"sse","url":"http://127.0.0.1:9/sse","headersHelper":"my-login  --for 'old one'"},
    "bare": {"url":"${WHERE}"},
    "ours": {"command":"serve","args":["--port","${port}"],"transport":"http","port":3100,"path":"/x"},
    "any": {"command":"serve","transport":"sse","port":"auto"}
  }})");
  CHECK(complaints(config) == "");
  const app::EntryAddress& far = config.entries.at("far").address;
  CHECK(far.link == core::Link::streamable);
  CHECK(far.url == "https://example.org/mcp");
  CHECK(far.headers.at("Authorization") == "Bearer ${T}");
  CHECK(config.entries.at("old").address.link == core::Link::sse);
  CHECK(config.entries.at("old").address.headers_helper ==
        std::vector<std::string>{"my-login", "--for", "old one"});
  CHECK(config.entries.at("bare").address.link == core::Link::streamable);
  CHECK(config.entries.at("ours").address.port == 3100);
  CHECK(config.entries.at("ours").address.path == "/x");
  CHECK(config.entries.at("any").address.port == 0);
  CHECK(config.entries.at("any").address.path == "/sse");
}

TEST_CASE("config: what is ignored is said") {
  const Config remote = read_server(R"({"url":"https://x","args":["a"]})");
  CHECK(complaints(remote) ==
        R"((warning) config.json:1:46: args of server x is ignored, because it has a url and no )"
        "command");
  CHECK(complaints(read_server(R"({"command":"a","port":1})"))
            .contains("is ignored, because it speaks over stdin"));
}

TEST_CASE("config: the port towards clients") {
  const Config config =
      read(R"({"http":{"port":8765,"token":null,"origins":["https://i.example"],"pollAfterMs":200,)"
           R"("streamAfterMs":0}})");
  CHECK(complaints(config) == "");
  CHECK(config.http.port == 8765);
  CHECK(config.http.open);
  CHECK(config.http.poll_after == std::chrono::milliseconds(200));
  CHECK(config.http.stream_after == std::chrono::milliseconds(0));
  CHECK(config.http.origins == std::vector<std::string>{"https://i.example"});
  CHECK_FALSE(read("{}").http.port);
  CHECK_FALSE(read(R"({"http":{"port":1}})").http.open);
  CHECK(read(R"({"http":{"token":"0123456789abcdef"}})").http.token == "0123456789abcdef");
  CHECK(complaints(read(R"({"http":{"port":70000}})")) ==
        R"(config.json:1:17: port of http must be a whole number from 0 to 65535, like 8765)");
  CHECK(complaints(read(R"({"http":{"token":"short"}})")) ==
        R"(config.json:1:18: token of http must be at least 16 printable characters without blanks; leave )"
        R"(it out, and the daemon makes one)");
}

TEST_CASE("config: TLS on the port, and its names") {
  const std::string_view text =
      R"({"http":{"certificate":"tls/cert.pem","key":"/etc/key.pem","hosts":["build.example","[::1]:1"]}})";
  const app::HttpSettings http = app::read_config(text, "/home/me/.config/hearth/config.json").http;
  CHECK(http.certificate == "/home/me/.config/hearth/tls/cert.pem");
  CHECK(http.key == "/etc/key.pem");
  CHECK(http.hosts == std::vector<std::string>{"build.example", "[::1]:1"});
  CHECK(complaints(read(R"({"http":{"hosts":["https://build.example"]}})")) ==
        R"(config.json:1:18: hosts of http must be names as they stand in a URL, perhaps with a port, )"
        R"(like ["build.example.org"], not https://build.example)");
  for (const char* host : {"*", "", "a b", "a@b", "a/b", "a,b"})
    CHECK(complaints(read(R"({"http":{"hosts":[")" + std::string(host) + R"("]}})")) != "");
  CHECK(complaints(read(R"({"http":{"key":5}})")) ==
        R"(config.json:1:16: key of http must be a string, like "/etc/hearth/key.pem", not a number)");
}

}  // namespace

TEST_CASE("config: authorities and certificates of servers at a URL") {
  const std::string_view text =
      R"({"defaults":{"ca":"all.pem"},"mcpServers":{"a":{"url":"HTTPS://x","ca":"tls/ca.pem",)"
      R"("certificate":"/c.pem","key":"${HOME}/k.pem"},"b":{"url":"https://x"}}})";
  const Config config = app::read_config(text, "/home/me/config.json");
  CHECK(complaints(config) == "");
  const app::EntryAddress& address = config.entries.at("a").address;
  CHECK(address.url == "HTTPS://x");
  CHECK(address.authority == "/home/me/tls/ca.pem");
  CHECK(address.certificate == "/c.pem");
  CHECK(address.key == "${HOME}/k.pem");
  CHECK(config.entries.at("b").address.authority.empty());
  CHECK(config.entries.at("b").tuning.authority == "/home/me/all.pem");

  CHECK(complaints(read_server(R"({"url":"https://x","key":"k.pem"})"))
            .contains(R"(has a key and no certificate)"));
  CHECK(complaints(read_server(R"({"url":"https://x","ca":""})"))
            .contains(R"(ca of server x must name a file)"));
  CHECK(complaints(read_server(R"({"url":"https://x","ca":7})"))
            .contains(R"(ca of server x must be a string)"));
  CHECK(complaints(read_server(R"({"command":"a","ca":"c.pem"})"))
            .contains(R"(ca of server x is ignored, because it has no url)"));
}
