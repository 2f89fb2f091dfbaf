#include "app/servers/upstreams.h"

#include <utility>

namespace app {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return text;
}

}  // namespace

Upstreams::Upstreams(Hands hands) : hands_(std::move(hands)), http_(hands_.loop) {}

Upstreams::~Upstreams() = default;

bool Upstreams::empty() const {
  bool any = false;
  servers_.each([&](Server&) { any = true; });
  channels_.each([&](Channel&) { any = true; });
  return !any;
}

void Upstreams::start(const broker::StartInstance& action) {
  if (action.channel_of) {
    start_channel(action);
  } else {
    start_server(action);
  }
}

WebServer::Events Upstreams::server_events(core::InstanceId id, const std::string& name) {
  const auto end = [this, id] {
    if (std::unique_ptr<Server> server = servers_.take(id)) hands_.loop.retire(std::move(server));
  };
  return {.on_started = [this, id](std::int64_t pid) { hands_.feed(broker::InstanceStarted{id, pid}); },
          .on_answers = [this, id] { hands_.feed(broker::InstanceAnswers{id}); },
          .on_spoke = [this, id] { hands_.feed(broker::InstanceSpoke{id}); },
          .on_moved = [this, id](std::int64_t pid) { hands_.feed(broker::InstanceMoved{id, pid}); },
          .on_start_failed =
              [this, id, end](std::string why) {
                end();
                hands_.feed(broker::InstanceStartFailed{id, std::move(why)});
              },
          .on_gone =
              [this, id, end, name](const io::Gone& gone) {
                end();
                hands_.log(broker::Severity::info, "server " + name + " ended: " + gone.how);
                hands_.feed(broker::InstanceExited{id, gone.how, gone.last_words, gone.clean});
              }};
}

void Upstreams::start_server(const broker::StartInstance& action) {
  const core::InstanceId id = action.instance;
  auto web = std::make_unique<WebServer>(WebServer::Hands{hands_.loop, hands_.children, http_}, action,
                                         hands_.log_dir + '/' + action.name + ".log",
                                         server_events(id, action.name));
  servers_.put(id, std::make_unique<Server>(Server{id, std::move(web)}));
}

void Upstreams::start_channel(const broker::StartInstance& action) {
  const core::InstanceId id = action.instance;
  const Server* server = servers_.find(*action.channel_of);
  if (server == nullptr) {
    hands_.feed(broker::InstanceStartFailed{id, "its server has just ended"});
    return;
  }
  proto::HttpFields fields;
  for (const auto& [name, value] : action.address.headers) fields.add(name, value);
  Channel& channel = channels_.put(
      id, std::make_unique<Channel>(
              Channel{.id = id, .of = *action.channel_of, .name = action.name, .link = {}, .helper = {}}));
  if (action.address.headers_helper.empty()) {
    open_link(id, action, std::move(fields));
    return;
  }
  channel.helper = HeadersHelper::start(
      hands_.loop, hands_.children,
      {.command = action.address.headers_helper,
       .directory = action.directory,
       .environment = action.environment.map(),
       .inheritance = action.inheritance},
      [this, id, action, fields](base::Result<proto::HttpFields> found) mutable {
        Channel* waiting = channels_.find(id);
        if (waiting == nullptr) return;
        hands_.loop.retire(std::move(waiting->helper));
        if (!found) {
          hands_.loop.retire(channels_.take(id));
          hands_.feed(broker::InstanceStartFailed{id, "its headersHelper: " + found.error().what});
          return;
        }
        // What is made anew each time counts before what stands in the file.
        std::erase_if(fields.all, [&](const auto& field) { return found->has(lower(field.first)); });
        for (const auto& [name, value] : found->all) fields.add(name, value);
        open_link(id, action, std::move(fields));
      });
}

void Upstreams::open_link(core::InstanceId id, const broker::StartInstance& action,
                          proto::HttpFields fields) {
  Channel& channel = *channels_.find(id);
  const Server* server = servers_.find(channel.of);
  if (server == nullptr) return channel_down(id, "its server has just ended");
  transport::ClientOptions options{
      .server = action.name,
      .url = server->web->url(),
      .kind = action.link == core::Link::sse ? transport::Kind::sse : transport::Kind::automatic,
      .headers = std::move(fields),
      .message_bytes_max = action.message_bytes_max};
  RemoteLink::Connecting connecting{.identity = {.authorities = action.address.authorities,
                                                 .certificate = action.address.certificate,
                                                 .key = action.address.key},
                                    .listener = server->web->listener()};
  channel.link = std::make_unique<RemoteLink>(hands_.loop, http_, std::move(options), std::move(connecting),
                                              link_events(id, action.name));
  hands_.feed(broker::InstanceStarted{id, 0});
}

