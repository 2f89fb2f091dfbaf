// One conversation with a server over HTTP: the state machine (transport/outbound/streamable_client) with an
// HTTP client and a clock.
//
// Callbacks come from the loop, never from within a member function. Destroying it abandons its requests; let
// go of inside a callback, it is retired through the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/http_client.h"
#include "io/loop.h"
#include "transport/outbound/streamable_client.h"

namespace app {

class RemoteLink {
 public:
  struct Events {
    // `call`: see transport::Receive.
    std::function<void(base::Bytes message, std::int64_t call)> on_message;
    std::function<void(transport::Forgot forgot)> on_forgot;
    std::function<void(std::string why)> on_down;  // Nothing follows.
    std::function<void(std::string text)> on_note;
  };

  // How connections are made: for every request.
  struct Connecting {
    io::HttpClient::Identity identity;
    io::HttpClient::Listener listener = io::HttpClient::Listener::anybody;
  };

  RemoteLink(io::Loop& loop, io::HttpClient& http, transport::ClientOptions options, Connecting connecting,
             Events events);
  ~RemoteLink();

  // In another program, without its connections: see transport/outbound/client_saving.cpp.
  struct Saved {
    transport::StreamableClient::Saved client;
    std::vector<std::string> authorities;
    std::string certificate, key;
    io::HttpClient::Listener listener = io::HttpClient::Listener::anybody;
    static constexpr std::size_t fields = 5;
  };
  // What has to be waited for before: "the server x has not answered a call yet". Empty: nothing.
  std::string unsettled() const;
  Saved saved() const;
  static std::unique_ptr<RemoteLink> resume(io::Loop& loop, io::HttpClient& http, Saved saved, Events events);

  void send(proto::Message message);
  // Tells the server that the session is over, where there is one. `closed` comes when it has heard, or after
  // a second, and is the last that comes.
  void close(std::function<void()> closed);

 private:
  RemoteLink(io::Loop& loop, io::HttpClient& http, transport::StreamableClient client, Connecting connecting,
             Events events);
  void act_at_once();
  void settle();
  void carry_out();
  void begin(transport::Request request);
  void abandon(transport::RequestId id);

  io::HttpClient& http_;
  Connecting connecting_;
  transport::StreamableClient client_;
  Events events_;
  std::function<void()> closed_;
  bool carrying_out_ = false;
  std::map<transport::RequestId, io::HttpClient::Handle> under_way_;
  io::Timer timer_;     // What has become due, or was left to do.
  io::Timer patience_;  // While closing.
};

}  // namespace app
