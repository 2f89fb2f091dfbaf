#include "io/tls.h"

#include <array>
#include <utility>

#include "base/ensure.h"
#include "io/openssl.h"
#include "io/pem_file.h"

namespace io {
namespace {

// Forward secrecy and authenticated encryption only. The suites of TLS 1.3 are all like that.
constexpr const char* ciphers_of_tls_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";

// What a client's first record begins with. OpenSSL would wait for five bytes before it looked.
constexpr char first_of_handshake = 22;

// As the protocol writes it: its length, its name.
constexpr std::array<unsigned char, 9> http_1_1 = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// "ee key too small"; empty if OpenSSL has nothing to say.
std::string reason(const OpenSsl& openssl) {
  const char* why = openssl.err_reason_error_string(openssl.err_peek_last_error());
  return why != nullptr ? std::string(": ") + why : std::string();
}

// Without it OpenSSL would ask on the terminal.
int no_passphrase(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

int select_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void* openssl) {
  unsigned char* found = nullptr;
  const int outcome = static_cast<const OpenSsl*>(openssl)->select_next_proto(
      &found, size, http_1_1.data(), http_1_1.size(), offered, offered_size);
  *chosen = found;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

struct TlsContext::State {
  using Certificate = std::unique_ptr<X509, decltype(OpenSsl::x509_free)>;
  using Key = std::unique_ptr<EVP_PKEY, decltype(OpenSsl::evp_pkey_free)>;
  using Bio = std::unique_ptr<BIO, decltype(OpenSsl::bio_free)>;

  explicit State(const OpenSsl& loaded)
      : openssl(loaded), ctx(openssl.ctx_new(openssl.server_method()), openssl.ctx_free) {}

  OpenSsl openssl;
  std::unique_ptr<SSL_CTX, decltype(OpenSsl::ctx_free)> ctx;
  std::string doubt;

  long control(int command, long number, void* argument = nullptr) const {
    return openssl.ctx_ctrl(ctx.get(), command, number, argument);
  }

  bool set_up();
  base::Result<void> use(const TlsFiles& files);
  base::Result<Certificate> use_certificates(const std::string& path);
  base::Result<Certificate> next_certificate(BIO* from, const std::string& path) const;
  base::Result<Key> read_key(const std::string& path) const;
};

bool TlsContext::State::set_up() {
  if (!ctx) return false;
  openssl.ctx_set_options(ctx.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  control(SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF);
  // An idle connection gives its buffers back.
  control(SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS);
  openssl.ctx_set_alpn_select_cb(ctx.get(), select_protocol, &openssl);
  return control(SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION) == 1 &&
         openssl.ctx_set_num_tickets(ctx.get(), 0) == 1 &&
         openssl.ctx_set_cipher_list(ctx.get(), ciphers_of_tls_1_2) == 1;
}

base::Result<void> TlsContext::State::use(const TlsFiles& files) {
  const Certificate certificate = TRY(use_certificates(files.certificate));
  const Key key = TRY(read_key(files.key));
  if (openssl.x509_check_private_key(certificate.get(), key.get()) != 1) {
    return base::failure("the key in " + files.key + " does not belong to the certificate in " +
                         files.certificate +
                         "; give the two that were made together, and see that the server's own certificate "
                         "comes first in its file");
  }
  if (openssl.ctx_use_private_key(ctx.get(), key.get()) != 1)
    return base::failure("the key in " + files.key + " cannot be used" + reason(openssl) +
                         "; make a new one and a certificate for it");
  return {};
}

// The first is the server's own, and returned.
base::Result<TlsContext::State::Certificate> TlsContext::State::use_certificates(const std::string& path) {
  const PemFile file = TRY(PemFile::read("certificate", path));
  const Bio from(openssl.bio_new_mem_buf(file.text().data(), static_cast<int>(file.text().size())),
                 openssl.bio_free);
  Certificate own = TRY(next_certificate(from.get(), path));
  if (!own) return base::failure(path + " holds no certificate in PEM; see whether it is the right file");
  if (openssl.ctx_use_certificate(ctx.get(), own.get()) != 1)
    return base::failure("the certificate in " + path + " cannot be used" + reason(openssl) +
                         "; have a new one made");
  while (true) {
    const Certificate issuer = TRY(next_certificate(from.get(), path));
    if (!issuer) break;
    // Counted by the context, which holds on to it.
    if (control(SSL_CTRL_CHAIN_CERT, 1, issuer.get()) != 1)
      return base::failure("a certificate in " + path + " cannot be used" + reason(openssl) +
                           "; have a new chain made");
  }
  if (openssl.x509_cmp_current_time(openssl.x509_not_after(own.get())) < 0)
    doubt = "the certificate in " + path + " has expired, and clients will not believe it; renew it";
  return own;
}

// Null at the end of the file.
base::Result<TlsContext::State::Certificate> TlsContext::State::next_certificate(
    BIO* from, const std::string& path) const {
  openssl.err_clear_error();
  Certificate found(openssl.pem_read_certificate(from, nullptr, nullptr, nullptr), openssl.x509_free);
  const unsigned long error = found ? 0 : openssl.err_peek_last_error();
  openssl.err_clear_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (!found && !at_end)
    return base::failure("a certificate in " + path + " is damaged; have it made, or copy it, again");
  return found;
}

base::Result<TlsContext::State::Key> TlsContext::State::read_key(const std::string& path) const {
  const PemFile file = TRY(PemFile::read_secret("key", path));
  const Bio from(openssl.bio_new_mem_buf(file.text().data(), static_cast<int>(file.text().size())),
                 openssl.bio_free);
  bool was_asked = false;
  Key key(openssl.pem_read_private_key(from.get(), nullptr, no_passphrase, &was_asked),
          openssl.evp_pkey_free);
  openssl.err_clear_error();
  if (was_asked)
    return base::failure("the key in " + path +
                         " is encrypted, and nobody is there to type its passphrase; give the file that "
                         "`openssl pkey -in " +
                         path + "` writes, with mode 0600");
  if (!key) return base::failure(path + " holds no private key in PEM; see whether it is the right file");
  return key;
}

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

base::Result<std::unique_ptr<TlsContext>> TlsContext::load(const TlsFiles& files) {
  auto state = std::make_unique<State>(TRY(load_openssl()));
  state->openssl.err_clear_error();
  if (!state->set_up()) return base::failure("OpenSSL cannot be set up" + reason(state->openssl));
  TRY(state->use(files));
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(state)));
}

const std::string& TlsContext::doubt() const {
  return state_->doubt;
}

// --- TlsSession

struct TlsSession::State {
  explicit State(const TlsContext::State& context)
      : openssl(context.openssl),
        ssl(openssl.ssl_new(context.ctx.get()), openssl.ssl_free),
        in(openssl.bio_new(openssl.bio_s_mem())),
        out(openssl.bio_new(openssl.bio_s_mem())) {
    ensure(ssl != nullptr && in != nullptr && out != nullptr);
    openssl.ssl_set_bio(ssl.get(), in, out);
    openssl.ssl_set_accept_state(ssl.get());
  }

