#include "core/parks.h"

#include <algorithm>

#include "base/ensure.h"

namespace core {
namespace {

std::optional<base::Instant> first_due(const Park& park) {
  if (!park.round_due || !park.deadline) return park.round_due ? park.round_due : park.deadline;
  return std::min(*park.round_due, *park.deadline);
}

template <class Index, class Key>
void erase_from(Index& index, const Key& key, ParkId id) {
  const auto found = index.find(key);
  ensure(found != index.end());
  found->second.erase(id);
  if (found->second.empty()) index.erase(found);
}

template <class Index, class Key>
std::vector<ParkId> ids_of(const Index& index, const Key& key) {
  const auto found = index.find(key);
  if (found == index.end()) return {};
  return {found->second.begin(), found->second.end()};
}

}  // namespace

namespace {

AccountId widest(const Park& park) {
  return park.account.widest().id();
}

std::size_t size_of(const ParkedAsk& ask) {
  return sizeof ask + ask.server_id.size() + ask.request.size();
}

}  // namespace

std::size_t Parks::size_of(const Park& park) const {
  std::size_t size = park.finished() ? park.outcome->raw.size() : park.request;
  for (const ParkedAsk& ask : park.asks) size += core::size_of(ask);
  for (const std::string& text : park.tickets) {
    const Ticket& ticket = tickets_.at(text);
    size += sizeof ticket + (ticket.replay ? ticket.replay->raw.size() : 0);
  }
  return size;
}

void Parks::link(ParkId id) {
  Park& park = all_.at(id);
  by_instance_[park.instance].insert(id);
  by_session_[park.session].insert(id);
  if (park.finished()) {
    Finished& finished = finished_[widest(park)];
    (park.attached ? finished.seen : finished.unseen).insert(id);
  }
  park.charge = Charge(park.account, park.finished() ? Kept::outcome : Kept::parked, size_of(park));
  agenda_.move(id, std::nullopt, first_due(park));
}

void Parks::unlink(ParkId id) {
  Park& park = all_.at(id);
  erase_from(by_instance_, park.instance, id);
  erase_from(by_session_, park.session, id);
  if (park.finished()) {
    const auto finished = finished_.find(widest(park));
    (park.attached ? finished->second.seen : finished->second.unseen).erase(id);
    if (finished->second.seen.empty() && finished->second.unseen.empty()) finished_.erase(finished);
  }
  park.charge = {};
  agenda_.move(id, first_due(park), std::nullopt);
}

template <class Change>
void Parks::change(ParkId id, Change&& how) {
  // The account may be that of a session that has ended, and stay for this charge only.
  const Charge until_linked = std::move(all_.at(id).charge);
  unlink(id);
  how(all_.at(id));
  link(id);
}

void Parks::forget_question(InstanceId instance, const ParkedAsk& ask) {
  if (!ask.server_id.empty()) questions_.erase({instance, ask.server_id});
}

ParkId Parks::insert(Park park) {
  const ParkId id = ++last_;
  std::vector<ParkedAsk> asks = std::exchange(park.asks, {});
  all_.emplace(id, std::move(park));
  link(id);
  for (ParkedAsk& one : asks) ask(id, std::move(one));
  return id;
}

const Park* Parks::find(ParkId id) const {
  const auto found = all_.find(id);
  return found != all_.end() ? &found->second : nullptr;
}

const Park& Parks::at(ParkId id) const {
  const Park* found = find(id);
  ensure(found != nullptr);
  return *found;
}

Park Parks::take(ParkId id) {
  drop_tickets(id);
  unlink(id);
  Park park = std::move(all_.at(id));
  all_.erase(id);
  for (const ParkedAsk& ask : park.asks) forget_question(park.instance, ask);
  return park;
}

void Parks::drop_tickets(ParkId id) {
  for (const std::string& ticket : std::exchange(all_.at(id).tickets, {})) tickets_.erase(ticket);
}

void Parks::ask(ParkId id, ParkedAsk ask) {
  Park& park = all_.at(id);
  if (ask.key.empty()) ask.key = "q" + std::to_string(++park.keys);
  if (!ask.server_id.empty()) questions_[{park.instance, ask.server_id}] = id;
  park.charge.resize(park.charge.bytes() + core::size_of(ask));
  park.asks.push_back(std::move(ask));
}

std::optional<ParkedAsk> Parks::answered(ParkId id, std::string_view key) {
  Park& park = all_.at(id);
  const auto found = std::ranges::find(park.asks, key, &ParkedAsk::key);
  if (found == park.asks.end()) return std::nullopt;
  ParkedAsk ask = std::move(*found);
  park.asks.erase(found);
  park.charge.resize(park.charge.bytes() - core::size_of(ask));
  forget_question(park.instance, ask);
  return ask;
}

bool Parks::withdraw(InstanceId instance, std::string_view server_id) {
  const auto found = questions_.find({instance, std::string(server_id)});
  if (found == questions_.end()) return false;
  Park& park = all_.at(found->second);
  std::erase_if(park.asks, [&](const ParkedAsk& ask) { return ask.server_id == server_id; });
  park.charge.resize(size_of(park));
  questions_.erase(found);
  return true;
}

bool Parks::has_question(InstanceId instance, std::string_view server_id) const {
  return questions_.contains({instance, std::string(server_id)});
}

void Parks::drop_questions(ParkId id) {
  Park& park = all_.at(id);
  for (const ParkedAsk& ask : std::exchange(park.asks, {})) forget_question(park.instance, ask);
  park.charge.resize(size_of(park));
}

void Parks::set_round_due(ParkId id, std::optional<base::Instant> due) {
  change(id, [&](Park& park) { park.round_due = due; });
}

void Parks::send_away(ParkId id, base::Instant deadline) {
  change(id, [&](Park& park) {
    park.attached = false;
    park.round_due.reset();
    park.deadline = deadline;
  });
}

void Parks::present(ParkId id, std::string ticket) {
  all_.at(id).presented = std::move(ticket);
}

void Parks::hand_over(ParkId id, SessionId session, Account account) {
  change(id, [&](Park& park) {
    park.attached = true;
    park.session = session;
    park.account = account;
    park.deadline.reset();
  });
}

void Parks::finish(ParkId id, Outcome outcome, base::Instant deadline) {
  drop_questions(id);
  change(id, [&](Park& park) {
    park.round_due.reset();
    park.outcome = std::move(outcome);
    park.deadline = deadline;
  });
}

void Parks::add_ticket(ParkId id, std::string text) {
  Park& park = all_.at(id);
  park.tickets.push_back(text);
  tickets_[std::move(text)] = {.park = id, .replay = {}};
  park.charge.resize(size_of(park));
}

void Parks::replay(std::string_view ticket, Outcome outcome) {
  const auto found = tickets_.find(ticket);
  if (found == tickets_.end()) return;
  found->second.replay = std::move(outcome);
  Park& park = all_.at(found->second.park);
  park.charge.resize(size_of(park));
}

const Ticket* Parks::ticket(std::string_view text) const {
  const auto found = tickets_.find(text);
  return found != tickets_.end() ? &found->second : nullptr;
}

std::vector<ParkId> Parks::of_instance(InstanceId instance) const {
  return ids_of(by_instance_, instance);
}

std::vector<ParkId> Parks::of_session(SessionId session) const {
  return ids_of(by_session_, session);
}

std::optional<ParkId> Parks::oldest_finished(Account account) const {
  const auto found = finished_.find(account.widest().id());
  if (found == finished_.end()) return std::nullopt;
  for (const std::set<ParkId>* each : {&found->second.seen, &found->second.unseen}) {
    if (!each->empty()) return *each->begin();
  }
  return std::nullopt;
}

}  // namespace core
