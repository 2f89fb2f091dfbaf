#include "proto/method.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proto/spelling.h"

namespace proto {
namespace {

using Row = std::pair<std::string_view, Method>;

// Sorted by length and then by name, so that one look-up compares only names of the right length.
constexpr auto before = [](std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
};

constexpr auto table = [] {
  std::array rows{
      Row{"initialize", Method::initialize},
      Row{"ping", Method::ping},
      Row{"tools/list", Method::tools_list},
      Row{"tools/call", Method::tools_call},
      Row{"resources/list", Method::resources_list},
      Row{"resources/templates/list", Method::resources_templates_list},
      Row{"resources/read", Method::resources_read},
      Row{"resources/subscribe", Method::resources_subscribe},
      Row{"resources/unsubscribe", Method::resources_unsubscribe},
      Row{"prompts/list", Method::prompts_list},
      Row{"prompts/get", Method::prompts_get},
      Row{"completion/complete", Method::completion_complete},
      Row{"logging/setLevel", Method::logging_set_level},
      Row{"tasks/get", Method::tasks_get},
      Row{"tasks/result", Method::tasks_result},
      Row{"tasks/cancel", Method::tasks_cancel},
      Row{"tasks/list", Method::tasks_list},
      Row{"tasks/update", Method::tasks_update},
      Row{"server/discover", Method::server_discover},
      Row{"subscriptions/listen", Method::subscriptions_listen},
      Row{"sampling/createMessage", Method::sampling_create_message},
      Row{"roots/list", Method::roots_list},
      Row{"elicitation/create", Method::elicitation_create},
      Row{"notifications/initialized", Method::initialized},
      Row{"notifications/cancelled", Method::cancelled},
      Row{"notifications/progress", Method::progress},
      Row{"notifications/message", Method::message},
      Row{"notifications/tools/list_changed", Method::tools_list_changed},
      Row{"notifications/prompts/list_changed", Method::prompts_list_changed},
      Row{"notifications/resources/list_changed", Method::resources_list_changed},
      Row{"notifications/resources/updated", Method::resources_updated},
      Row{"notifications/roots/list_changed", Method::roots_list_changed},
      Row{"notifications/elicitation/complete", Method::elicitation_complete},
      Row{"notifications/tasks/status", Method::tasks_status},
      Row{"notifications/tasks", Method::tasks_notice},
      Row{"notifications/subscriptions/acknowledged", Method::subscriptions_acknowledged},
  };
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return before(a.first, b.first); });
  return rows;
}();

}  // namespace

Method method_of(std::string_view name) {
  // The same name may be spelt with escapes ("tools\\/call"), and must not mean something else for that.
  if (name.find('\\') != std::string_view::npos) {
    for (const Row& row : table) {
      if (spells(name, row.first)) return row.second;
    }
    return Method::other;
  }
  const auto found =
      std::lower_bound(table.begin(), table.end(), name,
                       [](const Row& row, std::string_view key) { return before(row.first, key); });
  return found != table.end() && found->first == name ? found->second : Method::other;
}

bool may_ask(Method method) {
  switch (method) {
    case Method::tools_list:
    case Method::resources_list:
    case Method::resources_templates_list:
    case Method::prompts_list:
    case Method::completion_complete:
    case Method::logging_set_level:
    case Method::resources_subscribe:
    case Method::resources_unsubscribe:
    case Method::tasks_get:
    case Method::tasks_cancel:
    case Method::tasks_list:
    case Method::tasks_update:
    case Method::ping:
    case Method::initialize:
    case Method::server_discover:
    case Method::subscriptions_listen:
      return false;
    case Method::other:
    case Method::tools_call:
    case Method::resources_read:
    case Method::prompts_get:
    case Method::tasks_result:
      return true;
    case Method::sampling_create_message:
    case Method::roots_list:
    case Method::elicitation_create:
    case Method::initialized:
    case Method::cancelled:
    case Method::progress:
    case Method::message:
    case Method::tools_list_changed:
    case Method::prompts_list_changed:
    case Method::resources_list_changed:
    case Method::resources_updated:
    case Method::roots_list_changed:
    case Method::elicitation_complete:
    case Method::tasks_status:
    case Method::tasks_notice:
    case Method::subscriptions_acknowledged:
      return false;
  }
  return false;
}

std::string_view name_of(Method method) {
  const auto found = std::ranges::find(table, method, &Row::second);
  return found != table.end() ? found->first : std::string_view();
}

bool modern_request(Method method) {
  switch (method) {
    case Method::tools_list:
    case Method::tools_call:
    case Method::resources_list:
    case Method::resources_templates_list:
    case Method::resources_read:
    case Method::prompts_list:
    case Method::prompts_get:
    case Method::completion_complete:
    case Method::tasks_get:
    case Method::tasks_cancel:
    case Method::tasks_update:
    case Method::server_discover:
    case Method::subscriptions_listen:
      return true;
    default:
      return false;
  }
}

bool input_request(Method method) {
  return method == Method::elicitation_create || method == Method::sampling_create_message ||
         method == Method::roots_list;
}

bool about_a_task(Method method) {
  return method == Method::tasks_get || method == Method::tasks_cancel || method == Method::tasks_update;
}

bool cacheable(Method method) {
  return method == Method::server_discover || method == Method::tools_list ||
         method == Method::prompts_list || method == Method::resources_list ||
         method == Method::resources_templates_list || method == Method::resources_read;
}

bool lists(Method method) {
  return method == Method::tools_list || method == Method::resources_list ||
         method == Method::resources_templates_list || method == Method::prompts_list ||
         method == Method::tasks_list;
}

}  // namespace proto
