#include "core/relevance.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/passed_on.h"

namespace {

using core::Relevance;

Relevance judged(std::string_view name) {
  return core::relevance_of(name, {});
}

TEST_CASE("relevance: credentials, endpoints, places and runtimes are relevant") {
  const char* names[] = {
      "GITHUB_TOKEN",
      "TOKEN",
      "token",
      "API_KEY",
      "KEYFILE",
      "MY_SECRET_2",
      "DB_PASSWORD",
      "PGPASSWD",
      "SSH_PASSPHRASE",
      "SMTP_PASS",
      "GOOGLE_APPLICATION_CREDENTIALS",
      "BASIC_AUTH",
      "AUTHORIZATION",
      "SESSION_COOKIE",
      "JIRA_USERNAME",
      "JIRA_EMAIL",
      "AWS_PROFILE",
      "AWS_REGION",
      "AWS_SESSION_TOKEN",
      "AZURE_X",
      "MONGODB_URI",
      "SENTRY_DSN",
      "REDIS_HOST",
      "SERVER_PORT",
      "PORT",
      "S3_ENDPOINT",
      "HTTPS_PROXY",
      "http_proxy",
      "NO_PROXY",
      "DATABASE_URL",
      "DATABASE",
      "PGHOST",
      "KUBECONFIG",
      "DOCKER_HOST",
      "HOME",
      "CARGO_HOME",
      "MEMORY_FILE_PATH",
      "LD_LIBRARY_PATH",
      "NODE_PATH",
      "DATA_DIR",
      "SSL_CERT_FILE",
      "XDG_CONFIG_HOME",
      "NODE_ENV",
      "NODE_OPTIONS",
      "RAILS_ENV",
      "VIRTUAL_ENV",
      "CONDA_PREFIX",
      "PYTHONPATH",
      "PYTHONHOME",
      "JAVA_HOME",
      "LD_PRELOAD",
      "UV_INDEX",
      "HF_TOKEN",
      "GOOGLE_MAPS_API_KEY",
      "GOOGLE_CLOUD_PROJECT",
      "AWS_VAULT",
      "npm_config_registry",
      "NPM_CONFIG_REGISTRY",
      "NPM_TOKEN",
      "npm_config_//registry.npmjs.org/:_authToken",
  };
  for (const char* name : names) {
    CAPTURE(name);
    CHECK(judged(name) == Relevance::relevant);
  }
}

TEST_CASE("relevance: what is the client's or the model's is of its own kind") {
  const char* names[] = {"ANTHROPIC_API_KEY",
                         "ANTHROPIC_BASE_URL",
                         "OPENAI_API_KEY",
                         "openai_base_url",
                         "GEMINI_API_KEY",
                         "GOOGLE_API_KEY",
                         "GOOGLE_GEMINI_BASE_URL",
                         "AZURE_OPENAI_ENDPOINT",
                         "AWS_BEARER_TOKEN_BEDROCK",
                         "OPENROUTER_API_KEY",
                         "MISTRAL_API_KEY",
                         "DASHSCOPE_API_KEY",
                         "OLLAMA_HOST",
                         "CLAUDE_CONFIG_DIR",
                         "CODEX_HOME"};
  for (const char* name : names) {
    CAPTURE(name);
    CHECK(judged(name) == Relevance::model);
  }
}

TEST_CASE("relevance: what clients and terminals make afresh is fresh") {
  const char* names[] = {
      "CLAUDECODE",
      "CLAUDE_CODE_SESSION_ID",
      "CLAUDE_CODE_MESSAGING_TOKEN",
      "CLAUDE_CODE_MESSAGING_SOCKET",
      "CLAUDE_CODE_ENTRYPOINT",
      "CLAUDE_CODE_LAUNCHED_BY_SESSION_IDS",
      "CLAUDE_ENV_FILE",
      "AI_AGENT",
      "AGENT",
      "OPENCODE",
      "OPENCODE_PID",
      "QWEN_CODE_NO_RELAUNCH",
      "GEMINI_CLI",
      "CODEX_THREAD_ID",
      "CODEX_SANDBOX_NETWORK_DISABLED",
      "CURSOR_TRACE_ID",
      "VSCODE_IPC_HOOK_CLI",
      "CLINE_DATA_DIR",
      "VSCODE_GIT_IPC_AUTH_TOKEN",
      "HEARTH_HOME",
      "_",
      "PWD",
      "OLDPWD",
      "SHLVL",
      "COLUMNS",
      "LINES",
      "STARSHIP_SESSION_KEY",
      "SSH_CONNECTION",
      "SSH_TTY",
      "TERM_SESSION_ID",
      "ITERM_PROFILE",
      "KITTY_PUBLIC_KEY",
      "KITTY_INSTALLATION_DIR",
      "WEZTERM_EXECUTABLE_DIR",
      "GHOSTTY_RESOURCES_DIR",
      "WT_SESSION",
      "WINDOWID",
      "XDG_ACTIVATION_TOKEN",
      "XDG_SESSION_ID",
      "GIO_LAUNCHED_DESKTOP_FILE",
      "INVOCATION_ID",
      "JOURNAL_STREAM",
      "LISTEN_FDS",
      "NOTIFY_SOCKET",
      "INIT_CWD",
      "npm_lifecycle_event",
      "npm_package_json",
      "npm_execpath",
      "npm_command",
      "npm_node_execpath",
  };
  for (const char* name : names) {
    CAPTURE(name);
    CHECK(judged(name) == Relevance::fresh);
  }
}

TEST_CASE("relevance: the rest is handed on and not compared") {
  const char* names[] = {
      "PATH",
      "Path",
      "USER",
      "LOGNAME",
      "SHELL",
      "LANG",
      "LC_ALL",
      "TZ",
      "TERM",
      "COLORTERM",
      "TMPDIR",
      "EDITOR",
      "DISPLAY",
      "WAYLAND_DISPLAY",
      "XAUTHORITY",
      "DBUS_SESSION_BUS_ADDRESS",
      "SSH_AUTH_SOCK",
      "XDG_RUNTIME_DIR",
      "XDG_SESSION_TYPE",
      "XDG_DATA_DIRS",
      "CLAUDE_PROJECT_DIR",
      "DIRENV_DIR",
      "GIT_CONFIG_COUNT",
      "GIT_CONFIG_KEY_0",
      "PYTHONUNBUFFERED",
      "AWS_VAULT_PROMPT",
      "ANTHROPIC_MODEL",
      "CONDA_SHLVL",
      "TMUX",
      "STY",
      "npm_config_cache",
      "npm_config_user_agent",
      "NPM_CONFIG_PREFIX",
      "NODE",
      "MANPATH",
      "LS_COLORS",
      "DEBUG",
      "VIRTUAL_ENV_PROMPT",
      "X",
      "",
  };
  for (const char* name : names) {
    CAPTURE(name);
    CHECK(judged(name) == Relevance::ordinary);
  }
}

TEST_CASE("relevance: what the configuration names counts before every list") {
  const std::set<std::string> named = {"DEBUG", "CLAUDE_CODE_SESSION_ID", "API_KEY"};
  CHECK(core::relevance_of("DEBUG", named) == Relevance::named);
  CHECK(core::relevance_of("CLAUDE_CODE_SESSION_ID", named) == Relevance::named);
  CHECK(core::relevance_of("API_KEY", named) == Relevance::named);
  CHECK(core::relevance_of("debug", named) == Relevance::ordinary);
}

TEST_CASE("relevance: what the configuration ignores is handed on and not compared, unless it is named") {
  const std::set<std::string> named = {"API_KEY"};
  const std::set<std::string> ignored = {"api_*", "*_URL", "CODEX_*"};
  CHECK(core::relevance_of("API_TOKEN", named, ignored) == Relevance::ordinary);
  CHECK(core::relevance_of("some_url", named, ignored) == Relevance::ordinary);
  CHECK(core::relevance_of("OPENAI_BASE_URL", named, ignored) == Relevance::ordinary);
  CHECK(core::relevance_of("API_KEY", named, ignored) == Relevance::named);
  CHECK(core::relevance_of("MY_API_KEY", named, ignored) == Relevance::relevant);
  CHECK(core::relevance_of("CODEX_THREAD_ID", named, ignored) == Relevance::fresh);
}

TEST_CASE("relevance: a pattern of the configuration is the name of a variable, or much of it") {
  CHECK_FALSE(core::trouble_with_pattern("*"));
  CHECK_FALSE(core::trouble_with_pattern("npm_config_//x/:_*"));
  CHECK(core::trouble_with_pattern("") == "must not be empty");
  CHECK(core::trouble_with_pattern("A=b") == "must be the name of a variable, without = and a value");
  CHECK(core::trouble_with_pattern(std::string(201, 'A')) == "must not be longer than 200 bytes");
  CHECK(core::trouble_with_pattern(std::string_view("A\0", 2)) == "must not hold a zero byte");
}

TEST_CASE("relevance: the documentation shows every pattern") {
  const auto page = std::filesystem::path(HEARTH_SOURCE_DIRECTORY) / "docs/configuration.md";
  std::ifstream file(page);
  REQUIRE(file);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const auto patterns : {core::fresh_patterns(), core::exempt_patterns(), core::model_patterns(),
                              core::relevant_patterns(), core::passed_on()}) {
    for (const std::string_view pattern : patterns) {
      CAPTURE(pattern);
      CHECK(text.find("`" + std::string(pattern) + "`") != std::string::npos);
    }
  }
}

}  // namespace
