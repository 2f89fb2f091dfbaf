// Every queue, count and wait of the pure half, with its reason.
//
// What a person may want to change stands in ServerSpec instead and has its default there.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "core/kept.h"

namespace core::limits {

// Questions of a server that one session has not answered, or that are held until it is known whose they are.
inline constexpr std::size_t asks_per_session = 64;

// What may be kept because of a client (core/account.h). Beyond it the client that caused it is refused, is
// not read for a while, or loses the oldest of its own; which of these, and why so many, stands with each.
inline constexpr Allowances allowances = [] {
  constexpr std::size_t kib = 1024;
  constexpr std::size_t mib = 1024 * kib;
  Allowances all{};
  const auto of = [&all](Kept kind) -> Allowance& { return all[static_cast<std::size_t>(kind)]; };
  // Then the client is not read until some are answered. Kept are requests between eras, those that share
  // another's answer, and names that are as long as messages.
  of(Kept::request) = {.session = {any_number, 64 * mib}, .principal = {any_number, any_number}};
  // Then the client is not read until some have left. One message may always wait, however long.
  of(Kept::waiting) = {.session = {any_number, 4 * mib}, .principal = {any_number, any_number}};
  // The oldest is forgotten for each new one. A session that cancels as many while the first may still be
  // running has to wait before it makes another call.
  of(Kept::cancelled) = {.session = {1000, 4 * mib}, .principal = {8000, 32 * mib}};
  // Each holds a call in a server for as long as a person may take to answer. Further questions are declined.
  of(Kept::parked) = {.session = {256, 16 * mib}, .principal = {256, 16 * mib}};
  // Of calls that have ended, for a client that may present their tickets again: the oldest goes.
  of(Kept::outcome) = {.session = {256, 16 * mib}, .principal = {256, 16 * mib}};
  // The oldest is given up. The last is kept whatever its size.
  of(Kept::task_result) = {.session = {any_number, 16 * mib}, .principal = {any_number, any_number}};
  // People answer one at a time. Further questions are declined.
  of(Kept::question) = {.session = {asks_per_session, mib}, .principal = {16 * asks_per_session, 16 * mib}};
  // A desk of HTTP clients has one for each of them.
  of(Kept::listen) = {.session = {256, mib}, .principal = {2048, 8 * mib}};
  // Each is replayed after a crash, and costs each update of its resource a message.
  of(Kept::subscription) = {.session = {1024, mib}, .principal = {8192, 8 * mib}};
  // Beyond it a client is told of the resources that it has subscribed to, which stand for all that is in
  // them.
  of(Kept::update) = {.session = {1024, 4 * mib}, .principal = {8192, 32 * mib}};
  return all;
}();

// Objects of one kind that a session may have.
constexpr std::size_t most(Kept kind) {
  return allowances[static_cast<std::size_t>(kind)].session.objects;
}

// A session may have this many requests unanswered; then its client is not read until some are answered. No
// client is known to use more than a few dozen; the number bounds the journal page (proto/journal.h).
inline constexpr std::size_t calls_per_session = 1000;
inline constexpr std::size_t calls_per_session_resume = 900;

// Questions of one modern call come together when they come within this time of the first: a client makes few
// rounds (the SDKs ten).
inline constexpr base::Duration questions_together = std::chrono::milliseconds(20);

// How often a modern server may ask for input before it answers one call, and how long it is left alone when
// it asks for nothing but to be asked again.
inline constexpr int rounds_most = 10;
inline constexpr base::Duration round_pause = std::chrono::milliseconds(250);

// A server that says nothing to server/discover is greeted the old way after this: clients wait for their
// initialize meanwhile, some of them no longer than ten seconds.
inline constexpr base::Duration probe_wait = std::chrono::seconds(2);

// A listen over HTTP that was replaced is heard for this long: its stream is another than that of the new
// one.
inline constexpr base::Duration replaced_listen = std::chrono::seconds(1);

// A listen of ours that broke is opened again after 250 ms, doubled each time up to this.
inline constexpr base::Duration listen_again_most = std::chrono::seconds(30);

// How often a server is asked how a task stands, if it does not say, at most, and at least: whatever it says,
// a client that waits hears of the end within a minute.
inline constexpr std::chrono::milliseconds task_poll{1000};
inline constexpr std::chrono::milliseconds task_poll_least{50};
inline constexpr std::chrono::milliseconds task_poll_most = std::chrono::minutes(1);

// Questions of one task that nobody has answered. People answer one at a time.
inline constexpr std::size_t asks_per_task = 64;

// What a call came to is kept for a client that lost the answer and presents its ticket again.
inline constexpr base::Duration replay_for = std::chrono::minutes(2);

// One update that waits for a client that does not read may be so long.
inline constexpr std::size_t update_held_bytes = std::size_t{4} << 10;

// Tasks and URL elicitations whose owner is remembered, per instance; the oldest is forgotten first.
inline constexpr std::size_t tasks_per_instance = 4096;
inline constexpr std::size_t elicitations_per_instance = 1024;

// Tasks of modern servers whose owner is remembered, in the whole daemon. They outlive their sessions.
inline constexpr std::size_t tasks_owned = 16384;

// Cursors that are remembered of a server's process, and of those before it.
inline constexpr std::size_t cursors_per_instance = 4096;

// Tools that are known only to read, per conversation with a server. Calls of others count as having effects.
inline constexpr std::size_t read_only_tools = 4096;

// What is kept of a server's answers, per conversation with it. Lists are a few dozen KiB at most servers,
// and a single large resource must not push all of them out.
inline constexpr std::size_t cache_entries = 256;
inline constexpr std::size_t cache_bytes = std::size_t{8} << 20;
inline constexpr std::size_t cache_bytes_each = cache_bytes / 4;

// However long a modern server says that its answer is good for: a typing error in a number of milliseconds
// must not outlive a night.
inline constexpr base::Duration cache_longest = std::chrono::hours(12);

// A legacy server's lists, where it has promised to tell when they change: for as long as it takes a crowd of
// sessions to open, since not every server keeps that promise.
inline constexpr base::Duration legacy_list_kept = std::chrono::minutes(1);

// A request that has had no answer for this long is joined by nobody any more: who asks again because it
// hangs shall not hang with it.
inline constexpr base::Duration join_within = std::chrono::seconds(10);

// A cancelled call is remembered until its late answer comes, or this long.
inline constexpr base::Duration tombstone = std::chrono::minutes(5);

// For this long after a call was cancelled its handler may still be running and writing log lines.
inline constexpr base::Duration ghost = std::chrono::seconds(30);

// For this long it may still be asking: a question that could be its waits, and so do calls of others at a
// server that asks. Handlers that heed a cancellation end within milliseconds; for those that do not nobody
// is kept waiting longer.
inline constexpr base::Duration ending = std::chrono::seconds(1);

// List changes of one kind that arrive within this time are told to sessions once.
inline constexpr base::Duration list_change_window = std::chrono::milliseconds(50);

// How long a server's roots/list waits for the sessions' own answers.
inline constexpr base::Duration roots_wait = std::chrono::seconds(5);

// When memory is short a server is stopped only when it has been unused for so long, or it would be stopped
// and started in turns, and only if it holds so much: a process cannot be had for less.
inline constexpr base::Duration unused_least = std::chrono::seconds(10);
inline constexpr std::uint64_t memory_worth_stopping = std::uint64_t{2} << 20;

// After a crash: 250 ms, doubled for each failure in a row, which is a start that led to no answer. After
// five the server counts as failed; a minute later one further attempt is made, if somebody still wants it.
inline constexpr base::Duration backoff_first = std::chrono::milliseconds(250);
inline constexpr std::uint32_t failures_most = 5;
inline constexpr base::Duration cool_down = std::chrono::minutes(1);

// A call that was running at so many deaths of its server in a row is not sent to it any more, for so long
// after the last of them. A model that sees an error tries again once or twice.
inline constexpr std::uint32_t deaths_of_one_call = 3;
inline constexpr base::Duration suspect_kept = std::chrono::minutes(10);

// Calls that were running when their server died, per server; the ones with the fewest deaths are
// forgotten first.
inline constexpr std::size_t suspects_per_instance = 64;

// The connections of a server that speaks HTTP break before its end is known, by no more than this.
inline constexpr base::Duration lost_with_server = std::chrono::seconds(5);

// A failed server without sessions is remembered this long, for `hearth status` and for its breaker.
inline constexpr base::Duration remember_failed = std::chrono::minutes(10);

// However talkative a starting server is, it must be ready after this many start timeouts.
inline constexpr int start_extensions_most = 10;

}  // namespace core::limits
