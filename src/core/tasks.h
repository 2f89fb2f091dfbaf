// Tasks of 2025-11-25: whose they are.
//
// A task outlives the call that made it, so its owner is remembered until the server says that it has ended
// or the session leaves. For everybody else it does not exist. A task that asked for progress keeps its token
// as long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/agenda.h"
#include "base/fields.h"
#include "base/time.h"
#include "core/call_table.h"
#include "core/ids.h"
#include "core/park.h"

namespace core {

struct Task {
  SessionId owner;
  std::int64_t token = 0;         // As the server knows it; 0: none.
  std::string client_token = {};  // Raw, as the client knows it.

  // Of a task whose client is of another era than its server (broker/tasks/).
  bool bridged = false;
  std::string state = {};               // As 2025-11-25 has it: the Task, raw, as the server gave it last.
  std::optional<Outcome> outcome = {};  // Once it is known.
  Charge charge = {};                   // Of that.
  std::vector<CallId> waiters = {};     // Calls that are answered with it, by our id.
  std::vector<Call> shown_to = {};      // Calls that are shown the whole task with it; out of the tables.
  std::vector<ParkedAsk> asks = {};     // The server's questions, for a modern client to answer.
  int keys = 0;                         // Given out.
  bool fetched = false;                 // The result was asked for.
  bool left = false;                    // The server was told that nobody waits for it.
  std::optional<base::Instant> poll_due = {};
  static constexpr std::size_t fields = 14;
};

class Tasks {
 public:
  // `id` is decoded: peers may spell the same id with other escapes. Returns the task that made room, if one
  // had to: the oldest of too many, or one of the same id.
  std::optional<std::pair<std::string, Task>> created(const std::string& id, Task task);
  void ended(std::string_view id);
  void leave(SessionId session);
  void clear() { *this = {}; }
  bool any() const { return !tasks_.empty(); }
  const Task* find(std::string_view id) const;
  // To be changed.
  Task* find(std::string_view id);
  const Task* by_token(std::int64_t token) const;
  bool owns(std::string_view id, SessionId session) const;

  // f(id, Task&) in order of ids.
  template <class F>
  void each(F&& f) {
    for (auto& [id, task] : tasks_) {
      marked_.insert(id);
      f(id, task);
    }
  }
  template <class F>
  void each(F&& f) const {
    for (const auto& [id, task] : tasks_) f(id, task);
  }
  // The earliest poll, or end of a question's time; and the tasks that have one now, in order of ids. Only
  // those are worked out anew that were looked up to be changed.
  std::optional<base::Instant> deadline() const;
  std::vector<std::string> due(base::Instant now) const;

  // The owner's tasks, oldest first, that have a result worth to be given up. Never its last.
  std::vector<std::string> old_results(SessionId owner) const;

  // The result of tasks/list with the tasks of others left out.
  std::string own_only(std::string_view raw_result, SessionId session) const;

  static constexpr std::size_t fields = 5;
  friend struct base::Fields;

 private:
  void file_marked() const;

  std::map<std::string, Task, std::less<>> tasks_;
  std::list<std::string> order_;
  mutable std::set<std::string, std::less<>> marked_;
  mutable std::map<std::string, base::Instant, std::less<>> filed_;
  mutable base::Agenda<std::string> agenda_;
};

// The task id of a CreateTaskResult; empty when the result is something else.
std::string created_task_of(std::string_view raw_result);
// Whether a notifications/tasks/status or a Task says that it has ended.
bool task_ended(std::string_view raw_task);

}  // namespace core
