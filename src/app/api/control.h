// The manager's API: what the command line and other programs ask of the daemon, on its socket and on its
// port.
//
// The paths, and what they take and give, are described at /openapi.json (app/api/openapi.json); a test holds
// the table of routes against that. Mistakes are answered as problem+json (RFC 9457), with a sentence that
// says what is wrong.
//
// All answers are given at once, except that of /ensure, which waits until the server is ready or has failed,
// those of /stop, /stop-all and /restart, which wait until the processes that ran before have ended, and that
// of /status, which waits until the memory of all servers has been looked up.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/config/config.h"
#include "base/result.h"
#include "broker/broker.h"
#include "proto/http.h"
#include "transport/inbound/exchange.h"

namespace app {

class Control {
 public:
  struct Hands {
    broker::Broker& broker;
    std::function<void(broker::Event)> feed;
    std::function<Config()> config;
    // What is to be run for a server and a project, or why it cannot be.
    std::function<base::Result<core::ServerSpec>(const std::string& server, const std::string& project)>
        resolve;
    // Hands over the status as JSON, later. Not called again before that.
    std::function<void(std::function<void(std::string)> told)> status;
    std::function<void()> shut_down;
    // Becomes that program (empty: its own, as it is on disk now); nothing is told if it does, else why not.
    std::function<void(const std::string& program,
                       std::function<void(const std::optional<base::Error>&)> told)>
        upgrade;
    std::function<void(transport::ExchangeId, const proto::HttpAnswer&)> answer;
  };
  struct Route {
    std::string_view path;
    std::string_view method;
    void (Control::*handle)(transport::ExchangeId exchange, const proto::HttpRequest& request);
  };

  explicit Control(Hands hands) : hands_(std::move(hands)) {}

  void request(transport::ExchangeId exchange, const proto::HttpRequest& request);
  void gone(transport::ExchangeId exchange) {
    waiting_.erase(exchange);
    ending_.erase(exchange);
    next_status_.erase(exchange);
    this_status_.erase(exchange);
  }
  // The daemon ends: those who wait for the status are told so.
  void leave();
  // The broker may have news for those who wait. Once per turn.
  void settle();
  // Whether an answer is due that another program would not give: half a sentence, or empty.
  std::string unsettled() const;

  static std::span<const Route> routes();

 private:
  // The body of POST requests: {"name": …, "project": …}.
  struct Wish {
    std::string name;
    std::string project;
  };

  void ping(transport::ExchangeId exchange, const proto::HttpRequest& request);
  void status(transport::ExchangeId exchange, const proto::HttpRequest& request);
  void why(transport::ExchangeId exchange, const proto::HttpRequest& request);
  void openapi(transport::ExchangeId exchange, const proto::HttpRequest& request);
  void start(transport::ExchangeId exchange, const proto::HttpRequest& request);
  void ensure_running(transport::ExchangeId exchange, const proto::HttpRequest& request);
  void start_all(transport::ExchangeId exchange, const proto::HttpRequest& request);
  void stop(transport::ExchangeId exchange, const proto::HttpRequest& request);
  void stop_all(transport::ExchangeId exchange, const proto::HttpRequest& request);
  void restart(transport::ExchangeId exchange, const proto::HttpRequest& request);
  void shutdown(transport::ExchangeId exchange, const proto::HttpRequest& request);
  void upgrade(transport::ExchangeId exchange, const proto::HttpRequest& request);

  void collect_status();
  std::optional<Wish> wish_of(transport::ExchangeId exchange, const proto::HttpRequest& request);
  std::optional<core::ServerSpec> started(transport::ExchangeId exchange, const Wish& wish);
  bool known(transport::ExchangeId exchange, const std::string& name);
  // Answers when those that are being stopped now have ended.
  void answer_when_ended(transport::ExchangeId exchange);
  void settle_ending();
  void ok(transport::ExchangeId exchange);
  void say(transport::ExchangeId exchange, int status, std::string json);
  void refuse(transport::ExchangeId exchange, int status, std::string_view why);

  Hands hands_;
  std::map<transport::ExchangeId, core::ServerSpec> waiting_;  // Of /ensure.
  // Of /stop and its like: numbers of instances.
  std::map<transport::ExchangeId, std::set<std::uint64_t>> ending_;
  bool collecting_ = false;
  std::set<transport::ExchangeId> this_status_;  // Wait for the one that is being collected.
  std::set<transport::ExchangeId> next_status_;  // Came later, and share the next.
};

// The description at /openapi.json: the text of app/api/openapi.json.
std::string_view openapi_text();

}  // namespace app
