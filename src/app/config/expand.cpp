#include "app/config/expand.h"

#include <algorithm>

namespace app {
namespace {

constexpr std::size_t shown_max = 60;  // Of a name, in a complaint.

bool is_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto fits = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && letter(name.front()) && std::ranges::all_of(name, fits);
}

// `inside` is what stands between the braces.
base::Result<std::string> value_of(std::string_view inside, const Variables& variables) {
  const std::size_t colon = inside.find(":-");
  const std::string_view name = inside.substr(0, colon);
  const std::string shown =
      "${" + std::string(name.substr(0, shown_max)) + (name.size() > shown_max ? "…}" : "}");
  if (colon != std::string_view::npos && inside.find("${", colon) != std::string_view::npos) {
    return base::failure(shown + " has another ${ in its default, which is not supported");
  }
  if (name == "project" && !variables.no_project.empty())
    return base::failure("${project} is not known: " + std::string(variables.no_project));
  if (name == "project") return std::string(variables.project);
  if (name == "port" && variables.port) return std::string(*variables.port);
  if (!is_name(name)) {
    const std::string_view last = name.substr(name.find(':') + 1);
    if (name.starts_with("env:") && is_name(last)) {
      return base::failure(shown + " is another client's spelling; write ${" + std::string(last) + "}");
    }
    return base::failure(shown + " is not understood; write ${NAME}, ${NAME:-default} or ${project}");
  }
  const auto found = variables.environment.find(std::string(name));
  const bool set = found != variables.environment.end();
  if (set && (!found->second.empty() || colon == std::string_view::npos)) return found->second;
  if (colon != std::string_view::npos) return std::string(inside.substr(colon + 2));
  if (name == "workspaceFolder")
    return base::failure(shown + " is another client's spelling; write ${project}");
  return base::failure(shown + " is not set in the environment of this session; set it there, or write ${" +
                       std::string(name) + ":-default}");
}

}  // namespace

base::Result<std::string> expand(std::string_view text, const Variables& variables) {
  std::string out;
  while (true) {
    const std::size_t begin = text.find("${");
    out += text.substr(0, begin);
    if (begin == std::string_view::npos) return out;
    const std::size_t end = text.find('}', begin);
    if (end == std::string_view::npos) return base::failure("a ${ is not closed by }");
    out += TRY(value_of(text.substr(begin + 2, end - begin - 2), variables));
    text.remove_prefix(end + 1);
  }
}

}  // namespace app
