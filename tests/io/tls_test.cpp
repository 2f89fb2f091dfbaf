#include "io/tls.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "io/files.h"
#include "tls_client.h"

using io::TlsContext;
using io::TlsFiles;
using io::TlsSession;
using test::make_certificate;
using test::TempDir;
using test::TlsClient;
using test::write_file;
using Phase = io::TlsSession::Phase;

namespace {

std::unique_ptr<TlsContext> context_in(const TempDir& directory) {
  auto made = TlsContext::load(make_certificate(directory));
  REQUIRE(made);
  return std::move(*made);
}

std::string refusal(const TlsFiles& files) {
  const auto made = TlsContext::load(files);
  return made ? "" : made.error().what;
}

std::string text_in(const std::string& path) {
  return io::read_small_file(path).value();
}

std::string taken_from(TlsSession& session) {
  std::string bytes(session.outgoing());
  session.taken(bytes.size());
  return bytes;
}

// A client and a server that hand each other their bytes.
struct Talk {
  explicit Talk(const TlsContext& context, const TlsClient::Wishes& wishes = {})
      : server(context), client(wishes) {}

  TlsSession server;
  TlsClient client;
  std::string heard;      // By the server.
  std::size_t piece = 0;  // How many bytes at a time; 0: all of them.

  void give(std::string_view bytes) {
    std::array<char, 1000> text;
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, piece == 0 ? bytes.size() : piece);
      bytes.remove_prefix(part.size());
      server.receive(part);
      while (const std::size_t count = server.read(text)) heard.append(text.data(), count);
    }
  }
  // Until nobody has anything to say.
  void settle() {
    while (true) {
      const std::string up = client.outgoing();
      give(up);
      const std::string down = taken_from(server);
      if (!down.empty()) client.hear(down);
      if (up.empty() && down.empty()) return;
    }
  }
};

}  // namespace

TEST_CASE("tls: files that cannot be used, and why") {
  const TempDir directory;
  const TlsFiles files = make_certificate(directory);
  const TlsFiles other = make_certificate(directory, "other-");
  REQUIRE(refusal(files).empty());
  const auto says = [](const TlsFiles& given, std::initializer_list<std::string_view> parts) {
    const std::string text = refusal(given);
    CAPTURE(text);
    CHECK_FALSE(text.empty());
    for (const std::string_view part : parts) CHECK(text.contains(part));
    CHECK_FALSE(text.contains("-----"));  // Nothing of what is in the files.
  };
  const std::string missing = directory / "missing.pem";
  says({files.certificate, missing}, {"the key", missing, "No such file"});
  says({missing, files.key}, {"the certificate", missing, "No such file"});
  says({files.certificate, directory.path()}, {"the key", directory.path(), "is no file"});
  says({files.certificate, other.key}, {other.key, files.certificate, "does not belong"});
  says({files.key, files.key}, {files.key, "no certificate"});
  says({files.certificate, files.certificate}, {files.certificate, "is open to others"});
  const std::string closed = directory / "closed.pem";
  write_file(closed, text_in(files.certificate), 0600);
  says({files.certificate, closed}, {closed, "no private key"});
  write_file(closed, "", 0600);
  says({files.certificate, closed}, {closed, "no private key"});
  says({closed, files.key}, {closed, "no certificate"});
  write_file(closed, std::string(std::size_t{300} << 10, 'x'), 0600);
  says({files.certificate, closed}, {closed, "larger"});
  const std::string pipe = directory / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  says({files.certificate, pipe}, {pipe, "is no file"});
}

TEST_CASE("tls: a certificate that others may write is not used") {
  const TempDir directory;
  const TlsFiles files = make_certificate(directory);
  REQUIRE(refusal(files).empty());
  REQUIRE(chmod(files.certificate.c_str(), 0646) == 0);
  CHECK(refusal(files).contains("the certificate " + files.certificate +
                                " can be written by others (mode 0646)"));
}

TEST_CASE("tls: a key that others can read, or write, is no secret") {
  const TempDir directory;
  const TlsFiles files = make_certificate(directory);
  for (const unsigned mode : {0640U, 0604U, 0620U, 0601U, 0644U, 0660U}) {
    CAPTURE(mode);
    REQUIRE(chmod(files.key.c_str(), mode) == 0);
    const std::string text = refusal(files);
    CHECK(text.contains("is open to others"));
    CHECK(text.contains("chmod 600 " + files.key));
  }
  for (const unsigned mode : {0600U, 0400U}) {
    REQUIRE(chmod(files.key.c_str(), mode) == 0);
    CHECK(refusal(files).empty());
  }
  if (getuid() != 0) return;
  REQUIRE(chown(files.key.c_str(), 12345, 12345) == 0);
  CHECK(refusal(files).contains("belongs to another user (uid 12345)"));
}

