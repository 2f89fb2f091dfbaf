#include "app/http/port.h"

#include <utility>
#include <vector>

#include "app/http/token.h"
#include "base/ensure.h"
#include "io/tcp_socket.h"

namespace app {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// Nothing unless there is something wrong.
base::Result<void> check(const HttpSettings& settings) {
  const bool has_certificate = !settings.certificate.empty();
  const bool has_key = !settings.key.empty();
  if (has_certificate != has_key) {
    const std::string there = has_key ? "key" : "certificate";
    const std::string missing = has_key ? "certificate" : "key";
    return base::failure("the port is not opened: there is a \"" + there + "\" of \"http\" without a \"" +
                         missing + "\"; add the other file, or remove the one");
  }
  if (io::is_loopback(settings.address)) return {};
  std::string wanted = settings.open ? "a token (remove \"token\": null from \"http\" in config.json)" : "";
  if (!has_certificate) {
    wanted += wanted.empty() ? "" : ", and ";
    wanted += "TLS (add \"certificate\" and \"key\" to \"http\" in config.json: files in PEM)";
  }
  if (wanted.empty()) return {};
  return base::failure("the port is not opened on " + settings.address +
                       ": other machines can reach this address, so it needs " + wanted +
                       "; or leave \"address\" out");
}

// A name is known with our port, unless it brings one of its own: that of whoever passes connections on to
// us.
std::string with_port(const std::string& host, const std::string& number) {
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string::npos && host.find(']', colon) == std::string::npos;
  return has_port ? host : host + number;
}

transport::Access access_to(const HttpSettings& settings, const io::Descriptor& socket) {
  const std::uint16_t port = io::port_of(socket);
  const std::string number = ':' + std::to_string(port);
  transport::Access access;
  access.scheme = settings.certificate.empty() ? "http" : "https";
  std::vector<std::string> listed;
  for (const std::string& host : settings.hosts) listed.push_back(with_port(lower(host), number));
  if (io::is_any(settings.address)) {
    access.any_address_at = port;
  } else {
    access.hosts.push_back(io::name_of(socket));
  }
  for (const char* name : {"127.0.0.1", "localhost", "[::1]"}) access.hosts.push_back(name + number);
  // The first is the one that clients are told to use.
  const auto at = io::is_loopback(settings.address) ? access.hosts.end() : access.hosts.begin();
  access.hosts.insert(at, listed.begin(), listed.end());
  access.origins = settings.origins;
  return access;
}

}  // namespace

base::Result<HttpPort> open_http_port(const HttpSettings& settings, const std::string& token_file,
                                      io::Descriptor passed) {
  ensure(settings.port.has_value());
  TRY(check(settings));
  HttpPort port;
  if (!settings.certificate.empty())
    port.tls = TRY(io::TlsContext::load({.certificate = settings.certificate, .key = settings.key}));
  port.socket = passed ? std::move(passed) : TRY(io::listen_on(settings.address, *settings.port));
  port.access = access_to(settings, port.socket);
  if (!settings.open) {
    port.access.token = settings.token ? *settings.token : TRY(token_in(token_file));
    // Strangers on other machines need not know where things lie on this one.
    const bool near = io::is_loopback(settings.address);
    port.access.token_is = settings.token ? "the token is that of \"http\" in config.json"
                                          : "the token is in " + (near ? token_file : "the file http-token") +
                                                " of the user who runs Hearth";
  }
  port.caller = settings.open ? "port" : name_of_caller(*port.access.token);
  port.url = port.access.scheme + "://" + port.access.hosts.front();
  return port;
}

}  // namespace app
