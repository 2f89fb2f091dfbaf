// The end of a conversation: the process is gone, or the server has forgotten its session.
#include "broker/calls/calls.h"
#include "broker/interests/interests.h"
#include "broker/questions/questions.h"
#include "broker/servers/servers.h"
#include "broker/tasks/tasks.h"

namespace broker {

using core::Instance;

void end_conversation(State& state, Instance& instance, const std::string& raw_error) {
  questions_lost(state, instance);
  withdraw_asks(state, instance);
  all_outdated(instance);
  instance.subscriptions.upstream_lost();
  tasks_lost(state, instance, raw_error);
  instance.cursors.process_lost();
  for (const core::ListKind kind : core::list_kinds) {
    if (instance.talk.list_changes.pending(kind)) tell_list(state, instance, kind);
  }
  instance.talk = {};
}

}  // namespace broker
