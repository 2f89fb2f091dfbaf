#include "app/config/resolve.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/share_key.h"

namespace {

namespace fs = std::filesystem;

// A small world of directories and programs:
//   home/                 HOME
//   home/repo/.git/  home/repo/sub/  home/repo/sub/tool (a program)
//   home/worktree/.git (a file)  home/loose/  home/link -> repo
//   bin/server  bin/plain (not executable)  bin/folder/  bin2/server
class World {
 public:
  World() {
    root_ = fs::canonical(fs::temp_directory_path()) / ("hearth-resolve-test-" + std::to_string(getpid()));
    fs::remove_all(root_);
    for (const char* directory :
         {"home/repo/.git", "home/repo/sub", "home/worktree", "home/loose", "bin/folder", "bin2"}) {
      fs::create_directories(root_ / directory);
    }
    std::ofstream(root_ / "home/worktree/.git") << "gitdir: elsewhere\n";
    fs::create_directory_symlink("repo", root_ / "home/link");
    for (const char* program : {"bin/server", "bin2/server", "home/repo/sub/tool"}) {
      std::ofstream(root_ / program) << "#!/bin/sh\n";
      fs::permissions(root_ / program, fs::perms::owner_all);
    }
    std::ofstream(root_ / "bin/plain") << "text\n";
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() { fs::remove_all(root_); }

  std::string at(const std::string& path) const { return root_ / path; }

  // A session in `cwd` that wants to run the server.
  app::Wish wish(const std::string& cwd) const {
    return {.server = app::RunWish{.command = "server"},
            .cwd = at(cwd),
            .environment = {{"HOME", at("home")}, {"PATH", at("bin") + ":" + at("bin2")}}};
  }
  app::Wish run(const std::string& command) const {
    app::Wish wanted = wish("home/repo/sub");
    std::get<app::RunWish>(wanted.server).command = command;
    return wanted;
  }

 private:
  fs::path root_;
};

core::ServerSpec resolved(const app::Wish& wish, const std::string& config = "") {
  const auto spec = app::resolve(wish, app::read_config(config, "config.json"));
  REQUIRE_MESSAGE(spec.has_value(), (spec ? "" : spec.error().what));
  return *spec;
}

std::string refusal(const app::Wish& wish, const std::string& config = "") {
  const auto spec = app::resolve(wish, app::read_config(config, "config.json"));
  return spec ? "" : spec.error().what;
}

app::Wish attach(app::Wish wish, const std::string& name) {
  wish.server = app::AttachWish{name};
  return wish;
}

TEST_CASE("resolve: the project") {
  const World world;
  const struct {
    const char* cwd;
    const char* claude_project_dir;  // Below the world, unless null.
    const char* project;
  } table[] = {
      {"home/repo", nullptr, "home/repo"},
      {"home/repo/sub", nullptr, "home/repo"},
      {"home/repo/.git", nullptr, "home/repo"},
      {"home/worktree", nullptr, "home/worktree"},
      {"home/link/sub", nullptr, "home/repo"},
      {"home/loose", nullptr, "home/loose"},
      {"home/repo/sub", "home/loose", "home/loose"},
      {"home/loose", "home/link", "home/repo"},
      {"home/repo/sub", "home/nowhere", "home/repo"},
      {"home/repo/sub", "bin/server", "home/repo"},
  };
  for (const auto& row : table) {
    CAPTURE(row.cwd);
    CAPTURE(row.claude_project_dir ? row.claude_project_dir : "");
    std::map<std::string, std::string> environment;
    if (row.claude_project_dir) environment["CLAUDE_PROJECT_DIR"] = world.at(row.claude_project_dir);
    CHECK(app::project_directory(world.at(row.cwd), environment).value() == world.at(row.project));
  }
  CHECK(app::project_directory(world.at("home/repo"), {{"CLAUDE_PROJECT_DIR", ""}}).value() ==
        world.at("home/repo"));
  CHECK_FALSE(app::project_directory(world.at("nowhere"), {}));
}

TEST_CASE("resolve: scope decides where the server runs") {
  const World world;
  const struct {
    const char* scope;
    core::Scope meant;
    const char* directory;
    const char* scope_directory;
  } table[] = {
      {"", core::Scope::project, "home/repo", "home/repo"},
      {"project", core::Scope::project, "home/repo", "home/repo"},
      {"user", core::Scope::user, "home", nullptr},
      {"session", core::Scope::session, "home/repo/sub", nullptr},
  };
  for (const auto& row : table) {
    CAPTURE(row.scope);
    app::Wish wish = world.wish("home/link/sub");
    std::get<app::RunWish>(wish.server).scope = row.scope;
    const core::ServerSpec spec = resolved(wish);
    CHECK(spec.scope == row.meant);
    CHECK(spec.directory == world.at(row.directory));
    CHECK(spec.scope_directory == (row.scope_directory ? world.at(row.scope_directory) : ""));
  }
  app::Wish wish = world.wish("home/repo");
  std::get<app::RunWish>(wish.server).scope = "prject";
  CHECK(refusal(wish) == "--scope must be user, project or session");
}

TEST_CASE("resolve: sessions of one project share, of two do not") {
  const World world;
  const core::ServerSpec one = resolved(world.wish("home/repo"));
  CHECK(core::may_share(one, resolved(world.wish("home/repo/sub"))));
  CHECK(core::may_share(one, resolved(world.wish("home/link/sub"))));
  CHECK_FALSE(core::may_share(one, resolved(world.wish("home/worktree"))));
}

TEST_CASE("resolve: the program, by the rules of execvp") {
  const World world;
  const auto program = [&](const std::string& command) { return resolved(world.run(command)).program; };
  CHECK(program("server") == world.at("bin/server"));
  CHECK(program(world.at("bin2/server")) == world.at("bin2/server"));
  CHECK(program("./tool") == world.at("home/repo/sub/tool"));
  CHECK(program("../sub/tool") == world.at("home/repo/sub/tool"));
  CHECK(program(world.at("home/link/sub/tool")) == world.at("home/repo/sub/tool"));

  CHECK(refusal(world.run("")) == "the command is empty; give the program to run");
  CHECK(refusal(world.run("absent")) ==
        "there is no program absent in the PATH of this session; install it, or give its absolute path");
  CHECK(refusal(world.run("folder")).starts_with("there is no program folder in the PATH"));
  CHECK(refusal(world.run("plain")) == world.at("bin/plain") +
                                           " is not executable; run it through its interpreter, "
                                           "or make it so with chmod +x");
  CHECK(refusal(world.run(world.at("bin/plain"))) == refusal(world.run("plain")));
  CHECK(refusal(world.run(world.at("bin/folder"))) ==
        world.at("bin/folder") + " is a directory, not a program; name the program in it");
  CHECK(refusal(world.run("./absent")) ==
        "there is no file " + world.at("home/repo/sub") + "/./absent; check the command");
}

TEST_CASE("resolve: odd search paths") {
  const World world;
  const struct {
    const char* path;  // "%" is the world; null: no PATH at all.
    const char* command;
    const char* program;  // Null: none.
  } table[] = {
      {"%bin2:%bin", "server", "bin2/server"},
      {"%nowhere:%bin", "server", "bin/server"},
      {":%bin", "tool", "home/repo/sub/tool"},
      {"%bin:", "tool", "home/repo/sub/tool"},
      {".", "tool", "home/repo/sub/tool"},
      {"..:../sub", "tool", "home/repo/sub/tool"},
      {"", "tool", "home/repo/sub/tool"},
      {"%bin", "tool", nullptr},
      {nullptr, "server", nullptr},
  };
  for (const auto& row : table) {
    CAPTURE(row.path ? row.path : "none");
    app::Wish wish = world.run(row.command);
    wish.environment.erase("PATH");
    if (row.path) {
      std::string path = row.path;
      for (std::size_t at = 0; (at = path.find('%', at)) != std::string::npos;)
        path.replace(at, 1, world.at(""));
      wish.environment["PATH"] = path;
    }
    if (row.program) {
      CHECK(resolved(wish).program == world.at(row.program));
    } else {
      CHECK(refusal(wish).starts_with("there is no program"));
    }
  }
  app::Wish without = world.run("sh");
  without.environment.erase("PATH");
  CHECK(resolved(without).program.ends_with("/sh"));
}

TEST_CASE("resolve: the environment is the session's, without what is only one session's") {
  const World world;
  app::Wish wish = world.wish("home/repo");
  wish.environment["API_KEY"] = "k";
  wish.environment["LANG"] = "C";
  wish.environment["CLAUDE_CODE_MESSAGING_TOKEN"] = "t";
  wish.environment["PWD"] = "/x";
  wish.environment["CLAUDE_PROJECT_DIR"] = world.at("home/repo");
  wish.environment["HEARTH_HOME"] = "/h";
  auto& run = std::get<app::RunWish>(wish.server);

  core::ServerSpec spec = resolved(wish);
  CHECK(spec.environment.find("API_KEY") == "k");
  CHECK(spec.environment.find("LANG") == "C");
  CHECK(spec.environment.contains("CLAUDE_PROJECT_DIR"));
  CHECK_FALSE(spec.environment.contains("CLAUDE_CODE_MESSAGING_TOKEN"));
  CHECK_FALSE(spec.environment.contains("PWD"));
  CHECK_FALSE(spec.environment.contains("HEARTH_HOME"));

  run.scope = "user";
  CHECK_FALSE(resolved(wish).environment.contains("CLAUDE_PROJECT_DIR"));

  run.scope = "session";
  spec = resolved(wish);
  CHECK(spec.environment.contains("CLAUDE_CODE_MESSAGING_TOKEN"));
  CHECK_FALSE(spec.environment.contains("HEARTH_HOME"));

  run.scope = "project";
  run.variables = {"CLAUDE_CODE_MESSAGING_TOKEN", "DEBUG"};
  spec = resolved(wish);
  CHECK(spec.environment.find("CLAUDE_CODE_MESSAGING_TOKEN") == "t");
  CHECK(spec.named_variables == std::set<std::string>{"CLAUDE_CODE_MESSAGING_TOKEN", "DEBUG"});
  CHECK_FALSE(spec.environment.contains("DEBUG"));

  run.variables = {"A=b"};
  CHECK(refusal(wish) ==
        "--env takes the name of a variable, without a value; the value is the session's own");

  run.variables = {"DEBUG"};
  run.ignored = {"C_*", "D"};
  CHECK(resolved(wish).ignored_variables == std::set<std::string>{"C_*", "D"});
  run.ignored = {"A=b"};
  CHECK(refusal(wish) ==
        "--ignore-env: a pattern must be the name of a variable, without = and a value; write one like "
        "CLIENT_*");
}

TEST_CASE("resolve: names of run") {
  const World world;
  app::Wish wish = world.wish("home/repo");
  CHECK(resolved(wish).name == "server");
  std::get<app::RunWish>(wish.server).name = "mine";
  CHECK(resolved(wish).name == "mine");
  std::get<app::RunWish>(wish.server).name = "../mine";
  CHECK(refusal(wish) == "--name: the name must begin with a letter or digit, like \"files\"");
}

TEST_CASE("resolve: run takes the defaults of the configuration") {
  const World world;
  const core::ServerSpec spec =
      resolved(world.wish("home/repo"),
               R"({"defaults":{"idleTimeoutMs":1,"maxMessageBytes":65536,"interactive":"split",)"
               R"("cache":false}})");
  CHECK(spec.timing.idle_timeout == std::chrono::milliseconds(1));
  CHECK(spec.message_bytes_max == 65536);
  CHECK(spec.interactive == core::Interactive::split);
  CHECK_FALSE(spec.cache);
}

TEST_CASE("resolve: an entry, with the session's variables") {
  const World world;
  app::Wish wish = attach(world.wish("home/link/sub"), "files");
  wish.environment["WHICH"] = "server";
  wish.environment["MY_KEY"] = "k";
  const core::ServerSpec spec = resolved(wish, R"({"mcpServers":{"files":{
      "command":"${WHICH}", "args":["${project}/x","${NO:-none}","$y"], "cwd":"${SUB:-sub}",
      "capabilities":["roots"],
      "env":{"API_KEY":"${MY_KEY}","PWD":"p","HEARTH_X":"h"}, "idleTimeoutMs":5, "ignoreEnv":["C_*"]}}})");
  CHECK(spec.name == "files");
  CHECK(spec.ignored_variables == std::set<std::string>{"C_*"});
  CHECK(spec.program == world.at("bin/server"));
  CHECK(spec.args == std::vector<std::string>{world.at("home/repo") + "/x", "none", "$y"});
  CHECK(spec.directory == world.at("home/repo/sub"));
  CHECK(spec.scope_directory == world.at("home/repo"));
  CHECK(spec.environment.find("API_KEY") == "k");
  CHECK(spec.environment.find("PWD") == "p");
  CHECK(spec.environment.find("HEARTH_X") == "h");
  CHECK(spec.environment.find("MY_KEY") == "k");
  CHECK(spec.named_variables == std::set<std::string>{"API_KEY", "HEARTH_X", "PWD"});
  CHECK(spec.extra_capabilities == std::vector<std::string>{"roots"});
  CHECK(spec.timing.idle_timeout == std::chrono::milliseconds(5));
}