TEST_CASE("tls: an encrypted key is refused, and nobody is asked for its passphrase") {
  const TempDir directory;
  TlsFiles files = make_certificate(directory);
  const std::unique_ptr<FILE, int (*)(FILE*)> from(std::fopen(files.key.c_str(), "re"), std::fclose);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      PEM_read_PrivateKey(from.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  files.key = directory / "encrypted.pem";
  write_file(files.key, "", 0600);
  {
    const std::unique_ptr<FILE, int (*)(FILE*)> to(std::fopen(files.key.c_str(), "we"), std::fclose);
    const std::array<unsigned char, 4> passphrase = {'o', 'p', 'e', 'n'};
    REQUIRE(PEM_write_PrivateKey(to.get(), key.get(), EVP_aes_128_cbc(), passphrase.data(), passphrase.size(),
                                 nullptr, nullptr) == 1);
  }
  CHECK(refusal(files).contains("is encrypted"));
}

TEST_CASE("tls: a chain is read to its end, and what is damaged in it is noticed") {
  const TempDir directory;
  TlsFiles files = make_certificate(directory);
  const std::string own = text_in(files.certificate);
  const std::string issuer = text_in(make_certificate(directory, "issuer-").certificate);
  files.certificate = directory / "chain.pem";
  write_file(files.certificate, "a comment\n" + own + "another\n" + issuer, 0644);
  const auto context = TlsContext::load(files);
  REQUIRE(context);
  Talk talk(**context);
  talk.settle();
  REQUIRE(talk.client.ready());
  CHECK(sk_X509_num(SSL_get_peer_cert_chain(talk.client.ssl())) == 2);
  write_file(files.certificate, issuer + own, 0644);
  CHECK(refusal(files).contains("comes first"));
  write_file(files.certificate, own + issuer.substr(0, 200) + issuer.substr(240), 0644);
  CHECK(refusal(files).contains("is damaged"));
}

TEST_CASE("tls: an expired certificate is used, and doubted") {
  const TempDir directory;
  CHECK(context_in(directory)->doubt().empty());
  const auto context = TlsContext::load(make_certificate(directory, "old-", -3600));
  REQUIRE(context);
  CHECK((*context)->doubt().contains("has expired"));
}

TEST_CASE("tls: a conversation, in chunks of any size") {
  const TempDir directory;
  const auto context = context_in(directory);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const std::size_t piece : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{5000}}) {
      CAPTURE(version);
      CAPTURE(piece);
      Talk talk(*context, {.version_max = version});
      talk.piece = piece;
      CHECK(talk.server.phase() == Phase::handshake);
      talk.settle();
      REQUIRE(talk.client.ready());
      CHECK(talk.server.phase() == Phase::open);
      CHECK(SSL_version(talk.client.ssl()) == version);
      const std::string up = "GET / HTTP/1.1\r\n" + std::string(100'000, 'x');
      talk.client.say(up);
      talk.settle();
      CHECK(talk.heard == up);
      std::string down;
      for (int i = 0; i < 20; ++i) {
        const std::string text(TlsSession::text_max - static_cast<std::size_t>(i),
                               static_cast<char>('a' + i));
        CHECK(talk.server.write(text));
        down += text;
      }
      talk.settle();
      CHECK(talk.client.heard() == down);
    }
  }
}

TEST_CASE("tls: each side says when it is done, and may still be spoken to") {
  const TempDir directory;
  const auto context = context_in(directory);
  Talk talk(*context);
  talk.settle();
  talk.client.say("last words");
  talk.client.close();
  talk.settle();
  CHECK(talk.heard == "last words");
  CHECK(talk.server.phase() == Phase::closed);
  CHECK(talk.server.write("farewell"));
  CHECK_FALSE(talk.client.ended());
  talk.server.close();
  talk.server.close();
  talk.settle();
  CHECK(talk.client.heard() == "farewell");
  CHECK(talk.client.ended());
  CHECK_FALSE(talk.server.write("more"));
}

TEST_CASE("tls: plain HTTP is told from TLS by its first byte") {
  const TempDir directory;
  const auto context = context_in(directory);
  for (const std::string_view request : {"GET / HTTP/1.1\r\n\r\n", "DELETE /", "OPTIONS", "P"}) {
    TlsSession session(*context);
    session.receive(request);
    CHECK(session.phase() == Phase::not_tls);
    std::array<char, 100> text;
    CHECK(session.read(text) == 0);
    CHECK_FALSE(session.write("x"));
    CHECK(session.outgoing().empty());
  }
}

