// What must hold for requests that several clients make: one answer may be everybody's who asked the same, if
// it is of their own server, young enough for each of them, and theirs to see.
#include <algorithm>

#include "core/limits.h"
#include "sim/checker.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

// Whether one of these moments lies between.
bool any_between(const std::vector<std::size_t>& moments, std::size_t first, std::size_t last) {
  return std::ranges::any_of(moments, [&](std::size_t moment) { return first < moment && moment < last; });
}

std::string list_of(const std::string& method) {
  return "notifications/" + method.substr(0, method.find('/')) + "/list_changed";
}

}  // namespace

bool Checker::may_have_effect(const Call& call) {
  return call.method == "tools/call" || call.method == "prompts/get" || call.method == "acme/do";
}

void Checker::given_up(const Call& call) {
  if (!call.equal.empty()) given_up_[call.equal] = count_;
}

void Checker::inquiry_to(Server& server, const Read& message, const std::string& id,
                         const std::string& text) {
  const Call* of = nullptr;
  for (const Client& client : world_.clients) {
    if (!client.session || world_.hands.server_of(client) != &server) continue;
    for (const auto& [own_id, call] : client.pending) {
      const bool same =
          !call->equal.empty() && (call->era == server.era ? with_ids(*call, id, "") == text
                                                           : says_the_same(message, Read(call->text)));
      if (same) of = call;
    }
  }
  if (of == nullptr) return broken("a server is asked what one of its clients asks", text);
  if (++inquired_[of->equal] > wished_[of->equal])
    return broken("a server is not asked more often than its clients ask", text);
  Inquiry& inquiry = world_.truth.inquiries.emplace_back();
  inquiry.number = static_cast<int>(world_.truth.inquiries.size()) - 1;
  inquiry.server = &server;
  inquiry.id = id;
  inquiry.equal = of->equal;
  inquiry.era = server.era;
  inquiry.asked_at = count_;
  for (const Client& client : world_.clients) {
    if (text.contains("\"client" + std::to_string(client.number) + "\""))
      inquiry.principal = client.principal;
  }
  server.inquiries[id] = &inquiry;
}

// True: that is what it does.
bool Checker::cancels_inquiry(Server& server, const std::string& id, const std::string& text) {
  const auto found = server.inquiries.find(id);
  if (found == server.inquiries.end()) return false;
  Inquiry& inquiry = *found->second;
  const bool moved = text.contains("the session has another server now");
  if (given_up_[inquiry.equal] <= inquiry.asked_at && !moved)
    broken("only its own session cancels a call", text);
  if (std::exchange(inquiry.cancel_sent, true)) broken("a call is cancelled once", text);
  if (inquiry.told) broken("what a server has answered is not cancelled", text);
  return true;
}

void Checker::check_told(const Client& client, const Call& call, const Read& message,
                         const std::string& text) {
  const auto numbers = named_numbers(text, "asked");
  if (numbers.size() != 1) return broken("a list or resource is as a server told it", text);
  const Inquiry& inquiry = world_.truth.inquiries[static_cast<std::size_t>(numbers.front())];
  if (inquiry.equal != call.equal) return broken("a client is answered what it asked", text);
  if (!inquiry.told || inquiry.cancel_sent || !text.contains(inquiry.body) || inquiry.error != call.failed)
    return broken("a list or resource is as a server told it", text);
  // A session with other roots may move in the turn in which it is answered, one whose entry has changed
  // before.
  const Family& family = world_.families[client.family];
  const bool moves = family.spec.roots == core::RootsRule::equal || !family.args_before.empty();
  if (inquiry.server->ended || (!moves && world_.hands.server_of(client) != inquiry.server))
    return broken("what a server told is not given when it has ended, or to others' clients", text);
  const bool apart = inquiry.era == Era::modern && !(inquiry.for_all && !call.failed);
  if (apart && inquiry.principal != client.principal)
    return broken("principals do not share what is for one of them", text);
  check_age(call, inquiry, message, text);
}

// A call after a change is never answered with what the server was asked before the change.
void Checker::check_age(const Call& call, const Inquiry& inquiry, const Read& message,
                        const std::string& text) {
  const base::Duration age = now() - *inquiry.told;
  const bool list = call.method != "resources/read";
  const bool kept =
      inquiry.era == Era::legacy && (call.method == "tools/list" || call.method == "prompts/list");
  const base::Duration most = kept ? core::limits::legacy_list_kept : inquiry.good_for;
  if (age > base::Duration(0) && age >= most) broken("an answer is given again while it is good", text);
  if (call.failed && age > base::Duration(0)) broken("an error is not given again", text);
  const auto* ttl = message.find("ttlMs", "result");
  if (inquiry.era == Era::modern && call.era == Era::modern && !call.failed) {
    const auto left = std::chrono::floor<std::chrono::milliseconds>(inquiry.good_for - age);
    if (ttl == nullptr || std::stoll(ttl->text) > left.count())
      broken("an answer does not say that it is good for longer than it is", text);
  }
  for (const auto& [name, moments] : inquiry.server->changed) {
    const std::string uri = list ? std::string() : call.equal.substr(call.equal.find("\"uri\":\"") + 7);
    const std::string plain = list ? uri : uri.substr(0, uri.find('"'));
    const bool about =
        list ? name == list_of(call.method) : is_part_of(name, plain) || is_part_of(plain, name);
    if (about && any_between(moments, inquiry.asked_at, call.fed_at))
      broken("nobody is answered with what is known to have changed before he asked", text);
  }
  if (list && any_between(inquiry.server->effects, inquiry.asked_at, call.fed_at))
    broken("nobody is given a list from before a call that may have changed it", text);
}

}  // namespace sim
