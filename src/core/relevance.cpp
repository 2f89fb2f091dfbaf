#include "core/relevance.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace core {
namespace {

constexpr auto fresh = std::to_array<std::string_view>(
    {// Clients: who asks, in which conversation, and the keys to it.
     "CLAUDECODE", "CLAUDE_CODE_*", "CLAUDE_SESSION*", "CLAUDE_ENV_FILE", "AI_AGENT", "AGENT", "OPENCODE",
     "OPENCODE_*", "QWEN_CODE", "QWEN_CODE_*", "GEMINI_CLI", "GEMINI_CLI_*", "CODEX_CI", "CODEX_INTERNAL_*",
     "CODEX_MANAGED_*", "CODEX_SANDBOX*", "CODEX_SESSION*", "CODEX_THREAD_ID", "COPILOT_AGENT_*",
     "COPILOT_CLI*", "COPILOT_SESSION*", "CURSOR_AGENT", "CURSOR_SESSION*", "CURSOR_TRACE_ID", "VSCODE_*",
     "CLINE_*", "HEARTH_*",
     // Shells and what starts them.
     "_", "PWD", "OLDPWD", "SHLVL", "COLUMNS", "LINES", "STARSHIP_*", "SSH_CLIENT", "SSH_CONNECTION",
     "SSH_TTY",
     // Terminals.
     "TERM_SESSION_ID", "ITERM_*", "KITTY_*", "WEZTERM_*", "GHOSTTY_*", "ALACRITTY_*", "KONSOLE_*",
     "GNOME_TERMINAL_*", "WT_SESSION", "WT_PROFILE_ID", "WINDOWID", "ZELLIJ*",
     // Desktops and service managers.
     "DESKTOP_STARTUP_ID", "XDG_ACTIVATION_TOKEN", "XDG_SESSION_ID", "XDG_SESSION_PATH",
     "GIO_LAUNCHED_DESKTOP_FILE*", "SECURITYSESSIONID", "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID",
     "MANAGERPID", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "WATCHDOG_PID",
     "WATCHDOG_USEC", "MEMORY_PRESSURE_*",
     // npm and npx, about the script they happen to run.
     "INIT_CWD", "NPM_COMMAND", "NPM_EXECPATH", "NPM_LIFECYCLE_*", "NPM_NODE_EXECPATH", "NPM_PACKAGE_*"});

constexpr auto exempt = std::to_array<std::string_view>(
    {// The same for all sessions of a login, or missing where a client passes little on; a server may need
     // them.
     "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GNOME_KEYRING_*", "XAUTHORITY", "XDG_RUNTIME_DIR",
     "XDG_GREETER_DATA_DIR", "XDG_SEAT_PATH", "SUDO_USER",
     // Clients set these for whatever they start.
     "GIT_CONFIG_*", "PYTHONUNBUFFERED", "AWS_VAULT_PROMPT",
     // Which model a client talks to.
     "*_MODEL",
     // Already part of the scope.
     "CLAUDE_PROJECT_DIR",
     // Follow the directory or the prompt, not the choice.
     "DIRENV_*", "CONDA_PROMPT_MODIFIER", "CONDA_SHLVL", "KEYTIMEOUT",
     // npx sets these for whatever it starts, a client for instance.
     "NPM_CONFIG_CACHE", "NPM_CONFIG_GLOBAL_PREFIX", "NPM_CONFIG_GLOBALCONFIG", "NPM_CONFIG_INIT_MODULE",
     "NPM_CONFIG_LOCAL_PREFIX", "NPM_CONFIG_NODE_GYP", "NPM_CONFIG_NOPROXY", "NPM_CONFIG_NPM_VERSION",
     "NPM_CONFIG_PREFIX", "NPM_CONFIG_USER_AGENT", "NPM_CONFIG_USERCONFIG", "NPM_CONFIG_YES"});

// Servers use some of these, too, but are then given them by name. HF_TOKEN and GOOGLE_MAPS_API_KEY, for
// instance, are not here: what they open is mostly a server's.
constexpr auto model = std::to_array<std::string_view>(
    {// Clients: where they keep their things, and their own keys.
     "CLAUDE_CONFIG_DIR", "CODEX_HOME", "CODEX_API_KEY", "COPILOT_HOME", "COPILOT_GITHUB_TOKEN",
     "COPILOT_PROVIDER_*", "CURSOR_API_KEY", "AMP_API_KEY", "AMP_URL", "GOOSE_*", "AIDER_*",
     // Model providers.
     "ANTHROPIC_*", "OPENAI_*", "GEMINI_*", "GOOGLE_API_KEY", "GOOGLE_GEMINI_*", "GOOGLE_GENAI_*",
     "GOOGLE_GENERATIVE_AI_*", "GOOGLE_VERTEX_*", "VERTEX_*", "VERTEXAI_*", "CLOUD_ML_REGION",
     "AWS_BEARER_TOKEN_BEDROCK", "BEDROCK_*", "AZURE_OPENAI_*", "AZURE_API_*", "AI_GATEWAY_*", "OPENROUTER_*",
     "LITELLM_*", "OLLAMA_*", "LMSTUDIO_*", "MISTRAL_*", "CODESTRAL_*", "GROQ_*", "XAI_*", "GROK_*",
     "DEEPSEEK_*", "COHERE_*", "TOGETHER_*", "TOGETHERAI_*", "FIREWORKS_*", "PERPLEXITY_*", "CEREBRAS_*",
     "SAMBANOVA_*", "NVIDIA_API_KEY", "DASHSCOPE_*", "BAILIAN_*", "QWEN_*", "MOONSHOT_*", "KIMI_*", "ZAI_*",
     "ZHIPU*", "MINIMAX_*"});

constexpr auto relevant = std::to_array<std::string_view>(
    {// Credentials, and whose they are.
     "*TOKEN*", "*KEY*", "*SECRET*", "*PASSWORD*", "*PASSWD*", "*PASSPHRASE*", "*_PASS", "*CREDENTIAL*",
     "*AUTH*", "*COOKIE*", "*_USER", "*_USERNAME", "*_EMAIL", "*_ACCOUNT", "*_TENANT", "*_PROFILE",
     "*_PROJECT", "*_ORG",
     // Endpoints.
     "*_URL", "*_URI", "*_DSN", "*_HOST", "*_PORT", "PORT", "*_ENDPOINT", "*_PROXY", "*_REGION", "DATABASE*",
     "*_DATABASE", "PG*", "MYSQL_*", "REDIS_*", "MONGO*", "AWS_*", "AZURE_*", "GOOGLE_*", "GCLOUD_*",
     "CLOUDSDK_*", "DOCKER_*", "KUBE*",
     // Places of data.
     "HOME", "*_HOME", "*_PATH", "*_DIR", "*_DIRECTORY", "*_FILE", "*_DB", "*_CONFIG", "*_CA_BUNDLE",
     // The choice of a runtime.
     "*_ENV", "VIRTUAL_ENV", "CONDA_*", "PYTHON*", "PIP_*", "UV_*", "NODE_*", "NPM_CONFIG_*", "BUN_*",
     "DENO_*", "JAVA_*", "JDK_*", "GOPATH", "GOROOT", "RUBY*", "GEM_*", "PERL5LIB", "LD_*", "DYLD_*"});

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// '*' is tried as short as possible, and one character longer after each failure.
bool matches(std::string_view name, std::string_view pattern) {
  std::size_t i = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_at = 0;
  while (i < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_at = i;
    } else if (p < pattern.size() && upper(pattern[p]) == upper(name[i])) {
      ++p;
      ++i;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      i = ++star_at;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

template <class Patterns>
bool matches_any(std::string_view name, const Patterns& patterns) {
  return std::ranges::any_of(patterns, [&](std::string_view pattern) { return matches(name, pattern); });
}

}  // namespace

std::span<const std::string_view> fresh_patterns() {
  return fresh;
}
std::span<const std::string_view> exempt_patterns() {
  return exempt;
}
std::span<const std::string_view> model_patterns() {
  return model;
}
std::span<const std::string_view> relevant_patterns() {
  return relevant;
}

Relevance relevance_of(std::string_view name, const std::set<std::string>& named,
                       const std::set<std::string>& ignored) {
  if (named.contains(std::string(name))) return Relevance::named;
  if (matches_any(name, fresh)) return Relevance::fresh;
  if (matches_any(name, ignored) || matches_any(name, exempt)) return Relevance::ordinary;
  if (matches_any(name, model)) return Relevance::model;
  return matches_any(name, relevant) ? Relevance::relevant : Relevance::ordinary;
}

std::optional<std::string> trouble_with_pattern(std::string_view pattern) {
  constexpr std::size_t longest = 200;  // No variable has such a name; something else was pasted.
  if (pattern.empty()) return "must not be empty";
  if (pattern.size() > longest) return "must not be longer than " + std::to_string(longest) + " bytes";
  if (pattern.contains('=')) return "must be the name of a variable, without = and a value";
  if (pattern.contains('\0')) return "must not hold a zero byte";
  return std::nullopt;
}

}  // namespace core
