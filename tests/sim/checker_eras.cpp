// What must hold where a client and its server are of different eras, and towards modern servers in general.
#include <algorithm>
#include <array>
#include <map>

#include "sim/checker.h"
#include "sim/wire.h"
#include "sim/world.h"

namespace sim {

namespace {

using Members = std::map<std::string, std::string>;
using Names = std::initializer_list<std::string_view>;

// The members of an object, raw, but for some.
Members members_of(const Read& message, const proto::json::Value* object, Names but = {}) {
  Members all;
  if (object == nullptr) return all;
  for (const proto::json::Member& member : object->members) {
    const bool left_out = std::ranges::any_of(but, [&](std::string_view name) { return member.key == name; });
    if (!left_out) all[member.key] = message.raw(&member.value);
  }
  return all;
}

const Names claim_keys{"io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientInfo",
                       "io.modelcontextprotocol/clientCapabilities", "io.modelcontextprotocol/logLevel",
                       "progressToken"};

// What a request says beside what only one of the eras has.
std::pair<Members, Members> essence(const Read& message) {
  const auto* params = message.find("params");
  return {members_of(message, params, {"_meta", "task", "inputResponses", "requestState"}),
          members_of(message, params == nullptr ? nullptr : params->find("_meta"), claim_keys)};
}

// What is said where nobody has answered.
std::string_view unanswered(std::string_view method) {
  return method == "elicitation/create" ? "{\"action\":\"cancel\"}" : "{\"roots\":[]}";
}

// Hearth says of a modern server's tools that they may be called as tasks, also where the server has left its
// list out.
std::string without_task_support(std::string text, bool has_tools) {
  constexpr std::string_view made_up = "\"tools\":[],";
  const std::size_t empty = has_tools ? std::string::npos : text.find(made_up);
  if (empty != std::string::npos) text.erase(empty, made_up.size());
  constexpr std::string_view said = "\"execution\":{\"taskSupport\":\"optional\"},";
  if (const std::size_t at = text.find(said); at != std::string::npos) text.erase(at, said.size());
  return text;
}

// The same of what their clients can do.
std::string without_tasks(std::string text) {
  const std::string said = "\"extensions\":" + std::string(tasks_extension);
  for (const std::string& all : {"," + said, said + ",", said}) {
    const std::size_t at = text.find(all);
    if (at != std::string::npos) return text.erase(at, all.size());
  }
  return text;
}

}  // namespace

void Checker::check_era(Server& server, const Read& message, const std::string& text) {
  const bool claims = era_of(message) == Era::modern;
  if (server.era == Era::legacy) {
    if (claims) broken("a legacy server sees no claim", text);
    return;
  }
  if (!claims) broken("a modern server is told who asks with each request", text);
  constexpr std::array<std::string_view, 8> gone{
      "initialize", "ping",         "logging/setLevel", "resources/subscribe", "resources/unsubscribe",
      "tasks/list", "tasks/result", "roots/list"};
  if (std::ranges::find(gone, message.method()) != gone.end())
    broken("what only legacy servers know reaches no modern one", text);
}

void Checker::check_claim(const Read& message, const std::string& name, const std::string& capabilities,
                          const std::string& text) {
  const auto* meta = message.find("_meta", "params");
  const auto* version = meta == nullptr ? nullptr : meta->find("io.modelcontextprotocol/protocolVersion");
  const auto* info = meta == nullptr ? nullptr : meta->find("io.modelcontextprotocol/clientInfo");
  const auto* declared = meta == nullptr ? nullptr : meta->find("io.modelcontextprotocol/clientCapabilities");
  const bool complete = version != nullptr && version->text == "2026-07-28" && info != nullptr &&
                        info->string_or("name", "") == name && declared != nullptr &&
                        declared->type == proto::json::Type::object;
  if (!complete) return broken("a modern server is told completely who asks", text);
  if (!capabilities.empty() && without_tasks(message.raw(declared)) != capabilities)
    broken("a modern server is told what the client can do", text + " instead of " + capabilities);
}

bool Checker::says_the_same(const Read& one, const Read& other) {
  return one.method() == other.method() && essence(one) == essence(other);
}

void Checker::check_bridged(Server& server, const Call& call, const Read& message, const std::string& text) {
  const Client& client = world_.clients[static_cast<std::size_t>(call.client)];
  if (server.era == Era::modern)
    check_claim(message, "client" + std::to_string(client.number), client.capabilities, text);
  if (!says_the_same(message, Read(call.text)))
    broken("a request says to the other era what its client wrote", text + " instead of " + call.text);
  if (server.era == Era::modern) return check_made_again(call, message, text);
  for (const std::string_view name : {"inputResponses", "requestState"}) {
    if (message.find(name, "params") != nullptr) broken("a legacy server sees no answers in a request", text);
  }
}

// With what its server wanted to know, and nothing else.
void Checker::check_made_again(const Call& call, const Read& message, const std::string& text) {
  const auto* responses = message.find("inputResponses", "params");
  const std::string state = message.raw(message.find("requestState", "params"));
  if (!call.asking) {
    if (responses != nullptr || !state.empty()) broken("a call brings answers when it was asked", text);
    return;
  }
  if (state != call.state) broken("a call that is made again brings its server's state", text);
  check_brought(call, message, text);
}

void Checker::check_brought(const Call& call, const Read& message, const std::string& text) {
  Members given = members_of(message, message.find("inputResponses", "params"));
  for (const Wanted& wanted : call.wanted) {
    const std::string answer = given[wanted.key];
    given.erase(wanted.key);
    if (wanted.ask == nullptr) {
      const std::string number = std::to_string(call.client);
      const bool desk = world_.clients[static_cast<std::size_t>(call.client)].people > 1;
      const std::string place = number + (desk ? "p" + std::to_string(call.person) : "");
      const bool of_client = answer.find("file:///c" + place + "/") != std::string::npos ||
                             answer.find("file:///shared/") != std::string::npos ||
                             answer.find("\"by\":\"c" + number + "\"") != std::string::npos;
      if (answer != unanswered(wanted.method) && !of_client)
        broken("roots are those of the client whose call it is", text);
      continue;
    }
    const bool none = wanted.ask->payload.empty() || wanted.ask->refused;
    if (answer != (none ? unanswered(wanted.method) : std::string_view(wanted.ask->payload)))
      broken("a call that is made again brings the client's answers", text);
    wanted.ask->answered = true;
  }
  if (!given.empty()) broken("a call that is made again brings what was asked for", text);
}

// Whether that is what the server answered, as the client's era says it.
bool Checker::fits(const Call& call, const Read& message, const std::string& payload) const {
  if (call.era == Era::modern) {
    const Call* run = call.reached > 0 ? &call : first_of(call).run;
    return run != nullptr && fits_modern(call, *run, message, payload);
  }
  // Where that one was cancelled before its task came, the broker takes the task for the first one's still.
  for (const Call* by = call.displaced_by; by != nullptr; by = by->displaced_by) {
    if (!by->outcome.empty() && named_numbers(payload, "marker") == named_numbers(by->outcome, "marker"))
      return true;
  }
  const bool failed_call = call.method == "tools/call" && payload.contains("\"isError\":true");
  if (failed_call && Read(call.payload).code() == -32021) return true;
  const bool of_task = call.method.starts_with("tasks/") || call.wants_task;
  const bool result = message.find("error") == nullptr;
  const Server* const server =
      call.server != nullptr ? call.server
                             : world_.hands.server_of(world_.clients[static_cast<std::size_t>(call.client)]);
  if (of_task && result && server != nullptr && server->era == Era::modern)
    return fits_task(call, message, payload);
  if (payload == call.payload || call.payload.empty()) return payload == call.payload;
  if (call.server == nullptr || call.server->era == call.era) return false;
  const Read said(call.payload);
  const std::string plain = without_task_support(payload, said.find("tools") != nullptr);
  const Read given(plain);
  if (call.era == Era::legacy) {
    if (failed_call && asked_to_sample(call)) return true;  // It was not answered.
    if (message.find("error") == nullptr)
      return members_of(given, given.root()) ==
             members_of(said, said.root(), {"resultType", "ttlMs", "cacheScope"});
    const int code = said.code() == -32021 ? -32602 : said.code() == -32022 ? -32603 : said.code();
    return given.code() == code &&
           members_of(given, given.root(), {"code"}) == members_of(said, said.root(), {"code"});
  }
  return false;
}

void Checker::listened_to(Server& server, const Read& message, const std::string& id,
                          const std::string& text) {
  check_claim(message, "hearth", "", text);
  if (!server.opening.empty()) broken("one listen at a time is opened at a modern server", text);
  server.opening.insert(id);
  server.wished[id] = filter_of(message);
}

void Checker::acknowledged(Server& server, const ServerLine& line) {
  if (server.opening.erase(line.name) == 0) return;
  server.listen = line.name;
  server.subscribed.clear();
  for (const std::string& name : server.wished[line.name]) {
    if (name.ends_with("/list_changed")) continue;
    if (line.granted.contains(name)) {
      server.subscribed[name] = true;
    } else {
      subscription_refused(server, name);
    }
  }
}

// What it would have said until there is another, nobody knows: all have to look again.
void Checker::listen_ended(Server& server, const ServerLine& line) {
  server.opening.erase(line.name);
  if (line.name != server.listen) return;
  server.listen.clear();
  server.subscribed.clear();
  if (server.stopping) return;
  for (const std::string& name : server.wished[line.name]) listens_are_due(server, name);
  for (Client& client : world_.clients) {
    if (!client.session || !client.initialized_fed || world_.hands.server_of(client) != &server) continue;
    if (!client.initialize_answered) continue;
    for (const std::string& name : server.wished[line.name]) {
      const auto wish = client.uris.find(name);
      const bool granted =
          wish != client.uris.end() && wish->second == nullptr && !client.vague_uris.contains(name);
      if (name.ends_with("/list_changed") || granted) client.news[name].due = now();
    }
  }
}

}  // namespace sim
