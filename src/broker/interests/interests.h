// What sessions want to be told (resources, lists, tasks, log levels), and what a server is asked for because
// of it.
//
// A server is told of a wish once for all sessions, and again by a new process. What it says reaches those
// who want it, once each, or later if a client does not read.
#pragma once

#include <optional>

#include "broker/context/state.h"
#include "core/listen.h"

namespace broker {

// The daemon that told a client what its subscriptions/listen is granted. If an earlier one did, the listen
// is restored, and its client is not told again.
enum class Told : std::uint8_t { by_us, by_an_earlier_daemon };

// interests.cpp

core::Charge charge_subscription(const core::Session& session, std::string_view uri);
void client_subscribes(State& state, core::Session& session, core::Instance& instance,
                       const Scanned& message);
void client_unsubscribes(State& state, core::Session& session, core::Instance& instance,
                         const Scanned& message);
// Subscribes or unsubscribes at the server, if what it was told of the resource is not what sessions want.
void subscription_step(State& state, core::Instance& instance, const std::string& uri);
void subscription_answered(State& state, core::Instance& instance, const core::Call& call,
                           const Scanned& message);
// The server has granted or refused the resource. Answers those that waited for it: with the result, or, if
// that is empty, with the error.
void subscription_outcome(State& state, core::Instance& instance, const std::string& uri,
                          std::string_view raw_result, std::string_view raw_error);
// The server could not be asked. Answers those that waited with the error; sessions that are subscribed
// already stay so.
void subscription_put_off(State& state, core::Instance& instance, const std::string& uri,
                          std::string_view raw_error);
void client_sets_level(State& state, core::Session& session, core::Instance& instance,
                       const Scanned& message);
// The server has answered our logging/setLevel: all clients that wait for a level get the same answer.
void level_answered(State& state, core::Instance& instance, const Scanned& message);
void server_logs(State& state, core::Instance& instance, const Scanned& message);
// Tells all who want the resource that it has changed; a client that does not read gets the news later.
void resource_told(State& state, core::Instance& instance, const std::string& uri);
// The server says so. Forgets what was cached of it, too.
void resource_updated(State& state, core::Instance& instance, const Scanned& message);
// The server says that a list has changed. Sessions are told at once, or together with the changes that
// follow within a moment (core/list_changes.h).
void list_changed(State& state, core::Instance& instance, core::ListKind kind);
void tell_list(State& state, core::Instance& instance, core::ListKind kind);
// Sends the session the list changes that it has not been told of, if it is ready and reads.
void flush_lists(State& state, core::Session& session);
// A new conversation has begun: asks the server again for everything that sessions want.
void restore_interests(State& state, core::Instance& instance);
// Subscribes to all resources that are wanted and that this conversation is not subscribed to.
void restore_subscriptions(State& state, core::Instance& instance);

// listens.cpp

// A subscriptions/listen: held open until the client or the session ends it. `granted`: what its client was
// told that it is granted, where it comes from another server; it is told nothing else here.
void client_listens(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
                    Told told = Told::by_us, std::optional<core::Filter> granted = std::nullopt);
// The server is ready: asks it for what each listen wants. A listen that was acknowledged before is told that
// everything may have changed.
void begin_listens(State& state, core::Instance& instance);
// The server has granted or refused a resource. When all of its are decided, the listen is acknowledged.
void listen_outcome(State& state, core::Instance& instance, core::CallId listen, const std::string& uri,
                    bool granted);
// The server has refused the resource: takes it out of the listens that are not acknowledged yet.
void refused_to_listens(State& state, core::Instance& instance, const std::string& uri);
void tell_listens(State& state, core::Instance& instance, core::ListKind kind);
void tell_listen(State& state, core::Instance& instance, core::CallId listen, const std::string& uri);
// Sends what was held back for the listen, if its client reads.
void flush_listen(State& state, core::Instance& instance, core::Listen& listen);
// A modern server has been asked to tell of the tasks `asked`, and will tell of those in `granted`.
void listens_decide_tasks(State& state, core::Instance& instance, const std::set<std::string>& asked,
                          const std::set<std::string>& granted);

// upstream_listen.cpp

// Opens or changes what we listen to at a modern server, if somebody wants something else than it tells.
void upstream_step(State& state, core::Instance& instance);
void upstream_acknowledged(State& state, core::Instance& instance, const Scanned& message);
void upstream_tick(State& state, core::Instance& instance);
std::optional<base::Instant> upstream_deadline(const core::Instance& instance);
void upstream_ended(State& state, core::Instance& instance, core::CallId call, const Scanned& message);

}  // namespace broker
