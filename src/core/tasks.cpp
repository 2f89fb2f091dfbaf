#include "core/tasks.h"

#include <algorithm>
#include <utility>

#include "base/joined.h"
#include "core/limits.h"
#include "proto/members.h"

namespace core {

std::optional<std::pair<std::string, Task>> Tasks::created(const std::string& id, Task task) {
  std::optional<std::pair<std::string, Task>> gone;
  marked_.insert(id);
  if (const auto same = tasks_.find(id); same != tasks_.end()) {
    gone.emplace(id, std::move(same->second));
    same->second = std::move(task);
    return gone;
  }
  if (tasks_.size() >= limits::tasks_per_instance) {
    auto oldest = tasks_.extract(order_.front());
    order_.pop_front();
    marked_.insert(oldest.key());
    gone.emplace(std::move(oldest.key()), std::move(oldest.mapped()));
  }
  tasks_.emplace(id, std::move(task));
  order_.push_back(id);
  return gone;
}

void Tasks::ended(std::string_view id) {
  // The owner may still ask for the result; only the progress is over.
  const auto found = tasks_.find(id);
  if (found != tasks_.end()) found->second.token = 0;
}

void Tasks::leave(SessionId session) {
  std::erase_if(tasks_, [&](const auto& entry) {
    const bool leaves = entry.second.owner == session;
    if (leaves) marked_.insert(entry.first);
    return leaves;
  });
  std::erase_if(order_, [&](const std::string& id) { return !tasks_.contains(id); });
}

const Task* Tasks::find(std::string_view id) const {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : &found->second;
}

Task* Tasks::find(std::string_view id) {
  const auto found = tasks_.find(id);
  if (found == tasks_.end()) return nullptr;
  marked_.insert(found->first);
  return &found->second;
}

const Task* Tasks::by_token(std::int64_t token) const {
  for (const auto& [id, task] : tasks_) {
    if (task.token == token) return &task;
  }
  return nullptr;
}

bool Tasks::owns(std::string_view id, SessionId session) const {
  const Task* task = find(id);
  return task != nullptr && task->owner == session;
}

namespace {

std::optional<base::Instant> first_due(const Task& task) {
  std::optional<base::Instant> first = task.poll_due;
  for (const ParkedAsk& ask : task.asks) {
    if (!first || ask.due < *first) first = ask.due;
  }
  return first;
}

}  // namespace

void Tasks::file_marked() const {
  for (const std::string& id : std::exchange(marked_, {})) {
    const Task* task = find(id);
    const std::optional<base::Instant> due = task != nullptr ? first_due(*task) : std::nullopt;
    const auto filed = filed_.find(id);
    agenda_.move(id, filed != filed_.end() ? std::optional(filed->second) : std::nullopt, due);
    if (due) {
      filed_.insert_or_assign(id, *due);
    } else if (filed != filed_.end()) {
      filed_.erase(filed);
    }
  }
}

std::optional<base::Instant> Tasks::deadline() const {
  file_marked();
  return agenda_.first();
}

std::vector<std::string> Tasks::due(base::Instant now) const {
  file_marked();
  return agenda_.due(now);
}

std::vector<std::string> Tasks::old_results(SessionId owner) const {
  // What is so small is not worth an error in its place.
  constexpr std::size_t small = 1024;
  std::vector<std::string> found;
  const std::string* last = nullptr;
  for (const std::string& id : order_) {
    const Task& task = tasks_.find(id)->second;
    if (task.owner != owner || !task.outcome) continue;
    last = &id;
    if (task.outcome->raw.size() > small) found.push_back(id);
  }
  if (!found.empty() && found.back() == *last) found.pop_back();
  return found;
}

std::string Tasks::own_only(std::string_view raw_result, SessionId session) const {
  const std::string_view list = proto::member(raw_result, "tasks");
  if (list.empty()) return R"({"tasks":[]})";
  std::string kept;
  proto::each_item(list, [&](std::string_view item) {
    const auto id = proto::string_in(proto::member(item, "taskId"));
    if (!id || !owns(*id, session)) return;
    if (!kept.empty()) kept += ',';
    kept += item;
  });
  const auto at = static_cast<std::size_t>(list.data() - raw_result.data());
  return base::joined({raw_result.substr(0, at), "[", kept, "]", raw_result.substr(at + list.size())});
}

std::string created_task_of(std::string_view raw_result) {
  return proto::text_of(proto::member(raw_result, "task"), "taskId");
}

bool task_ended(std::string_view raw_task) {
  const std::string status = proto::text_of(raw_task, "status");
  return status == "completed" || status == "failed" || status == "cancelled";
}

}  // namespace core
