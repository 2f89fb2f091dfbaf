// A scriptable MCP server on stdin and stdout, for everything that real servers do too rarely.
//
// A call carries a script: tools/call of "do" with {"steps": [...]}, or any request with the same array in
// params._meta["fake/steps"]. Steps run in order (script.cpp lists them); "hold" parks the script until its
// key is released, "ask" until the client has answered. One thread, one poll: nothing happens here that a
// message did not cause.
//
// A test may also speak to the server past the product under test, on the socket PID.sock in --dir: a line
// {"steps": [...]} runs a script that belongs to no call; {"wait": {"has": [TEXT…], "count": N}} is answered
// once so many of the received lines (and events, by name) contain every TEXT.
#pragma once

#include <poll.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "json.h"
#include "options.h"
#include "output.h"

namespace fake {

// A message with its tree, which points into its text.
struct Received {
  std::string text;
  Json json;
};
using Source = std::shared_ptr<const Received>;
Source received(std::string& text);  // Takes it away; null, and nothing taken, if it is no JSON.

// A script under way.
struct Run {
  Source source;  // Keeps the steps alive.
  const std::vector<Json>* steps = nullptr;
  std::size_t next = 0;
  std::string id;      // Of the call, raw; empty when there is none to answer.
  std::string token;   // Its progress token, raw.
  std::string task;    // Its task, when it became one.
  int control = -1;    // The connection that wants to hear the end.
  std::string result;  // Raw; what the call is answered with in the end. Empty: what the script collected.
  std::vector<std::string> collected;  // Raw JSON: answers to asks, reported pids.
  bool answered = false;
  bool dropped_when_cancelled = false;
};
using RunPtr = std::unique_ptr<Run>;

struct Task {
  std::string id;
  std::string status = "working";
  std::string outcome;                  // `"result":…` or `"error":…`, once there is one.
  std::vector<std::string> awaited_by;  // Raw ids of tasks/result requests.
};

class Server {
 public:
  explicit Server(Options options);
  int run();

 private:
  // server.cpp: the loop, and what every server does.
  void read_stdin();
  void read_control(std::size_t index);
  void on_line(std::string line);
  void on_message(const Source& source, const Json& message);
  void on_request(const Source& source, const Json& message, const std::string& method);
  void on_notification(const Json& message, const std::string& method);
  void on_response(const Json& message);
  void on_control(int fd, std::string line);
  void initialize(const std::string& id, const Json& params);
  void discover(const std::string& id);
  std::string list_tools(const std::string& cursor) const;
  std::string simple_result(const std::string& method, const Json& params);  // Empty: unknown method.
  void call_tool(const Source& source, const Json& params, RunPtr run);
  void on_task_request(const std::string& id, const std::string& method, const Json& params);
  void note(std::string line);
  void check_waits();
  void start_reports();

  void answer(const std::string& id, std::string_view result);
  void refuse(const std::string& id, long code, std::string_view text);
  void finish(Run& run, std::string_view outcome);  // `"result":…` or `"error":…`
  void finish_task(Task& task, std::string status, std::string outcome);
  static std::string task_json(const Task& task);

  // script.cpp
  enum class Next : std::uint8_t { go_on, parked, over };
  void start(RunPtr run);
  Next step(RunPtr& run, const Json& step);
  Next speak(Run& run, const std::string& verb, const Json& what, const Json& step);
  Next misbehave(Run& run, const std::string& verb, const Json& what, const Json& step);
  Next ask(RunPtr& run, const Json& what, const Json& step);
  void release(const std::string& key);
  void fork_descendant(Run& run, const std::string& kind);
  void notify(std::string_view method, std::string_view params);
  static std::string filled_in(std::string text, const Run& run);

  struct Control {
    int fd;
    std::string unread;
  };
  struct Wait {
    int control;
    std::vector<std::string> has;
    std::size_t count;
  };

  Options options_;
  Output out_;
  Record record_;
  std::string unread_;
  bool reading_ = true;
  bool initialized_ = false;  // initialize was answered.
  int listener_ = -1;
  std::vector<Control> controls_;
  std::vector<Wait> waits_;
  std::vector<std::string> seen_;
  std::set<std::string> released_;
  std::multimap<std::string, RunPtr> held_;
  std::map<std::string, RunPtr> asking_;  // By the ask's raw id.
  long asks_ = 0;
  long tasks_made_ = 0;
  std::map<std::string, long> counters_;
  std::map<std::string, Task> tasks_;
  std::string tools_;  // Raw array that replaces the tools, when a script has set one.
};

}  // namespace fake
