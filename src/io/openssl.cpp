#include "io/openssl.h"

#include <dlfcn.h>

namespace io {
namespace {

// Brings libcrypto.so.3 along, and dlsym() looks there, too.
constexpr const char* library_name = "libssl.so.3";

class Finder {
 public:
  explicit Finder(void* library) : library_(library) {}

  template <class Function>
  Finder& find(const char* name, Function*& function) {
    function = reinterpret_cast<Function*>(dlsym(library_, name));
    if (function == nullptr) complete_ = false;
    return *this;
  }
  bool complete() const { return complete_; }

 private:
  void* library_;
  bool complete_ = true;
};

void find_contexts(Finder& in, OpenSsl& to) {
  in.find("TLS_server_method", to.server_method)
      .find("SSL_CTX_new", to.ctx_new)
      .find("SSL_CTX_free", to.ctx_free)
      .find("SSL_CTX_ctrl", to.ctx_ctrl)
      .find("SSL_CTX_set_options", to.ctx_set_options)
      .find("SSL_CTX_set_cipher_list", to.ctx_set_cipher_list)
      .find("SSL_CTX_set_num_tickets", to.ctx_set_num_tickets)
      .find("SSL_CTX_set_alpn_select_cb", to.ctx_set_alpn_select_cb)
      .find("SSL_CTX_use_certificate", to.ctx_use_certificate)
      .find("SSL_CTX_use_PrivateKey", to.ctx_use_private_key)
      .find("SSL_select_next_proto", to.select_next_proto);
}

void find_connections(Finder& in, OpenSsl& to) {
  in.find("SSL_new", to.ssl_new)
      .find("SSL_free", to.ssl_free)
      .find("SSL_set_bio", to.ssl_set_bio)
      .find("SSL_set_accept_state", to.ssl_set_accept_state)
      .find("SSL_do_handshake", to.ssl_do_handshake)
      .find("SSL_read", to.ssl_read)
      .find("SSL_write", to.ssl_write)
      .find("SSL_shutdown", to.ssl_shutdown)
      .find("SSL_get_error", to.ssl_get_error);
}

void find_crypto(Finder& in, OpenSsl& to) {
  in.find("BIO_new", to.bio_new)
      .find("BIO_s_mem", to.bio_s_mem)
      .find("BIO_new_mem_buf", to.bio_new_mem_buf)
      .find("BIO_free", to.bio_free)
      .find("BIO_read", to.bio_read)
      .find("BIO_write", to.bio_write)
      .find("PEM_read_bio_X509", to.pem_read_certificate)
      .find("PEM_read_bio_PrivateKey", to.pem_read_private_key)
      .find("X509_free", to.x509_free)
      .find("X509_check_private_key", to.x509_check_private_key)
      .find("X509_get0_notAfter", to.x509_not_after)
      .find("X509_cmp_current_time", to.x509_cmp_current_time)
      .find("EVP_PKEY_free", to.evp_pkey_free)
      .find("ERR_peek_last_error", to.err_peek_last_error)
      .find("ERR_reason_error_string", to.err_reason_error_string)
      .find("ERR_clear_error", to.err_clear_error);
}

}  // namespace

base::Result<OpenSsl> load_openssl() {
  void* const library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return base::failure(
        "a port with TLS needs OpenSSL 3, which is not installed here; install it (the package is called "
        "libssl3 on Debian and Ubuntu, openssl-libs elsewhere) and try again");
  }
  OpenSsl functions;
  Finder finder(library);
  find_contexts(finder, functions);
  find_connections(finder, functions);
  find_crypto(finder, functions);
  if (!finder.complete()) {
    return base::failure(
        "the OpenSSL that is installed here lacks what TLS needs; see whether its packages "
        "are complete");
  }
  return functions;
}

}  // namespace io
