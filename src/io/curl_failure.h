// Why a transfer of libcurl's failed, as a sentence for people.
//
// libcurl's own texts may quote a URL or a proxy with its password, so only those about certificates are
// passed on, and its words for a code, which are the same for everybody.
#pragma once

#include <string>
#include <string_view>

namespace io {

struct CurlEnd {
  int code = 0;         // A CURLcode.
  int system_code = 0;  // errno of a failed connect, or 0.
  std::string host;     // See host_of().
  std::string complaint;
  std::string words;   // libcurl's, for the code.
  bool sent = false;   // Any byte of the request went out.
  bool began = false;  // The connection was ready for the request.
};

std::string why_it_ended(const CurlEnd& end);
bool never_connected(const CurlEnd& end);

// "example.org:8443" of a URL: no scheme, user, path or query.
std::string host_of(std::string_view url);
// localhost or a loopback address, with or without a port.
bool is_local(std::string_view host);

}  // namespace io
