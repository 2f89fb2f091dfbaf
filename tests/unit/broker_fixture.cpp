#include "broker_fixture.h"

namespace test {

Stage::Stage(broker::Options options) : broker(std::move(options), now) {}

Stage::~Stage() = default;

core::ServerSpec Stage::spec() const {
  core::ServerSpec spec;
  spec.name = "files";
  spec.program = "/bin/files";
  spec.directory = spec.scope_directory = "/project";
  return spec;
}

core::SessionId Stage::open(core::ServerSpec spec, Page* page) {
  const core::SessionId id = broker.admit();
  broker.on(broker::SessionOpened{id, std::move(spec),
                                  page != nullptr ? std::span(page->bytes) : std::span<std::byte>(), 7},
            now);
  settle();
  return id;
}

core::SessionId Stage::open() {
  return open(spec());
}

void Stage::says(core::SessionId session, std::string text) {
  const std::size_t length = text.size();
  happens(broker::SessionLine{session,
                              {.bytes = base::Bytes::copy(std::move(text)), .length = length, .id = {}}});
}

void Stage::serves(core::InstanceId instance, std::string text) {
  const std::size_t length = text.size();
  happens(broker::InstanceLine{instance,
                               {.bytes = base::Bytes::copy(std::move(text)), .length = length, .id = {}}});
}

void Stage::happens(broker::Event event) {
  deliver(std::move(event));
  settle();
}

void Stage::deliver(broker::Event event) {
  broker.on(std::move(event), now);
}

void Stage::passes(base::Duration duration) {
  const base::Instant end = now + duration;
  while (broker.deadline() && *broker.deadline() <= end) {
    now = std::max(now, *broker.deadline());
    broker.tick(now);
    settle();
  }
  now = end;
}

Lines Stage::hears(core::SessionId session) {
  return std::exchange(to_session[session], {});
}

Lines Stage::hears(core::InstanceId instance) {
  return std::exchange(to_instance[instance], {});
}

core::SessionId Stage::ready(core::ServerSpec spec, std::string capabilities, std::string revision) {
  const core::SessionId id = open(std::move(spec));
  greet(id, std::move(capabilities), std::move(revision));
  return id;
}

core::SessionId Stage::ready() {
  return ready(spec());
}

void Stage::greet(core::SessionId id, std::string capabilities, std::string revision) {
  says(id, R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":")" + revision +
               R"(","capabilities":)" + capabilities + R"(,"clientInfo":{"name":"test","version":"1"}}})");
  bring_up();
  says(id, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  hears(id);
  if (!started.empty()) hears(started.back());
}

void Stage::bring_up(std::string capabilities) {
  if (pending.empty()) return;
  const core::InstanceId id = pending.front();
  pending.erase(pending.begin());
  broker.on(broker::InstanceStarted{id, 100}, now);
  settle();
  const std::string wire = id_of(to_instance[id].back());
  serves(id, R"({"jsonrpc":"2.0","id":)" + wire +
                 R"(,"result":{"protocolVersion":"2025-11-25","capabilities":)" + capabilities +
                 R"(,"serverInfo":{"name":"s","version":"1"}}})");
}

std::string Stage::id_of(const std::string& message) {
  const auto document = proto::json::parse(message);
  const auto* id = document.root->find("id");
  return message.substr(id->at, id->length);
}

void Stage::settle() {
  for (broker::Action& action : std::exchange(broker.outbox(), {})) {
    if (auto* to = std::get_if<broker::SendToSession>(&action)) {
      to_session[to->session].push_back(to->message.text());
    } else if (auto* wire = std::get_if<broker::SendToInstance>(&action)) {
      to_instance[wire->instance].push_back(wire->message.text());
    } else {
      if (auto* start = std::get_if<broker::StartInstance>(&action)) {
        started.push_back(start->instance);
        pending.push_back(start->instance);
      }
      actions.push_back(std::move(action));
    }
  }
}

}  // namespace test
