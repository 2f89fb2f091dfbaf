// An HTTP connection of ours and a client at its other end, on one loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/http_connection.h"
#include "proto/http.h"
#include "support.h"

namespace test {

// replaced: a Unix socket whose connection at the end of each turn is one that was read from what the one
// before had saved.
enum class Over { unix_socket, tcp, replaced };
inline constexpr Over each_way[] = {Over::unix_socket, Over::tcp, Over::replaced};

std::string request_for(std::string_view path);  // A whole request.

class HttpPeers {
 public:
  // `tls`: what the client says and hears is TLS, then; outlives this.
  explicit HttpPeers(Over over = Over::unix_socket, io::HttpConnection::Limits limits = {},
                     const io::TlsContext* tls = nullptr);

  // The client's side.
  void say(std::string_view bytes);
  // What has come until now ends with, or contains, this.
  bool hears(std::string_view text);
  bool hears_end();  // The connection is closed, for writing at least.
  void listen();     // Reads what comes, as it does from the beginning.
  void stop_listening();
  void hang_up();
  void close_half();
  int fd() const { return client_.get(); }

  // Ours.
  bool waits_for_requests(std::size_t count);
  bool waits_for_gone();
  // "GET /path [body]" of each request.
  std::vector<std::string> texts() const;
  void answer(std::string body);
  // As when another program goes on with it. The connection is another object then.
  void replace();

  io::Loop loop;
  std::string heard;
  bool ended = false;
  std::vector<proto::HttpRequest> requests;
  int drained = 0;
  int gone = 0;
  std::function<std::optional<proto::HttpAnswer>(const proto::HttpRequest&)> on_head =
      [](const proto::HttpRequest&) { return std::nullopt; };
  std::function<bool(std::size_t)> on_body = [](std::size_t) { return true; };
  std::function<void()> on_request = [] {};
  std::unique_ptr<io::HttpConnection> connection;

 private:
  io::HttpConnection::Events events();
  void pull();

  io::HttpConnection::Limits limits_;
  io::Descriptor client_;
  io::Watch client_watch_;
};

// "name: value" of an answer's head, without Date.
std::string without_date(std::string_view text);

// A socket pair over TCP on this machine.
void connect_over_tcp(io::Descriptor& one, io::Descriptor& other);

}  // namespace test
