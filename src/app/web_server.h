// A server that speaks HTTP, as an instance: its port, its process, and the moment from which it answers.
//
// Three cases. One that is elsewhere (a URL) answers as far as we are concerned: whoever opens a channel will
// see. One that we start is given a port, and answers when a request to it gets any response. And if somebody
// listens on the port that it was to have, that one is used, provided that it answers as an MCP server does;
// nobody is ever ended to free a port.
//
// Callbacks come from the loop only. Whatever happens, on_gone or on_start_failed comes last and once.
#pragma once

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

  // Where channels go.
  const std::string& url() const { return url_; }
  // A channel could not talk to it: is it still there?
  void look();
  void stop();
  std::vector<io::Process> processes() const;

 private:
  void begin();
  void ask_who_listens();
  void launch();
  void ask_whether_it_answers();
  void moved(pid_t heir);
  void ask(std::string method, io::HttpClient::Events events);
  void fail(std::string why);
  void end(const io::Gone& gone);

  Hands hands_;
  broker::StartInstance what_;
  std::string log_file_;
  Events events_;
  std::string url_;
  std::uint16_t port_ = 0;
  std::unique_ptr<io::Child> child_;
  std::optional<io::HttpClient::Handle> asking_;
  io::Timer timer_;  // For the next step: nothing is called back from within a call.
  std::function<void()> next_;
  bool answers_ = false;
  std::string waits_for_;  // Should it be stopped before it answers.
};

// The port put in for "${port}".
std::string with_port(std::string_view text, std::uint16_t port);

}  // namespace app
