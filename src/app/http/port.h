// The port for clients that connect by URL: what it takes to open it, and who may come to it.
//
// Only a loopback address is opened without anything. One that other machines can reach needs a token, and a
// certificate with its key, and then speaks TLS; with a certificate and a key loopback speaks TLS, too. What
// is missing is said, and nothing is opened.
#pragma once

#include <memory>
#include <string>

#include "app/config/config.h"
#include "base/result.h"
#include "io/descriptor.h"
#include "io/tls.h"
#include "transport/inbound/access.h"

namespace app {

struct HttpPort {
  io::Descriptor socket = {};  // Listening.
  std::unique_ptr<io::TlsContext> tls = {};
  transport::Access access = {};
  std::string caller = {};  // The caller of all requests by the port; see SessionRegistry.
  std::string url = {};     // "https://127.0.0.1:8765"
};

// `settings` say which port. The token is that of the settings, or the one in `token_file`. `passed`: a
// socket that listens there already; none: it is opened.
base::Result<HttpPort> open_http_port(const HttpSettings& settings, const std::string& token_file,
                                      io::Descriptor passed = {});

}  // namespace app
