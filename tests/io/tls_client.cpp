#include "tls_client.h"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <utility>

namespace test {
namespace {

template <class T, class Free>
std::unique_ptr<T, Free> owned(T* object, Free free) {
  REQUIRE(object != nullptr);
  return {object, free};
}

template <class Write>
std::string pem(Write write) {
  const auto bio = owned(BIO_new(BIO_s_mem()), BIO_free);
  REQUIRE(write(bio.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

void write_file(const std::string& path, std::string_view text, unsigned mode) {
  const auto file = owned(std::fopen(path.c_str(), "we"), std::fclose);
  REQUIRE(std::fwrite(text.data(), 1, text.size(), file.get()) == text.size());
  REQUIRE(chmod(path.c_str(), mode) == 0);
}

io::TlsFiles make_certificate(const TempDir& directory, const std::string& name, long valid_s) {
  const auto key = owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free);
  const auto certificate = owned(X509_new(), X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -7200);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), valid_s);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  const std::array<unsigned char, 9> localhost = {'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't'};
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, localhost.data(), localhost.size(), -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  io::TlsFiles files{.certificate = directory / (name + "cert.pem"), .key = directory / (name + "key.pem")};
  write_file(files.certificate, pem([&](BIO* to) { return PEM_write_bio_X509(to, certificate.get()); }),
             0644);
  const auto write_key = [&](BIO* to) {
    return PEM_write_bio_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  };
  write_file(files.key, pem(write_key), 0600);
  return files;
}

TlsClient::TlsClient(const Wishes& wishes)
    : ctx_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), ssl_(nullptr, SSL_free) {
  REQUIRE(ctx_ != nullptr);
  REQUIRE(SSL_CTX_set_cipher_list(ctx_.get(), wishes.ciphers) == 1);
  // Also what the system's policy forbids: it is for the server to refuse it.
  SSL_CTX_set_min_proto_version(ctx_.get(), TLS1_VERSION);
  if (wishes.version_max != 0) SSL_CTX_set_max_proto_version(ctx_.get(), wishes.version_max);
  ssl_.reset(SSL_new(ctx_.get()));
  REQUIRE(ssl_ != nullptr);
  if (!wishes.alpn.empty())
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(wishes.alpn.data()),
                        static_cast<unsigned>(wishes.alpn.size()));
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl_.get());
  go_on();
}

TlsClient::~TlsClient() = default;

void TlsClient::hear(std::string_view bytes) {
  if (!bytes.empty()) BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
  go_on();
}

void TlsClient::go_on() {
  ERR_clear_error();
  if (!ready_ && !failed_) {
    const int outcome = SSL_do_handshake(ssl_.get());
    ready_ = outcome == 1;
    if (outcome != 1 && SSL_get_error(ssl_.get(), outcome) != SSL_ERROR_WANT_READ) fail();
  }
  if (!ready_) return;
  std::array<char, 16384> piece;
  int got = 0;
  while ((got = SSL_read(ssl_.get(), piece.data(), piece.size())) > 0) {
    heard_.append(piece.data(), static_cast<std::size_t>(got));
  }
  const int error = SSL_get_error(ssl_.get(), got);
  ended_ = error == SSL_ERROR_ZERO_RETURN;
  if (error != SSL_ERROR_WANT_READ && !ended_ && !failed_) fail();
}

void TlsClient::fail() {
  failed_ = true;
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  why_ = reason != nullptr ? reason : "";
}

void TlsClient::say(std::string_view text) {
  REQUIRE(ready_);
  REQUIRE(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size()));
}

std::string TlsClient::outgoing() {
  std::string bytes;
  std::array<char, 4096> piece;
  for (int got = 0; (got = BIO_read(SSL_get_wbio(ssl_.get()), piece.data(), piece.size())) > 0;) {
    bytes.append(piece.data(), static_cast<std::size_t>(got));
  }
  return bytes;
}

void TlsClient::close() {
  SSL_shutdown(ssl_.get());
}

std::string TlsClient::take_heard() {
  return std::exchange(heard_, {});
}

}  // namespace test
