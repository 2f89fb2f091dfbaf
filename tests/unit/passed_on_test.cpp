#include "core/passed_on.h"

#include <doctest/doctest.h>

namespace {

using Environment = std::map<std::string, std::string>;

TEST_CASE("passed on: an environment that was filtered is known by what it holds") {
  const Environment sdk = {{"HOME", "/u"},       {"LOGNAME", "u"}, {"PATH", "/bin"},
                           {"SHELL", "/bin/sh"}, {"TERM", "x"},    {"USER", "u"}};
  Environment codex = sdk;
  for (const char* name : {"LANG", "LC_ALL", "TMPDIR", "TZ", "__CF_USER_TEXT_ENCODING"}) codex[name] = "x";
  const struct {
    const char* what;
    Environment all;
    const char* more;  // One variable besides; null: none.
    bool filtered;
  } table[] = {
      {"nothing", {}, nullptr, true},
      {"an SDK's", sdk, nullptr, true},
      {"Codex's", codex, nullptr, true},
      {"with a credential, which an entry may have set", codex, "GITHUB_TOKEN", true},
      {"with a file, which an entry may have set", sdk, "MEMORY_FILE_PATH", true},
      {"with a key of a model", sdk, "OPENAI_API_KEY", true},
      {"with what a client makes afresh", sdk, "CLINE_SESSION", true},
      {"with what a client sets for itself", sdk, "GIT_CONFIG_COUNT", true},
      {"with what is named", sdk, "MOOD", true},
      {"a shell's", codex, "EDITOR", false},
      {"a login's", sdk, "XDG_RUNTIME_DIR", false},
      {"a login's with an agent", sdk, "SSH_AUTH_SOCK", false},
      {"a desktop's", sdk, "DISPLAY", false},
      {"a container's", sdk, "HOSTNAME", false},
      {"npx's", sdk, "npm_config_user_agent", false},
  };
  for (const auto& row : table) {
    CAPTURE(row.what);
    core::ServerSpec spec;
    spec.named_variables = {"MOOD"};
    spec.environment = row.all;
    if (row.more != nullptr) spec.environment.set(row.more, "x");
    CHECK(core::filtered(spec) == row.filtered);
  }
}

}  // namespace
