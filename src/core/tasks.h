// Tasks of 2025-11-25: whose they are.
//
// A task outlives the call that made it, so its owner is remembered until the server says that it has ended
// or the session leaves. For everybody else it does not exist. A task that asked for progress keeps its token
// as long.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"

namespace core {

struct Task {
  SessionId owner;
  std::int64_t token = 0;    // As the server knows it; 0: none.
  std::string client_token;  // Raw, as the client knows it.
};

class Tasks {
 public:
  // `id` is decoded: peers may spell the same id with other escapes.
  void created(const std::string& id, Task task);
  void ended(std::string_view id);
  void leave(SessionId session);
  void clear() {
    tasks_.clear();
    order_.clear();
  }

  const Task* find(std::string_view id) const;
  const Task* by_token(std::int64_t token) const;
  bool owns(std::string_view id, SessionId session) const;

  // The result of tasks/list with the tasks of others left out.
  std::string own_only(std::string_view raw_result, SessionId session) const;

 private:
  std::map<std::string, Task, std::less<>> tasks_;
  std::deque<std::string> order_;
};

// The task id of a CreateTaskResult; empty when the result is something else.
std::string created_task_of(std::string_view raw_result);
// Whether a notifications/tasks/status or a Task says that it has ended.
bool task_ended(std::string_view raw_task);

}  // namespace core
