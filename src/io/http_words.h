// Why a request to an HTTP server failed, in sentences for people: the same ones whichever way it went.
//
// `host` is what the URL names, as "example.org:8443".
#pragma once

#include <string>
#include <string_view>

namespace io::http_words {

inline std::string cannot_connect(std::string_view host) {
  return "cannot connect to " + std::string(host);
}
inline std::string not_connected_in_time(std::string_view host) {
  return cannot_connect(host) + " in time";
}
inline std::string not_answered_in_time(std::string_view host) {
  return std::string(host) + " did not answer completely in time";
}
inline std::string taken_by(std::string_view host, std::string_view stranger) {
  return std::string(host) + " is taken by " + std::string(stranger) + ", so nothing is sent there";
}
inline std::string no_http(std::string_view host) {
  return std::string(host) +
         " answered with what is no HTTP/1.1 or newer; see whether the entry's url is that of an MCP server";
}
inline std::string closed_before_answer(std::string_view host) {
  return std::string(host) + " closed the connection before it answered";
}
inline std::string broke_before_end(std::string_view host) {
  return "the connection to " + std::string(host) + " broke before the answer was complete";
}
inline std::string broke_before_sent(std::string_view host) {
  return "the connection to " + std::string(host) + " broke before the request was sent";
}
inline std::string no_clear_end(std::string_view host) {
  return "the answer of " + std::string(host) + " is damaged: where it ends is not clear";
}
inline std::string head_too_long() {
  return "the head of its answer is longer than 256 KiB";
}

}  // namespace io::http_words
