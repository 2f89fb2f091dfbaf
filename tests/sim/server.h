// An invented server process, and what is true of it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/action.h"
#include "sim/family.h"
#include "sim/truth.h"

namespace sim {

class Read;
struct World;

// One line that a server wrote.
struct ServerLine {
  enum class Kind : std::uint8_t {
    other,
    answer,
    ask,
    cancel,
    list_changed,
    updated,
    initialize,
    discovered,
    task,       // An answer that makes a task.
    task_asks,  // It says what the task's server wants to know.
    progress,
    told,  // The answer to an inquiry.
    acknowledged,
    listen_ended
  };
  Kind kind = Kind::other;
  std::vector<Call*> calls = {};       // answer, task, task_asks, progress
  Ask* ask = nullptr;                  // ask, cancel
  Inquiry* inquiry = nullptr;          // told
  std::string name = {};               // list_changed: the method. updated: the URI. Of a
                                       // listen or a task: its id.
  std::set<std::string> granted = {};  // acknowledged: methods of list changes, and URIs.
  std::string listen = {};             // list_changed, updated: on which one of Hearth's; empty: on none.
  bool error = false;                  // answer
  bool asks = false;                   // answer: it says what the server wants to know first.
  std::string text = {};
};

// A task of a modern server, as far as the broker has heard of it.
struct TaskSeen {
  Call* call = nullptr;
  bool too_late = false;  // Its call was cancelled before.
  bool told = false;      // It was cancelled.
  base::Instant looked_at{};
};

class Server {
 public:
  Server(World& world, int number, broker::StartInstance start, std::size_t family);

  void run();        // The process runs.
  void read_some();  // Takes lines from its stdin, if it reads at all.
  void input_ended();
  void crash();
  void end_idle();             // With status 0, if it has nothing to do.
  bool doom(std::size_t how);  // It will die, or be silent; true: it does not even start.
  void turn_kind();

  World& world;
  const int number;
  const broker::StartInstance start;
  const std::size_t family;
  const Speaks speaks;
  std::string key;
  const base::Instant begun;  // When the broker wanted it started,
  const int life;             // and in which life of the daemon.

  bool running = false;   // Between InstanceStarted and the end of the process.
  bool exited = false;    // The broker was told so, or will never be.
  bool stopping = false;  // The broker wants it stopped.
  bool clean = false;     // It ended with status 0, unasked.
  bool reading = true;
  std::deque<std::string> input;
  std::size_t input_bytes = 0;
  std::string output;
  std::deque<ServerLine> records;  // Lines in output that no broker was given yet.

  // The truth about the conversation, kept by the checker.
  std::set<std::string> wire_ids, wire_tokens;
  std::map<std::string, Call*> sent;  // By wire id.
  std::string initialize_id, discover_id;
  std::set<std::string> offered;  // The revisions that it was offered.
  bool greeted = false, answered = false, initialized = false;
  Era era = Era::legacy;  // What the broker takes it for, once it has answered.
  bool died_of_probe = false;
  std::set<std::string> opening;  // Listens of Hearth's that it has not acknowledged, by wire id.
  std::string listen;             // The newest that it has; empty: none.
  std::map<std::string, std::set<std::string>> wished;  // What each asked for.
  std::map<std::string, Ask*> asks;             // Fed to the broker and owed an answer, by their raw ids.
  std::set<std::string> plain_asks;             // roots/list and ping, likewise.
  std::map<std::string, Ask*> roots_asks;       // The roots/list among plain_asks.
  std::optional<std::string> told_roots;        // The place that it was told; empty: none.
  bool roots_outdated = false;                  // It was told since that there are others.
  std::map<std::string, bool> subscribed;       // True: the server has granted it.
  std::map<std::string, std::string> settings;  // Wire id of a subscribe or unsubscribe: its URI.
  std::optional<std::size_t> level;
  std::map<std::string, TaskSeen> tasks;  // By their ids.
  bool heard_levels = false;              // It was told of one because of a modern client's call.
  bool interactive = false;
  base::Instant died_of_call{};               // While a lethal one was running.
  std::set<const Call*> sent_before;          // Calls that were sent before the broker knew.
  std::map<std::string, Inquiry*> inquiries;  // By wire id.
  std::map<std::string, std::vector<std::size_t>>
      changed;                       // When what was told to be other, by method or URI.
  std::vector<std::size_t> effects;  // When a call was sent, or answered, that may have changed its lists.
  bool ended = false;                // The broker knows that.