TEST_CASE("tls: what is neither fails, and so does what was changed on its way") {
  const TempDir directory;
  const auto context = context_in(directory);
  for (const std::string& bytes :
       {std::string(100, '\0'), std::string("\x16\x03\x01\xff\xff") + std::string(100, 'x'), std::string("{"),
        std::string("\r\n"), std::string(20'000, '\x16')}) {
    TlsSession session(*context);
    session.receive(bytes);
    CHECK(session.phase() == Phase::failed);
    CHECK(session.outgoing().size() < 100);
    session.receive("more");
    CHECK_FALSE(session.write("x"));
  }
  Talk talk(*context);
  talk.settle();
  talk.client.say("text");
  std::string changed = talk.client.outgoing();
  changed.back() = static_cast<char>(changed.back() ^ 1);
  talk.give(changed);
  CHECK(talk.heard.empty());
  CHECK(talk.server.phase() == Phase::failed);
  talk.client.hear(taken_from(talk.server));
  CHECK(talk.client.failed());  // It was told.
}

TEST_CASE("tls: cut in the middle nothing is said, whatever the byte") {
  const TempDir directory;
  const auto context = context_in(directory);
  TlsClient client;
  const std::string hello = client.outgoing();
  REQUIRE(hello.size() > 100);
  for (std::size_t size = 0; size < hello.size(); ++size) {
    TlsSession session(*context);
    session.receive(std::string_view(hello).substr(0, size));
    CHECK(session.phase() == Phase::handshake);
    CHECK(session.outgoing().empty());
    CHECK_FALSE(session.write("too early"));
  }
  Talk talk(*context);
  talk.settle();
  talk.client.say("text");
  const std::string record = talk.client.outgoing();
  talk.give(std::string_view(record).substr(0, record.size() - 1));
  CHECK(talk.heard.empty());
  CHECK(talk.server.phase() == Phase::open);
}

TEST_CASE("tls: old versions and weak suites are refused") {
  const TempDir directory;
  const auto context = context_in(directory);
  const auto phase_with = [&](const TlsClient::Wishes& wishes) {
    Talk talk(*context, wishes);
    talk.settle();
    CHECK(talk.client.failed() == (talk.server.phase() == Phase::failed));
    return talk.server.phase();
  };
  CHECK(phase_with({.version_max = TLS1_VERSION}) == Phase::failed);
  CHECK(phase_with({.version_max = TLS1_1_VERSION}) == Phase::failed);
  CHECK(phase_with({.version_max = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-SHA256"}) == Phase::failed);
  CHECK(phase_with({.version_max = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"}) ==
        Phase::open);
}

TEST_CASE("tls: nothing is negotiated again, kept, or resumed") {
  const TempDir directory;
  const auto context = context_in(directory);
  Talk first(*context, {.version_max = TLS1_2_VERSION});
  first.settle();
  REQUIRE(first.client.ready());
  SSL_SESSION* const session = SSL_get_session(first.client.ssl());
  CHECK(SSL_SESSION_has_ticket(session) == 0);
  unsigned id_size = 0;
  SSL_SESSION_get_id(session, &id_size);
  CHECK(id_size == 0);
  REQUIRE(SSL_renegotiate(first.client.ssl()) == 1);
  SSL_do_handshake(first.client.ssl());
  first.settle();
  CHECK(first.client.failed());

  Talk newer(*context);
  newer.settle();
  CHECK(SSL_SESSION_is_resumable(SSL_get_session(newer.client.ssl())) == 0);
}

TEST_CASE("tls: HTTP/1.1 is agreed on, and a client that wants something else is refused") {
  const TempDir directory;
  const auto context = context_in(directory);
  const auto agreed = [&](const std::string& alpn) {
    Talk talk(*context, {.alpn = alpn});
    talk.settle();
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(talk.client.ssl(), &name, &size);
    return (talk.client.failed() ? "refused " : "") + std::string(reinterpret_cast<const char*>(name), size);
  };
  CHECK(agreed("\x08http/1.1") == "http/1.1");
  CHECK(agreed("\x02h2\x08http/1.1") == "http/1.1");
  CHECK(agreed("\x02h2") == "refused ");
  CHECK(agreed("") == "");
}

TEST_CASE("tls: a session may be destroyed after its context") {
  const TempDir directory;
  auto context = context_in(directory);
  auto session = std::make_unique<TlsSession>(*context);
  session->receive(TlsClient().outgoing());
  context.reset();
  session.reset();
}
