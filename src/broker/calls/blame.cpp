// What a server died of, and what it did before: whether it works at all, and whether it is one call that
// kills it.
//
// The process counts, so for a server that speaks HTTP this is about the server, not about one of its
// channels. One that we did not start does not die: a connection to it breaks.

#include "base/siphash.h"
#include "broker/calls/calls.h"
#include "broker/context/conversations.h"
#include "core/limits.h"
#include "face/to_modern_client.h"
#include "proto/json.h"
#include "proto/members.h"

namespace broker {
namespace {

using core::Call;
using core::CallState;
using core::Instance;

bool ours_to_start(const Instance& server) {
  return !server.spec.program.empty();
}

// From here on arguments are known by their length and their ends, since everybody would wait while the whole
// is read.
constexpr std::size_t long_arguments = std::size_t{64} << 10;

std::uint64_t digest_of_long(std::uint64_t key, const std::string& tool, std::string_view arguments) {
  constexpr std::size_t end = long_arguments / 2;
  std::string known_by = tool + '\0' + std::to_string(arguments.size()) + '\0';
  known_by.append(arguments.substr(0, end)).append(arguments.substr(arguments.size() - end));
  return base::siphash({key, 4}, known_by);
}

// The server has it, and has not answered.
bool is_running(const Call& call) {
  const bool with_server = call.state == CallState::sent || call.state == CallState::asking ||
                           call.state == CallState::following || call.state == CallState::parked ||
                           call.state == CallState::returning;
  return with_server && call.purpose == core::Purpose::forwarded;
}

// f(const Call&) for each that is, in order of ids.
template <class F>
void each_running(const Instance& conversation, F&& f) {
  using enum CallState;
  for (const core::CallId id : conversation.calls.ids_of({sent, asking, following, parked, returning})) {
    const Call& call = *conversation.calls.find(id);
    if (call.purpose == core::Purpose::forwarded) f(call);
  }
}

void note_running(const Instance& conversation, std::vector<core::Suspects::Running>& running) {
  each_running(conversation, [&](const Call& call) {
    if (call.digest != 0) running.push_back({call.digest, call.tool});
  });
}

}  // namespace

bool works_at_something(State& state, Instance& server) {
  bool works = false;
  each_conversation(state, server, [&](Instance& conversation) {
    each_running(conversation, [&](const Call&) { works = true; });
    conversation.talk.tasks.each([&](const std::string&, const core::Task&) { works = true; });
  });
  return works;
}

void identify(const State& state, Call& call, const Scanned& message) {
  if (call.method != proto::Method::tools_call) return;
  const std::string_view params = message.of(message.envelope.params);
  const auto [name, arguments] = proto::members(params, {"name", "arguments"});
  call.tool = proto::json::unquoted(name);
  call.digest = arguments.size() < long_arguments
                    ? face::digest_of(state.options.hash_key, message.of(message.envelope.method), params)
                    : digest_of_long(state.options.hash_key, call.tool, arguments);
}

bool kills_its_server(State& state, Instance& instance, core::CallId wire_id) {
  Instance& server = process_of(state, instance);
  const Call& call = *instance.calls.find(wire_id);
  const core::Suspect* suspect = call.digest != 0 ? server.suspects.refuse(call.digest, state.now) : nullptr;
  if (suspect == nullptr) return false;
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(core::limits::suspect_kept).count();
  fail(state, instance, wire_id,
       error_about(instance,
                   "the tool " + suspect->tool + " with these arguments has ended it " +
                       std::to_string(suspect->deaths) + " times in a row (it " + suspect->how +
                       "), so this call is not sent; change the arguments, or try again in " +
                       std::to_string(minutes) + " minutes or after: hearth restart " + server.spec.name,
                   false));
  return true;
}

void has_answered(State& state, Instance& instance, const Call& call, const Scanned& message) {
  Instance& server = process_of(state, instance);
  // Over HTTP the end of a connection is an error of our own.
  if (instance.channel_of && proto::made_here(message.of(message.envelope.error))) {
    if (ours_to_start(server) && call.digest != 0 && is_running(call))
      server.lost_lately.push_back({state.now, {call.digest, call.tool}});
    if (server.lost_lately.size() > core::limits::suspects_per_instance) server.lost_lately.pop_front();
    return;
  }
  instance.use.last = state.now;
  instance.supervision.answered();
  server.supervision.answered();
  const bool over = message.of(message.envelope.result_type) != R"("input_required")";
  if (call.digest != 0 && over) server.suspects.answered(call.digest);
}

void channel_broke(State& state, Instance& channel) {
  Instance& server = process_of(state, channel);
  if (!ours_to_start(server)) return;
  std::vector<core::Suspects::Running> running;
  note_running(channel, running);
  for (core::Suspects::Running& one : running) server.lost_lately.push_back({state.now, std::move(one)});
  while (server.lost_lately.size() > core::limits::suspects_per_instance) server.lost_lately.pop_front();
}

void blame(State& state, Instance& server, const std::string& how) {
  std::vector<core::Suspects::Running> running;
  each_conversation(state, server, [&](Instance& conversation) { note_running(conversation, running); });
  for (auto& [when, one] : std::exchange(server.lost_lately, {})) {
    if (state.now - when <= core::limits::lost_with_server) running.push_back(std::move(one));
  }
  server.suspects.died(running, how, state.now);
}

}  // namespace broker
