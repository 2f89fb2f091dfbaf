// The echo server over Streamable HTTP (2025-11-25), on a port of 127.0.0.1.
//
// One thread, one epoll set, connections that are kept alive; every request that is there is answered, and
// the answers of one read go out with one write. POST: a call is answered as JSON, a notification with 202.
// initialize begins a session, and everything after it must name one. GET: 405, there are no streams. DELETE
// is taken note of. Bodies need a Content-Length.
#pragma once

#include <cstdint>

namespace bench {

// Port 0: any that is free. Says the port on stdout, on a line of its own; returns only if it cannot listen.
int serve_http(std::uint16_t port);

}  // namespace bench
