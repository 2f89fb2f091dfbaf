// The other side of TLS: a client over memory, made with OpenSSL as it is linked here, and certificates.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/tls.h"
#include "support.h"

struct ssl_st;
struct ssl_ctx_st;

namespace test {

// "cert.pem" and "key.pem" (0600) in `directory`, for localhost, made anew each time.
io::TlsFiles make_certificate(const TempDir& directory, const std::string& name = "", long valid_s = 3600);
void write_file(const std::string& path, std::string_view text, unsigned mode);

inline constexpr int tls_1_1 = 0x0302;

class TlsClient {
 public:
  struct Wishes {
    int version_max = 0;    // 0: the newest.
    std::string alpn = {};  // As the protocol writes it.
    const char* ciphers = "DEFAULT@SECLEVEL=0";
  };
  TlsClient() : TlsClient(Wishes{}) {}
  explicit TlsClient(const Wishes& wishes);
  ~TlsClient();

  void hear(std::string_view bytes);  // From the server.
  void say(std::string_view text);    // Once it is ready.
  std::string outgoing();             // For the server; taken.
  void close();

  bool ready() const { return ready_; }
  bool failed() const { return failed_; }
  bool ended() const { return ended_; }            // The server has said that nothing follows.
  const std::string& why() const { return why_; }  // It failed.
  std::string take_heard();
  const std::string& heard() const { return heard_; }
  ssl_st* ssl() const { return ssl_.get(); }

 private:
  void go_on();
  void fail();

  std::unique_ptr<ssl_ctx_st, std::function<void(ssl_ctx_st*)>> ctx_;
  std::unique_ptr<ssl_st, std::function<void(ssl_st*)>> ssl_;
  std::string heard_, why_;
  bool ready_ = false, failed_ = false, ended_ = false;
};

}  // namespace test
