// The functions of OpenSSL that a port with TLS needs, found in the library when there is one.
//
// The library is loaded (dlopen) by load_openssl() and never unloaded; what this is built against are its
// headers alone. Many names in those are macros over functions that are not linked: what is used goes through
// the members below. For io/tls.cpp only.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/result.h"

namespace io {

struct OpenSsl {
  decltype(::TLS_server_method)* server_method = nullptr;
  decltype(::SSL_CTX_new)* ctx_new = nullptr;
  decltype(::SSL_CTX_free)* ctx_free = nullptr;
  decltype(::SSL_CTX_ctrl)* ctx_ctrl = nullptr;
  decltype(::SSL_CTX_set_options)* ctx_set_options = nullptr;
  decltype(::SSL_CTX_set_cipher_list)* ctx_set_cipher_list = nullptr;
  decltype(::SSL_CTX_set_num_tickets)* ctx_set_num_tickets = nullptr;
  decltype(::SSL_CTX_set_alpn_select_cb)* ctx_set_alpn_select_cb = nullptr;
  decltype(::SSL_CTX_use_certificate)* ctx_use_certificate = nullptr;
  decltype(::SSL_CTX_use_PrivateKey)* ctx_use_private_key = nullptr;
  decltype(::SSL_select_next_proto)* select_next_proto = nullptr;
  decltype(::SSL_new)* ssl_new = nullptr;
  decltype(::SSL_free)* ssl_free = nullptr;
  decltype(::SSL_set_bio)* ssl_set_bio = nullptr;
  decltype(::SSL_set_accept_state)* ssl_set_accept_state = nullptr;
  decltype(::SSL_do_handshake)* ssl_do_handshake = nullptr;
  decltype(::SSL_read)* ssl_read = nullptr;
  decltype(::SSL_write)* ssl_write = nullptr;
  decltype(::SSL_shutdown)* ssl_shutdown = nullptr;
  decltype(::SSL_get_error)* ssl_get_error = nullptr;
  decltype(::BIO_new)* bio_new = nullptr;
  decltype(::BIO_s_mem)* bio_s_mem = nullptr;
  decltype(::BIO_new_mem_buf)* bio_new_mem_buf = nullptr;
  decltype(::BIO_free)* bio_free = nullptr;
  decltype(::BIO_read)* bio_read = nullptr;
  decltype(::BIO_write)* bio_write = nullptr;
  decltype(::PEM_read_bio_X509)* pem_read_certificate = nullptr;
  decltype(::PEM_read_bio_PrivateKey)* pem_read_private_key = nullptr;
  decltype(::X509_free)* x509_free = nullptr;
  decltype(::X509_check_private_key)* x509_check_private_key = nullptr;
  decltype(::X509_get0_notAfter)* x509_not_after = nullptr;
  decltype(::X509_cmp_current_time)* x509_cmp_current_time = nullptr;
  decltype(::EVP_PKEY_free)* evp_pkey_free = nullptr;
  decltype(::ERR_peek_last_error)* err_peek_last_error = nullptr;
  decltype(::ERR_reason_error_string)* err_reason_error_string = nullptr;
  decltype(::ERR_clear_error)* err_clear_error = nullptr;
};

// Fails where the library is missing or lacks a function; the error says what to install.
base::Result<OpenSsl> load_openssl();

}  // namespace io
