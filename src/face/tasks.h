// Tasks between the eras: those of 2025-11-25, which a client asks for, and those of the extension of
// 2026-07-28, which a server decides on. The same thing under other names: ttl and ttlMs, a result fetched
// and a result shown.
//
// Text goes in, text comes out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/outcome.h"
#include "core/park.h"

namespace face {

// A claim, without braces, whose capabilities have the extension.
std::string claim_with_tasks(std::string_view claim);

// Makes a Task of 2025-11-25 from a modern server's task (a result of the type "task", or of tasks/get).
std::string legacy_task(std::string_view raw);
std::string legacy_task_with(std::string_view raw_task, std::string_view status);
// One of our own, for a call that was to become a task and was answered at once.
std::string finished_task(std::string_view id, std::string_view at);
// What a legacy client would be answered, once the task has ended.
std::optional<core::Outcome> outcome_of(std::string_view raw_detailed);
// Milliseconds after which it may be asked for again; `otherwise` if it does not say.
std::int64_t poll_after(std::string_view raw_task, std::int64_t otherwise);

// Makes a result of the type "task" from a legacy server's Task.
std::string created_task(std::string_view raw_task, std::string_view server_info);
// The same as the answer to tasks/get. `outcome` as above; `asks`: what the client is to
// answer.
std::string detailed_task(std::string_view raw_task, const std::optional<core::Outcome>& outcome,
                          std::span<const core::ParkedAsk> asks, std::string_view server_info);

// The params of notifications/tasks that say the same.
std::string task_notice(std::string_view raw_task, const std::optional<core::Outcome>& outcome,
                        std::span<const core::ParkedAsk> asks);

// A list of tools, each of which may be called as a task.
std::string with_task_support(std::string_view raw_result);
// A result with the task that it belongs to.
std::string related_to(std::string_view raw_object, std::string_view task_id);

}  // namespace face