 private:
  struct Open {
    Call* call = nullptr;
    std::string token;
    Era era = Era::legacy;
    std::optional<std::size_t> level;
    bool may_be_task = false;  // Its claim says so.
    bool followed = false;     // It is one.
  };
  struct MadeTask {
    Call* call = nullptr;
    std::string open;  // Its wire id.
    std::string status = "working";
    std::string interval, wanted;  // As members.
    std::string lost = {};         // What it says of the task that it has lost.
  };
  struct Task {
    Call* call = nullptr;
    std::string status = "working";
    std::vector<std::string> waiting;  // Wire ids of tasks/result.
  };

  void take(const std::string& text);
  void take_request(const Read& message, const std::string& text, const std::string& id,
                    const std::string& method);
  void take_initialize(const Read& message, const std::string& id);
  void take_discover(const std::string& id);
  void answer_probe(const std::string& id);
  void take_listen(const Read& message, const std::string& id);
  base::Duration greeting_time();
  void take_notice(const Read& message, const std::string& method);
  void take_answer(const Read& message);
  void take_call(const Read& message, const std::string& id, Call& call);
  void take_inquiry(Inquiry& inquiry);
  void tell(Inquiry& inquiry);
  void take_task_request(const Read& message, const std::string& id, Call& call);
  void take_about_task(const Read& message, const std::string& id, const std::string& method, Call* call);
  std::string look_at(const std::string& name, MadeTask& made, ServerLine& line);
  bool make_task(const std::string& id, Open& open);
  void plan_task(const std::string& name, const Call& call);
  void lose_task(MadeTask& made);
  bool want_for_task(MadeTask& made);
  void end_task(MadeTask& made);
  void end_tasks();
  std::string state_of(const std::string& name, const MadeTask& made) const;
  void plan_progress(const std::string& id, base::Duration within);
  void plan_ask(const std::string& id, base::Duration within);

  void answer(const std::string& id);
  std::string result_of(const Call& call, const std::string& id, Era spoken);
  bool want_input(const std::string& id, Open& open);
  Ask& wanted_ask(Call& call, std::string_view method, bool url);
  bool misanswer(const std::string& id, Call& call);
  void finish_task(const std::string& task_id);
  std::string task_text(const std::string& id, const Task& task) const;

  void plan_hum();
  void hum();
  void modern_hum();
  void log_for_a_call();
  void tell_listens();
  void tell_listen(const std::string& id, const std::string& name, std::string_view below);
  void end_a_listen();
  void log_something();
  void change_a_list();
  void update_a_resource();
  void stray_note();
  void stray_progress();
  void ask(const Call* owner, std::string_view task_id);
  void press(const std::string& id, const Call& owner);
  bool wants_to_flood() const;
  void flood_updates();
  void write(ServerLine line);
  void write_other(std::string text);
  void pause_reading();
  void forget();
  bool may_speak() const { return running && (initialized_ || discovered_); }

  std::map<std::string, Open> open_;  // By wire id.
  std::set<std::string> open_inquiries_;
  std::map<std::string, Task> tasks_;
  std::map<std::string, MadeTask> made_tasks_;
  std::map<std::string, Ask*> asked_;
  std::set<std::string> watched_;
  std::map<std::string, std::set<std::string>> listens_;  // By wire id: what it grants.
  bool initialized_ = false, discovered_ = false, read_planned_ = false, silent_ = false, refuses_ = false;
  bool flooded_ = false;
  std::size_t level_ = 0;
  int next_ask_ = 0;
  std::string declared_;  // What the broker said that clients can do, as text.
};

}  // namespace sim
