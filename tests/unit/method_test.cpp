#include "proto/method.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace {

using proto::Method;
using proto::method_of;

const struct {
  const char* name;
  Method method;
  bool may_ask;  // A server's question can belong to it.
} table[] = {
    {"initialize", Method::initialize, false},
    {"ping", Method::ping, false},
    {"tools/list", Method::tools_list, false},
    {"tools/call", Method::tools_call, true},
    {"resources/list", Method::resources_list, false},
    {"resources/templates/list", Method::resources_templates_list, false},
    {"resources/read", Method::resources_read, true},
    {"resources/subscribe", Method::resources_subscribe, false},
    {"resources/unsubscribe", Method::resources_unsubscribe, false},
    {"prompts/list", Method::prompts_list, false},
    {"prompts/get", Method::prompts_get, true},
    {"completion/complete", Method::completion_complete, false},
    {"logging/setLevel", Method::logging_set_level, false},
    {"tasks/get", Method::tasks_get, false},
    {"tasks/result", Method::tasks_result, true},
    {"tasks/cancel", Method::tasks_cancel, false},
    {"tasks/list", Method::tasks_list, false},
    {"server/discover", Method::server_discover, false},
    {"subscriptions/listen", Method::subscriptions_listen, false},
    {"sampling/createMessage", Method::sampling_create_message, false},
    {"roots/list", Method::roots_list, false},
    {"elicitation/create", Method::elicitation_create, false},
    {"notifications/initialized", Method::initialized, false},
    {"notifications/cancelled", Method::cancelled, false},
    {"notifications/progress", Method::progress, false},
    {"notifications/message", Method::message, false},
    {"notifications/tools/list_changed", Method::tools_list_changed, false},
    {"notifications/prompts/list_changed", Method::prompts_list_changed, false},
    {"notifications/resources/list_changed", Method::resources_list_changed, false},
    {"notifications/resources/updated", Method::resources_updated, false},
    {"notifications/roots/list_changed", Method::roots_list_changed, false},
    {"notifications/elicitation/complete", Method::elicitation_complete, false},
    {"notifications/tasks/status", Method::tasks_status, false},
};

TEST_CASE("methods: every name of the legacy revisions") {
  std::set<Method> seen;
  for (const auto& row : table) {
    CAPTURE(row.name);
    CHECK(method_of(row.name) == row.method);
    CHECK(proto::may_ask(row.method) == row.may_ask);
    CHECK(seen.insert(row.method).second);
  }
  CHECK_FALSE(seen.contains(Method::other));
}

TEST_CASE("methods: the same name with escapes") {
  for (const auto& row : table) {
    std::string slashes;
    for (const char c : std::string(row.name)) slashes += c == '/' ? "\\/" : std::string(1, c);
    CAPTURE(slashes);
    CHECK(method_of(slashes) == row.method);
  }
  CHECK(method_of(R"(\u0070ing)") == Method::ping);
  CHECK(method_of(R"(tools\u002Fcall)") == Method::tools_call);
  CHECK(method_of(R"(tools\ncall)") == Method::other);
}

TEST_CASE("methods: nearly a known name is another one") {
  for (const auto& row : table) {
    const std::string name = row.name;
    std::string other_case = name;
    other_case.front() = static_cast<char>(other_case.front() - 32);
    for (const std::string& near :
         {name + " ", " " + name, name.substr(1), name.substr(0, name.size() - 1), name + "s", other_case}) {
      CAPTURE(near);
      CHECK(method_of(near) == Method::other);
    }
  }
  CHECK(method_of("") == Method::other);
}

TEST_CASE("methods: which answers come in pages") {
  const std::set<Method> paged{Method::tools_list, Method::resources_list, Method::resources_templates_list,
                               Method::prompts_list, Method::tasks_list};
  for (const auto& row : table) CHECK(proto::lists(row.method) == paged.contains(row.method));
  CHECK_FALSE(proto::lists(Method::other));
}

TEST_CASE("methods: an unknown request may lead to questions") {
  CHECK(proto::may_ask(Method::other));
}

}  // namespace
