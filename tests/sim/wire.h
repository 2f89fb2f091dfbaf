// Messages as the invented peers write and read them.
//
// Reading goes through a whole tree and knows nothing of the broker's envelope scanner, so that a mistake
// there is not repeated here.
#pragma once

#include <array>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/json.h"
#include "sim/truth.h"

namespace sim {

// A message that was read. `root` is null when it is no JSON.
class Read {
 public:
  explicit Read(std::string_view text);
  Read(std::string_view text, const proto::json::Value& part) : text_(text), part_(&part) {}

  bool sound() const { return root() != nullptr; }
  const proto::json::Value* root() const;
  const proto::json::Value* find(std::string_view key) const;  // At the top.
  const proto::json::Value* find(std::string_view key,
                                 std::string_view in) const;  // In an object at the top.
  std::string raw(const proto::json::Value* value) const;     // Empty for null.
  std::string method() const;
  int code() const;  // Of an error; 0 if it has none.

 private:
  std::string_view text_;
  proto::json::Document document_;
  const proto::json::Value* part_ = nullptr;
};

// Every number behind `"key":"<letter>` in the text: markers and the like, wherever they stand.
std::vector<int> named_numbers(std::string_view text, std::string_view key);

std::string marker_of(const Call& call);  // "marker":"m17"
std::string marker_of(const Ask& ask);    // "ask":"a3"

class Client;
// Members of _meta: who asks.
std::string claim_of(const Client& client);

bool is_part_of(std::string_view uri, std::string_view whole);

// What resources are called in all worlds.
constexpr std::array<std::string_view, 5> addresses{"file:///w/a", "file:///w/a/b", "file:///w", "acme:x",
                                                    "file:///wide"};

// Whether a request says itself who asks.
Era era_of(const Read& message);

constexpr std::array<std::string_view, 8> levels{"debug", "info",     "notice", "warning",
                                                 "error", "critical", "alert",  "emergency"};
std::size_t place_of_level(std::string_view name);  // levels.size() if it is none.

// The kinds of list whose changes may be told: the notification, and its key in a filter.
struct ListKind {
  std::string_view method, key;
};
constexpr std::array<ListKind, 3> list_kinds{
    {{"notifications/tools/list_changed", "toolsListChanged"},
     {"notifications/prompts/list_changed", "promptsListChanged"},
     {"notifications/resources/list_changed", "resourcesListChanged"}}};
// What params.notifications asks for or grants: methods of list changes, and URIs.
std::set<std::string> filter_of(const Read& message);
std::string filter_text(const std::set<std::string>& names);

// What every invented server can do.
constexpr std::string_view common_capabilities =
    "\"tools\":{\"listChanged\":true},\"resources\":{\"subscribe\":true,\"listChanged\":true},"
    "\"prompts\":{\"listChanged\":true},\"logging\":{},\"completions\":{}";

constexpr std::string_view tasks_extension = "{\"io.modelcontextprotocol/tasks\":{}}";

// The call's line with other ids in place of its own.
std::string with_ids(const Call& call, std::string_view id, std::string_view token);

// Writes the call's line. `members` are the members of params except _meta, without braces; empty: no params.
void write_request(Call& call, std::string_view members, std::size_t shape);

std::string result_line(std::string_view id, std::string_view result);
std::string error_line(std::string_view id, int code, std::string_view data);
std::string request_line(std::string_view id, std::string_view method, std::string_view members);
std::string notice_line(std::string_view method, std::string_view members);

}  // namespace sim