  const OpenSsl& openssl;
  std::unique_ptr<SSL, decltype(OpenSsl::ssl_free)> ssl;
  BIO* in;  // Both belong to ssl.
  BIO* out;
  Phase phase = Phase::handshake;
  bool begun = false;
  bool said_all = false;
  std::string outgoing;
  std::size_t taken = 0;

  // The queue of errors belongs to the thread, and libcurl's OpenSSL may have left something there: it must
  // be empty before each of these.
  void shake_hands() {
    openssl.err_clear_error();
    const int outcome = openssl.ssl_do_handshake(ssl.get());
    if (outcome == 1) {
      phase = Phase::open;
    } else {
      unfinished(outcome);
    }
  }

  void unfinished(int outcome) {
    switch (openssl.ssl_get_error(ssl.get(), outcome)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        break;
      case SSL_ERROR_ZERO_RETURN:
        phase = Phase::closed;
        break;
      default:
        phase = Phase::failed;
        break;
    }
    openssl.err_clear_error();
  }

  void collect() {
    std::array<char, 4096> piece;
    for (int got = 0; (got = openssl.bio_read(out, piece.data(), piece.size())) > 0;)
      outgoing.append(piece.data(), static_cast<std::size_t>(got));
  }
};

TlsSession::TlsSession(const TlsContext& context) : state_(std::make_unique<State>(*context.state_)) {}
TlsSession::~TlsSession() = default;

TlsSession::Phase TlsSession::phase() const {
  return state_->phase;
}

void TlsSession::receive(std::string_view bytes) {
  State& state = *state_;
  if (bytes.empty() || (state.phase != Phase::handshake && state.phase != Phase::open)) return;
  if (!std::exchange(state.begun, true) && bytes.front() != first_of_handshake) {
    const bool is_letter = bytes.front() >= 'A' && bytes.front() <= 'Z';  // Of a method.
    state.phase = is_letter ? Phase::not_tls : Phase::failed;
    return;
  }
  const int size = static_cast<int>(bytes.size());
  ensure(state.openssl.bio_write(state.in, bytes.data(), size) == size);
  if (state.phase == Phase::handshake) state.shake_hands();
  state.collect();
}

std::size_t TlsSession::read(std::span<char> into) {
  State& state = *state_;
  if (state.phase != Phase::open) return 0;
  state.openssl.err_clear_error();
  const int got = state.openssl.ssl_read(state.ssl.get(), into.data(), static_cast<int>(into.size()));
  if (got <= 0) state.unfinished(got);
  state.collect();
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

bool TlsSession::write(std::string_view text) {
  State& state = *state_;
  ensure(text.size() <= text_max);
  if ((state.phase != Phase::open && state.phase != Phase::closed) || state.said_all) return false;
  if (text.empty()) return true;
  state.openssl.err_clear_error();
  const int put = state.openssl.ssl_write(state.ssl.get(), text.data(), static_cast<int>(text.size()));
  state.collect();
  if (put == static_cast<int>(text.size())) return true;
  // Memory takes everything, so a part that was not taken will never be.
  state.openssl.err_clear_error();
  state.phase = Phase::failed;
  return false;
}

void TlsSession::close() {
  State& state = *state_;
  if ((state.phase != Phase::open && state.phase != Phase::closed) || std::exchange(state.said_all, true))
    return;
  state.openssl.err_clear_error();
  static_cast<void>(state.openssl.ssl_shutdown(state.ssl.get()));
  state.openssl.err_clear_error();
  state.collect();
}

std::string_view TlsSession::outgoing() const {
  return std::string_view(state_->outgoing).substr(state_->taken);
}

void TlsSession::taken(std::size_t count) {
  State& state = *state_;
  state.taken += count;
  ensure(state.taken <= state.outgoing.size());
  if (state.taken < state.outgoing.size()) return;
  state.outgoing = {};
  state.taken = 0;
}

}  // namespace io