TEST_CASE("resolve: an entry's own PATH finds its program, relative to where it runs") {
  const World world;
  const auto program = [&](const std::string& entry) {
    return resolved(attach(world.wish("home/repo"), "x"), R"({"mcpServers":{"x":)" + entry + "}}").program;
  };
  CHECK(program(R"({"command":"server","env":{"PATH":")" + world.at("bin2") + R"(:${PATH}"}})") ==
        world.at("bin2/server"));
  CHECK(program(R"({"command":"sub/tool"})") == world.at("home/repo/sub/tool"));
  CHECK(program(R"({"command":"./tool","cwd":"sub"})") == world.at("home/repo/sub/tool"));
  CHECK(program(R"({"command":"./repo/sub/tool","scope":"user"})") == world.at("home/repo/sub/tool"));
}

TEST_CASE("resolve: what is wrong with an entry names server and key") {
  const World world;
  const struct {
    const char* entry;
    std::string complaint;
  } table[] = {
      {R"({"command":"${NO}"})",
       "command of server x: ${NO} is not set in the environment of this session; set it there, or "
       "write "
       "${NO:-default}"},
      {R"({"command":"server","args":["a","${NO}"]})",
       "argument 2 in args of server x: ${NO} is not set in the environment of this session; set it "
       "there, or "
       "write ${NO:-default}"},
      {R"({"command":"server","env":{"K":"${NO"}})", "K in env of server x: a ${ is not closed by }"},
      {R"({"command":"server","cwd":"nowhere"})",
       "cwd of server x: " + world.at("home/repo/nowhere") + " cannot be used: No such file or directory"},
      {R"({"command":"server","cwd":"/etc/passwd"})", "cwd of server x: /etc/passwd is not a directory"},
      {R"({"command":"absent"})",
       "command of server x: there is no program absent in the PATH of this session; install it, "
       "or give its "
       "absolute path"},
      {R"({"command":5})",
       "config.json:1:31: command of server x must be a string, like \"npx\", not a number"},
  };
  for (const auto& row : table) {
    CAPTURE(row.entry);
    const app::Wish wish = attach(world.wish("home/repo"), "x");
    CHECK(refusal(wish, R"({"mcpServers":{"x":)" + std::string(row.entry) + "}}") == row.complaint);
  }
}

TEST_CASE("resolve: sessions that stand nowhere") {
  const World world;
  app::Wish wish = world.wish("home/gone");
  CHECK(refusal(wish) == "the directory of the session " + world.at("home/gone") +
                             " cannot be used: No such file or directory");
  wish.cwd = "relative";
  CHECK(refusal(wish) == "the directory of the session is not an absolute path");
  wish = world.wish("home/repo");
  wish.environment.erase("HOME");
  std::get<app::RunWish>(wish.server).scope = "user";
  CHECK(resolved(wish).directory.starts_with("/"));
}

TEST_CASE("resolve: a session whose directory is lost is refused only where the server needs it") {
  const World world;
  app::Wish lost = world.wish("home/repo");
  lost.cwd.clear();
  lost.cwd_lost = "is gone";
  const std::string sentence =
      "the directory of the session is gone; start the client in another one, or give the server the scope "
      "user";
  const auto run = [&](const std::string& scope, const std::string& command = "server") {
    app::Wish wish = lost;
    wish.server = app::RunWish{.command = command, .scope = scope};
    return wish;
  };
  CHECK(resolved(run("user")).directory == world.at("home"));
  CHECK(refusal(run("project")) == sentence);
  CHECK(refusal(run("session")) == sentence);
  CHECK(refusal(run("user", "./tool")) == sentence);

  app::Wish told = run("project");
  told.environment["CLAUDE_PROJECT_DIR"] = world.at("home/link");
  CHECK(resolved(told).directory == world.at("home/repo"));
  told.environment["CLAUDE_PROJECT_DIR"] = "home/repo";
  CHECK(refusal(told) == sentence);

  const auto entry = [&](const std::string& members) { return R"({"mcpServers":{"x":{)" + members + "}}}"; };
  const app::Wish attached = attach(lost, "x");
  CHECK(resolved(attached, entry(R"("url":"https://e")")).address.url == "https://e");
  CHECK(resolved(attached, entry(R"("command":"server","scope":"session","cwd":")" + world.at("bin") + "\""))
            .directory == world.at("bin"));
  CHECK(refusal(attached, entry(R"("command":"server","scope":"session","cwd":"bin")")) == sentence);
  CHECK(refusal(attached, entry(R"("command":"server")")) == sentence);
  CHECK(refusal(attached, entry(R"("command":"server","scope":"user","args":["${project}"])")) ==
        "argument 1 in args of server x: ${project} is not known: " + sentence);
}

TEST_CASE("resolve: a directory that may not be entered counts as one that is lost") {
  const World world;
  app::Wish wish = world.wish("home/gone");
  std::get<app::RunWish>(wish.server).scope = "user";
  CHECK(resolved(wish).directory == world.at("home"));
}

TEST_CASE("resolve: what the session's process has inherited goes to its server") {
  const World world;
  app::Wish wish = world.wish("home/repo");
  wish.inheritance.settings["umask"] = 077;
  CHECK(resolved(wish).inheritance == wish.inheritance);
}

TEST_CASE("resolve: servers that speak HTTP") {
  const World world;
  app::Wish wish = attach(world.wish("home/repo/sub"), "x");
  wish.environment["KEY"] = "secret";

  const core::ServerSpec far = resolved(wish, R"({"mcpServers":{"x":{"url":"https://e/${KEY}",
    "headers":{"A":"Bearer ${KEY}"}}}})");
  CHECK(far.program.empty());
  CHECK(far.environment.empty());
  CHECK(far.address.url == "https://e/secret");
  CHECK(far.address.headers.at("A") == "Bearer secret");

  const core::ServerSpec ours = resolved(wish, R"({"mcpServers":{"x":{"command":"server","transport":"http",
    "args":["${port}","${project}"],"path":"/${project:-}"}}})");
  CHECK(ours.program == world.at("bin/server"));
  CHECK(ours.args == std::vector<std::string>{"${port}", world.at("home/repo")});

  const core::ServerSpec helped = resolved(wish, R"({"mcpServers":{"x":{"url":"https://e",
    "headersHelper":"server --headers"}}})");
  CHECK(helped.address.headers_helper == std::vector<std::string>{world.at("bin/server"), "--headers"});
  CHECK(helped.environment.contains("KEY"));

  CHECK(refusal(wish, R"({"mcpServers":{"x":{"url":"${KEY}"}}})") ==
        R"(url of server x does not begin with http:// or https:// once its variables are put in)");
  CHECK(refusal(wish, R"({"mcpServers":{"x":{"url":"https://e","headers":{"A":"${MISSING}"}}}})")
            .contains("A in headers of server x"));
  CHECK(refusal(wish, R"({"mcpServers":{"x":{"command":"server","args":["${port}"]}}})").contains("${port}"));
}

