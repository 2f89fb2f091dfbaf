// A server over HTTP that is really there, for what talks to one through sockets.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/http_connection.h"
#include "io/listener.h"
#include "io/tcp_socket.h"
#include "proto/http.h"

namespace far {

using Lines = std::vector<std::string>;

// Answers POSTs as it is told, or not; keeps GETs and listens open; notes "METHOD session version body".
struct Server {
  io::Loop& loop;
  std::function<std::optional<proto::HttpAnswer>(const proto::HttpRequest&)> on_post = {};
  bool answers_delete = true;
  Lines seen = {};
  int gone = 0;
  int stream = 0;  // The connection that has the stream.
  std::uint16_t port = 0;
  std::unique_ptr<io::Listener> listener = {};
  std::map<int, std::unique_ptr<io::HttpConnection>> connections = {};
  int accepted = 0;

  void listen() {
    auto socket = io::listen_on("127.0.0.1", 0);
    REQUIRE(socket);
    port = io::port_of(*socket);
    auto opened = io::Listener::open(
        loop, std::move(*socket), [this](io::Descriptor one, io::Peer) { accept(std::move(one)); },
        [](const base::Error&) {});
    REQUIRE(opened);
    listener = std::move(*opened);
  }
  void accept(io::Descriptor connection) {
    const int number = ++accepted;
    auto opened = io::HttpConnection::open(
        loop, io::HttpWire(std::move(connection)), {},
        {.on_request = [this, number](proto::HttpRequest&& request) { serve(number, request); },
         .on_gone =
             [this, number] {
               ++gone;
               loop.retire(std::move(connections.at(number)));
               connections.erase(number);
             }});
    REQUIRE(opened);
    connections[number] = std::move(*opened);
  }
  void serve(int number, const proto::HttpRequest& request) {
    std::string line = request.method;
    for (const char* name : {"mcp-session-id", "mcp-protocol-version"}) {
      if (request.fields.has(name)) line.append(" ").append(request.fields.get(name));
    }
    seen.push_back(request.body.empty() ? line : line + ' ' + request.body);
    io::HttpConnection& connection = *connections.at(number);
    if (request.method == "GET" || request.fields.get("mcp-method") == "subscriptions/listen") {
      stream = number;
      proto::HttpFields fields;
      fields.add("content-type", "text/event-stream");
      connection.begin_stream(200, fields);
    } else if (request.method == "POST") {
      if (const auto answer = on_post(request)) connection.answer(*answer);
    } else if (answers_delete) {
      connection.answer({.status = 200});
    }
    connection.flush();
  }
  void say(std::string_view message) {
    io::HttpConnection& connection = *connections.at(stream);
    connection.stream(proto::Message("data: " + std::string(message) + "\n\n"));
    connection.flush();
  }
};

inline const std::string initialize = R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{}})";
inline const std::string greeting = R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"}})";
inline const std::string initialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})";
inline const std::string changed = R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})";
inline const std::string ping = R"({"jsonrpc":"2.0","id":"p","method":"ping"})";

inline proto::HttpAnswer as_usual(const proto::HttpRequest& request) {
  if (request.body != initialize) return {.status = 202};
  proto::HttpAnswer answer = proto::json_answer(200, greeting);
  answer.fields.add("mcp-session-id", "S");
  return answer;
}

}  // namespace far
