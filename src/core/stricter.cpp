#include "core/stricter.h"

#include <string_view>

namespace core {
namespace {

// The laxest is 0. A server whose further sessions get a process of their own takes turns among those that it
// has already, so that is the stricter of the two that begin with the first question.
int strictness(Interactive interactive) {
  switch (interactive) {
    case Interactive::automatic:
      return 0;
    case Interactive::split:
    case Interactive::serialise:
      return 1;
  }
  return 0;
}

int strictness(Calls calls) {
  switch (calls) {
    case Calls::many:
      return 0;
    case Calls::automatic:
      return 1;
    case Calls::one:
      return 2;
  }
  return 0;
}

}  // namespace

std::string_view name_of(Interactive interactive) {
  switch (interactive) {
    case Interactive::automatic:
      return "automatic";
    case Interactive::serialise:
      return "serialise";
    case Interactive::split:
      return "split";
  }
  return "";
}

std::string_view name_of(Calls calls) {
  switch (calls) {
    case Calls::automatic:
      return "automatic";
    case Calls::many:
      return "many";
    case Calls::one:
      return "one";
  }
  return "";
}

bool settings_agree(const ServerSpec& running, const ServerSpec& asking) {
  return running.interactive == asking.interactive || strictness(running.interactive) == 0 ||
         strictness(asking.interactive) == 0;
}

std::string tighten(ServerSpec& running, const ServerSpec& asking) {
  std::string said;
  const auto say = [&](std::string_view key, std::string_view value) {
    said.append(said.empty() ? "" : ", ").append(key).append(": ").append(value);
  };
  if (strictness(asking.calls) > strictness(running.calls)) {
    running.calls = asking.calls;
    say("calls", name_of(running.calls));
  }
  if (strictness(asking.interactive) > strictness(running.interactive)) {
    running.interactive = asking.interactive;
    say("interactive", name_of(running.interactive));
  }
  if (running.cache && !asking.cache) {
    running.cache = false;
    say("cache", "false");
  }
  if (running.roots == RootsRule::joint && asking.roots == RootsRule::equal) {
    running.roots = RootsRule::equal;
    say("roots", "equal");
  }
  if (running.probe && !asking.probe) {
    running.probe = false;
    say("discover", "false");
  }
  return said;
}

}  // namespace core
