#include "io/curl_failure.h"

#include <curl/curl.h>

#include "io/http_words.h"
#include "io/system_error.h"

namespace io {

std::string host_of(std::string_view url) {
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos)
    url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#\\"));
  if (const std::size_t user = url.rfind('@'); user != std::string_view::npos) url.remove_prefix(user + 1);
  return std::string(url);
}

bool is_local(std::string_view host) {
  if (host.starts_with("[::1]")) return true;
  std::string name(host.substr(0, host.find(':')));
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  if (name == "localhost") return true;
  return name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos;
}

bool never_connected(const CurlEnd& end) {
  if (end.sent) return false;
  switch (static_cast<CURLcode>(end.code)) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_PROXY:
      return true;
    default:
      return static_cast<CURLcode>(end.code) == CURLE_OPERATION_TIMEDOUT && !end.began;
  }
}

namespace {

bool wants_certificate(std::string_view complaint) {
  return complaint.contains("certificate required") || complaint.contains("handshake failure") ||
         complaint.contains("bad certificate");
}

}  // namespace

std::string why_it_ended(const CurlEnd& end) {
  const std::string& host = end.host;
  switch (static_cast<CURLcode>(end.code)) {
    case CURLE_UNSUPPORTED_PROTOCOL:
      // Also what libcurl calls an answer without a status line, which was HTTP/0.9.
      if (end.began || end.sent) return http_words::no_http(host);
      [[fallthrough]];
    case CURLE_URL_MALFORMAT:
      return "the URL of the server cannot be used; it has to begin with http:// or https:// and a host";
    case CURLE_COULDNT_RESOLVE_PROXY:
      return "the name of the proxy for " + host + " cannot be resolved; see https_proxy in the environment";
    case CURLE_COULDNT_RESOLVE_HOST:
      return "the name of " + host + " cannot be resolved";
    case CURLE_COULDNT_CONNECT:
      return end.system_code == 0 ? http_words::cannot_connect(host)
                                  : system_error(http_words::cannot_connect(host), end.system_code).what;
    case CURLE_OPERATION_TIMEDOUT:
      return end.began ? http_words::not_answered_in_time(host) : http_words::not_connected_in_time(host);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
      return "no secure connection to " + host + " could be agreed on" +
             (wants_certificate(end.complaint)
                  ? std::string(
                        "; if it wants a certificate of its clients, give the entry \"certificate\" and "
                        "\"key\"")
                  : std::string());
    case CURLE_SSL_CERTPROBLEM:
      return "the files that \"certificate\" and \"key\" of the entry name cannot be used for " + host +
             "; they have to belong together, in PEM, and the key must have no password";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return "the certificate of " + host + " is not trusted" +
             (end.complaint.empty() ? "" : " (" + end.complaint + ")") +
             "; if a private authority vouches for it, name its file with \"ca\" in the entry";
    case CURLE_SSL_CACERT_BADFILE:
      return "the certificates of this system, or those that \"ca\" of the entry names, cannot be read; the "
             "system's package is called ca-certificates";
    case CURLE_PROXY:
      return "the proxy for " + host + " could not be used; see https_proxy in the environment";
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_FAIL_REWIND:
      return http_words::closed_before_answer(host);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      if (end.complaint.contains("certificate required")) {
        return host + " wants a certificate of its clients; give the entry \"certificate\" and \"key\"";
      }
      return http_words::broke_before_end(host);
    case CURLE_SEND_ERROR:
      return http_words::broke_before_sent(host);
    case CURLE_BAD_CONTENT_ENCODING:
      return "the answer of " + host + " is damaged: its compression is not what it says";
    case CURLE_WEIRD_SERVER_REPLY:
      return http_words::no_http(host);
    case CURLE_WRITE_ERROR:
      return "the answer of " + host + " could not be taken in: it is damaged, or larger than is allowed";
    case CURLE_OUT_OF_MEMORY:
      return "there is no memory for the request to " + host;
    default:
      return "the request to " + host + " failed: " + end.words;
  }
}

}  // namespace io