RemoteLink::Events Upstreams::link_events(core::InstanceId id, const std::string& name) {
  return {.on_message =
              [this, id](base::Bytes message, std::int64_t call) {
                const std::size_t length = message.size();
                hands_.feed(broker::InstanceLine{
                    id, {.bytes = std::move(message), .length = length, .id = {}}, call});
              },
          .on_forgot =
              [this, id](transport::Forgot forgot) {
                hands_.feed(broker::InstanceForgot{id, std::move(forgot.refused), forgot.session_lost});
              },
          .on_down = [this, id](std::string why) { channel_down(id, std::move(why)); },
          .on_note =
              [this, name](std::string text) {
                hands_.log(broker::Severity::info, name + ": " + std::move(text));
              }};
}

void Upstreams::send(broker::SendToInstance& action) {
  Channel* channel = channels_.find(action.instance);
  if (channel != nullptr && channel->link != nullptr) channel->link->send(std::move(action.message));
}

void Upstreams::stop(core::InstanceId id) {
  if (Server* server = servers_.find(id)) {
    server->web->stop();
  } else if (Channel* channel = channels_.find(id)) {
    if (channel->link == nullptr) return end_channel(id, "was closed");
    channel->link->close([this, id] { end_channel(id, "was closed"); });
  }
}

void Upstreams::channel_down(core::InstanceId id, std::string why) {
  if (const Channel* channel = channels_.find(id)) {
    if (Server* server = servers_.find(channel->of)) server->web->look();
  }
  end_channel(id, std::move(why));
}

void Upstreams::end_channel(core::InstanceId id, std::string how) {
  std::unique_ptr<Channel> channel = channels_.take(id);
  if (channel == nullptr) return;
  hands_.loop.retire(std::move(channel));
  hands_.feed(broker::InstanceExited{id, std::move(how), {}});
}

void Upstreams::forget(core::InstanceId id) {
  if (std::unique_ptr<Server> server = servers_.take(id)) hands_.loop.retire(std::move(server));
  if (std::unique_ptr<Channel> channel = channels_.take(id)) hands_.loop.retire(std::move(channel));
}

std::optional<io::Question> Upstreams::question(core::InstanceId id, io::Question::About about) const {
  const Server* server = servers_.find(id);
  return server != nullptr ? server->web->question(about) : std::nullopt;
}

std::optional<base::Resource> Upstreams::exceeded(core::InstanceId id) const {
  const Server* server = servers_.find(id);
  return server != nullptr ? server->web->exceeded() : std::nullopt;
}

void Upstreams::end_for(core::InstanceId id, const std::string& why) {
  if (const Server* server = servers_.find(id)) server->web->end_for(why);
}

std::string Upstreams::unsettled() const {
  std::string found;
  servers_.each([&](const Server& server) {
    if (found.empty()) found = server.web->unsettled();
  });
  channels_.each([&](const Channel& channel) {
    if (!found.empty()) return;
    found = channel.link != nullptr ? channel.link->unsettled()
                                    : "the headersHelper of the server " + channel.name + " runs";
  });
  return found;
}

Upstreams::Saved Upstreams::saved() const {
  Saved saved;
  servers_.each(
      [&](const Server& server) { saved.servers.push_back({.id = server.id, .web = server.web->saved()}); });
  channels_.each([&](const Channel& channel) {
    saved.channels.push_back(
        {.id = channel.id, .of = channel.of, .name = channel.name, .link = channel.link->saved()});
  });
  return saved;
}

void Upstreams::resume(Saved saved) {
  const WebServer::Hands hands{hands_.loop, hands_.children, http_};
  for (Saved::Server& one : saved.servers) {
    WebServer::Events events = server_events(one.id, one.web.name);
    auto web = WebServer::resume(hands, std::move(one.web), std::move(events));
    servers_.put(one.id, std::make_unique<Server>(Server{one.id, std::move(web)}));
  }
  for (Saved::Channel& one : saved.channels) {
    auto link = RemoteLink::resume(hands_.loop, http_, std::move(one.link), link_events(one.id, one.name));
    channels_.put(
        one.id,
        std::make_unique<Channel>(Channel{
            .id = one.id, .of = one.of, .name = std::move(one.name), .link = std::move(link), .helper = {}}));
  }
}

}  // namespace app
