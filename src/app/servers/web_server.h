// A server that speaks HTTP, as an instance: its port, its process, and the moment from which it answers.
//
// Three cases. One that is elsewhere (a URL) answers as far as we are concerned: whoever opens a channel will
// see. One that we start is given a port, and answers when a request to it gets any response, on 127.0.0.1 or
// on ::1. And if somebody listens on the port that it was to have, that one is used, provided that it answers
// as an MCP server does; nobody is ever ended to free a port.
//
// On a port of this machine another user may listen, and get the calls with their secrets. So what listens
// there must belong to this user or to root: this is asked of the kernel here, and again for every connection
// that is made (io::HttpClient::Listener).
//
// Callbacks come from the loop only. Whatever happens, on_gone or on_start_failed comes last and once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/action.h"
#include "io/child.h"
#include "io/children.h"
#include "io/http_client.h"
#include "io/loop.h"
#include "io/survey.h"
#include "io/tcp_socket.h"

namespace app {

class WebServer {
 public:
  struct Hands {
    io::Loop& loop;
    io::Children& children;
    io::HttpClient& http;
  };
  struct Events {
    std::function<void(std::int64_t pid)> on_started;  // 0: the process is not ours.
    std::function<void()> on_answers;
    std::function<void()> on_spoke;
    std::function<void(std::int64_t pid)> on_moved;  // The process has left it to another one.
    std::function<void(std::string why)> on_start_failed;
    std::function<void(const io::Gone&)> on_gone;
  };

  WebServer(Hands hands, broker::StartInstance what, std::string log_file, Events events);
  ~WebServer();

  // In another program: of one that answers.
  struct Saved {
    std::string name;
    std::string program;  // Empty: not ours to start.
    std::string url;
    std::uint16_t port = 0;
    io::Loopback address = io::Loopback::v4;
    std::optional<io::Child::Saved> child;
    std::string ends_for;
    static constexpr std::size_t fields = 7;
  };
  // What has to be waited for before: "the server x is starting". Empty: nothing.
  std::string unsettled() const;
  Saved saved() const;
  static std::unique_ptr<WebServer> resume(Hands hands, Saved saved, Events events);

  // Where channels go.
  const std::string& url() const { return url_; }
  io::HttpClient::Listener listener() const;
  // A channel could not talk to it: is it still there?
  void look();
  void stop();
  // As in io/child.h, if its process is ours.
  std::optional<base::Resource> exceeded() const;
  void end_for(const std::string& why);
  // Asks for its processes, if they are ours.
  std::optional<io::Question> question(io::Question::About about) const;

 private:
  struct Resumed {};
  WebServer(Hands hands, Resumed resumed, Saved saved, Events events);
  io::Child::Events child_events();
  void take(io::Child::Saved saved);
  void begin();
  void find_place();
  void settle_on(io::Loopback address);
  bool try_other_address();
  void taken_by_stranger(const std::string& who);
  void ask_who_listens();
  std::string holder() const;
  void launch();
  void started(pid_t pid);
  void ask_whether_it_answers();
  void moved(pid_t heir);
  void does_not_answer(const io::HttpClient::Failure& failure);
  void ask(std::string method, io::HttpClient::Events events);
  void fail(std::string why);
  void end(const io::Gone& gone);

  Hands hands_;
  broker::StartInstance what_;
  std::string log_file_;
  Events events_;
  std::string url_;
  std::uint16_t port_ = 0;
  io::Loopback address_ = io::Loopback::v4;
  std::unique_ptr<io::Child> child_;
  std::optional<io::HttpClient::Handle> asking_;
  io::Timer timer_;  // For the next step: nothing is called back from within a call.
  std::function<void()> next_;
  bool answers_ = false;
  std::string waits_for_;  // Should it be stopped before it answers.
  std::string ends_for_;   // Why we end it; empty: as it ends.
};

// The port put in for "${port}".
std::string with_port(std::string_view text, std::uint16_t port);

}  // namespace app