TEST_CASE("resolve: schemes in capitals, and authorities") {
  const World world;
  const auto put = [&](const std::string& name, const std::string& text) {
    const std::string path = world.at(name);
    std::ofstream(path) << text;
    return path;
  };
  const std::string pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const std::string mine = put("home/mine.pem", pem);
  const std::string other = put("home/other.pem", pem);
  const std::string words = put("home/words.pem", "trust me");
  app::Wish wish = attach(world.wish("home/repo"), "x");
  const auto authorities = [&](const std::string& entry) {
    return resolved(wish, R"({"mcpServers":{"x":)" + entry + "}}").address.authorities;
  };
  using Files = std::vector<std::string>;
  CHECK(resolved(wish, R"({"mcpServers":{"x":{"url":"HTTP://E/mcp"}}})").address.url == "HTTP://E/mcp");
  CHECK(authorities(R"({"url":"https://e"})").empty());
  wish.environment["SSL_CERT_FILE"] = mine;
  wish.environment["NODE_EXTRA_CA_CERTS"] = other;
  CHECK(authorities(R"({"url":"HTTPS://e"})") == Files{mine, other});
  CHECK(authorities(R"({"url":"http://e"})").empty());
  CHECK(authorities(R"({"url":"https://e","ca":"/ca.pem"})") == Files{"/ca.pem"});
  CHECK(authorities(R"({"url":"https://e","ca":"${NODE_EXTRA_CA_CERTS}"})") == Files{other});
  const core::ServerSpec both =
      resolved(wish, R"({"defaults":{"ca":"/all.pem"},"mcpServers":{"x":{"url":"https://e"}}})");
  CHECK(both.address.authorities == Files{"/all.pem", mine, other});
  wish.environment["SSL_CERT_FILE"] = words;
  wish.environment["NODE_EXTRA_CA_CERTS"] = "other.pem";
  CHECK(authorities(R"({"url":"https://e"})").empty());
  CHECK(refusal(wish, R"({"mcpServers":{"x":{"url":"https://e","ca":"${NODE_EXTRA_CA_CERTS}"}}})")
            .contains("absolute path"));
}

}  // namespace
