// What sessions want to be told (resources, lists, tasks, log levels), and what a server is asked for because
// of it.
//
// A server is told of a wish once for all sessions, and again by a new process. What it says reaches those
// who want it, once each, or later if a client does not read.
#pragma once

#include "broker/context/state.h"

namespace broker {

// A subscriptions/listen that was open under an earlier daemon.
enum class Told : std::uint8_t { by_us, by_an_earlier_daemon };

// interests.cpp

std::string too_many_subscriptions();
void client_subscribes(State& state, core::Session& session, core::Instance& instance,
                       const Scanned& message);
void client_unsubscribes(State& state, core::Session& session, core::Instance& instance,
                         const Scanned& message);
void subscription_step(State& state, core::Instance& instance, const std::string& uri);
void subscription_answered(State& state, core::Instance& instance, const core::Call& call,
                           const Scanned& message);
// Answers the calls that waited for it: with the result, or, if that is empty, with the error.
void subscription_outcome(State& state, core::Instance& instance, const std::string& uri,
                          std::string_view raw_result, std::string_view raw_error);
// Answers them with the error; sessions that are subscribed already stay so.
void subscription_put_off(State& state, core::Instance& instance, const std::string& uri,
                          std::string_view raw_error);
void client_sets_level(State& state, core::Session& session, core::Instance& instance,
                       const Scanned& message);
void level_answered(State& state, core::Instance& instance, const Scanned& message);
void server_logs(State& state, core::Instance& instance, const Scanned& message);
void resource_told(State& state, core::Instance& instance, const std::string& uri);
void resource_updated(State& state, core::Instance& instance, const Scanned& message);
void list_changed(State& state, core::Instance& instance, core::ListKind kind);
void tell_list(State& state, core::Instance& instance, core::ListKind kind);
void flush_lists(State& state, core::Session& session);
void restore_interests(State& state, core::Instance& instance);
// What could not be subscribed to before, or was lost, is asked for now.
void restore_subscriptions(State& state, core::Instance& instance);

// listens.cpp

void client_listens(State& state, core::Session& session, core::Instance& instance, const Scanned& message,
                    Told told = Told::by_us);
// The server is ready: what was asked for is asked for there.
void begin_listens(State& state, core::Instance& instance);
void listen_outcome(State& state, core::Instance& instance, core::CallId listen, const std::string& uri,
                    bool granted);
// The server tells nobody of the resource any more: those that were granted it and have not been told yet.
void refused_to_listens(State& state, core::Instance& instance, const std::string& uri);
void tell_listens(State& state, core::Instance& instance, core::ListKind kind);
void tell_listen(State& state, core::Instance& instance, core::CallId listen, const std::string& uri);
void flush_listen(State& state, core::Instance& instance, core::Listen& listen);
// A modern server has answered for the tasks that were asked of it: those of `granted` will be told of.
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
