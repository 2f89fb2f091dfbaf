// Instances that speak HTTP, and their channels: what io::Child is for the others.
//
// An instance is a WebServer: a URL, or a process with a port. A channel is a RemoteLink to it. What happens
// to them becomes events for the broker, as with every instance.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/servers/headers_helper.h"
#include "app/servers/remote_link.h"
#include "app/servers/web_server.h"
#include "base/id_table.h"
#include "broker/broker.h"
#include "io/survey.h"

namespace app {

class Upstreams {
 public:
  struct Hands {
    io::Loop& loop;
    io::Children& children;
    std::function<void(broker::Event)> feed;
    std::function<void(broker::Severity, std::string)> log;
    std::string log_dir;
  };

  explicit Upstreams(Hands hands);
  ~Upstreams();

  bool has(core::InstanceId id) const {
    return servers_.find(id) != nullptr || channels_.find(id) != nullptr;
  }
  bool empty() const;

  // `action` is about a server that speaks HTTP.
  void start(const broker::StartInstance& action);
  void send(broker::SendToInstance& action);
  void stop(core::InstanceId id);
  void forget(core::InstanceId id);
  // As in io/child.h, of a process that is ours.
  std::optional<base::Resource> exceeded(core::InstanceId id) const;
  void end_for(core::InstanceId id, const std::string& why);
  // Asks for the processes of a server; nothing for a channel.
  std::optional<io::Question> question(core::InstanceId id, io::Question::About about) const;

  // In another program.
  struct Saved {
    struct Server {
      core::InstanceId id;
      WebServer::Saved web;
      static constexpr std::size_t fields = 2;
    };
    struct Channel {
      core::InstanceId id;
      core::InstanceId of;
      std::string name;
      RemoteLink::Saved link;
      static constexpr std::size_t fields = 4;
    };
    std::vector<Server> servers;
    std::vector<Channel> channels;
    static constexpr std::size_t fields = 2;
  };
  // What has to be waited for before: "the server x has not answered a call yet". Empty: nothing.
  std::string unsettled() const;
  Saved saved() const;
  // What was broken off is begun again at once; news of it comes from the loop.
  void resume(Saved saved);

 private:
  struct Server {
    core::InstanceId id;
    std::unique_ptr<WebServer> web;
  };
  struct Channel {
    core::InstanceId id;
    core::InstanceId of;
    std::string name;                       // Of the server, for people.
    std::unique_ptr<RemoteLink> link;       // Once its headers are known.
    std::unique_ptr<HeadersHelper> helper;  // Until then.
  };

  WebServer::Events server_events(core::InstanceId id, const std::string& name);
  RemoteLink::Events link_events(core::InstanceId id, const std::string& name);
  void start_server(const broker::StartInstance& action);
  void start_channel(const broker::StartInstance& action);
  void open_link(core::InstanceId id, const broker::StartInstance& action, proto::HttpFields fields);
  void channel_down(core::InstanceId id, std::string why);
  void end_channel(core::InstanceId id, std::string how);

  Hands hands_;
  io::HttpClient http_;
  base::IdTable<core::InstanceTag, Server> servers_;
  base::IdTable<core::InstanceTag, Channel> channels_;
};

}  // namespace app
