// The method names of every revision, as an enum that can be switched over.
//
// A method that is not listed is `other`: it is carried through untouched.
#pragma once

#include <cstdint>
#include <string_view>

namespace proto {

enum class Method : std::uint8_t {
  other,
  // client to server, requests
  initialize,
  ping,  // both ways
  tools_list,
  tools_call,
  resources_list,
  resources_templates_list,
  resources_read,
  resources_subscribe,
  resources_unsubscribe,
  prompts_list,
  prompts_get,
  completion_complete,
  logging_set_level,
  tasks_get,
  tasks_result,
  tasks_cancel,
  tasks_list,
  tasks_update,          // 2026-07-28, the tasks extension
  server_discover,       // 2026-07-28
  subscriptions_listen,  // 2026-07-28
  // server to client, requests
  sampling_create_message,
  roots_list,
  elicitation_create,
  // notifications
  initialized,
  cancelled,
  progress,
  message,
  tools_list_changed,
  prompts_list_changed,
  resources_list_changed,
  resources_updated,
  roots_list_changed,
  elicitation_complete,
  tasks_status,
  tasks_notice,                // 2026-07-28, the tasks extension
  subscriptions_acknowledged,  // 2026-07-28
};

Method method_of(std::string_view name);
// The name of one that is not `other`.
std::string_view name_of(Method method);

// Whether a server may ask the client something because of this request: the request a question can belong
// to. Lists and settings cannot; a method we do not know may.
bool may_ask(Method method);

// Whether its result is a list in pages.
bool lists(Method method);

// Whether 2026-07-28 knows it as a request of a client's, the tasks extension included.
bool modern_request(Method method);
// Whether 2026-07-28 lets a server ask it of a client, within an answer.
bool input_request(Method method);
// Whether it is a request of 2026-07-28 that names a task.
bool about_a_task(Method method);
// Whether its result of 2026-07-28 says how long it may be kept.
bool cacheable(Method method);

}  // namespace proto
