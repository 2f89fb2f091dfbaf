#include "io/http_client.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "io/authorities.h"
#include "io/clock.h"
#include "io/curl.h"
#include "io/http_words.h"
#include "io/local_http.h"
#include "io/pem_file.h"

// What libcurl tells is noted with its exchange and told on when libcurl has returned: only then may the one
// who is called begin or abandon requests.

namespace io {
namespace {

constexpr std::size_t head_bytes_max = std::size_t{256} << 10;
// Of one turn: far above what libcurl passes on in one.
constexpr std::size_t untold_bytes_max = std::size_t{64} << 20;

bool is_token(std::string_view text) {
  static constexpr auto allowed = [] {
    std::array<bool, 256> table{};
    for (const char c : "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
      table[static_cast<unsigned char>(c)] = c != '\0';
    }
    return table;
  }();
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return allowed[static_cast<unsigned char>(c)]; });
}

bool spans_lines(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::string lower(std::string_view text) {
  std::string all(text);
  std::ranges::transform(all, all.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return all;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Whatever comes of it, it must not become another request on the wire.
base::Result<void> check(const HttpClient::Request& request) {
  if (!is_token(request.method)) return base::failure("the method of a request is not one of HTTP's");
  const std::string scheme = lower(request.url.substr(0, 8));
  const bool has_controls = std::ranges::any_of(
      request.url, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
  if (has_controls || (!scheme.starts_with("http://") && scheme != "https://")) {
    return base::failure(
        "the URL of the server cannot be used; it has to begin with http:// or https:// and to hold no "
        "blanks");
  }
  for (const auto& [given, value] : request.fields.all) {
    if (!is_token(given)) return base::failure("a header of the request has a name that HTTP does not allow");
    if (spans_lines(value)) {
      return base::failure("the value of the header \"" + given +
                           "\" spans lines, which HTTP does not allow");
    }
  }
  return {};
}

// The lines of a request's head; what frames its body is not for the caller to say.
std::vector<std::string> lines_of(const proto::HttpFields& fields) {
  std::vector<std::string> lines = {"Expect:"};
  bool has_type = false;
  for (const auto& [given, value] : fields.all) {
    const std::string name = lower(given);
    if (name == "content-length" || name == "transfer-encoding" || name == "expect") continue;
    has_type |= name == "content-type";
    // libcurl's spelling of a header without a value.
    lines.push_back(trimmed(value).empty() ? given + ';' : given + ": " + value);
  }
  if (!has_type) lines.emplace_back("Content-Type:");
  return lines;
}

base::Result<Curl::Request> request_for_curl(HttpClient::Request&& request) {
  const auto milliseconds = [](base::Duration time) {
    return std::chrono::ceil<std::chrono::milliseconds>(time);
  };
  const HttpClient::Identity& identity = request.identity;
  if (!identity.key.empty()) {
    // libcurl reads them by itself, later; whether it should is seen here.
    (void)TRY(PemFile::read("certificate", identity.certificate));
    (void)TRY(PemFile::read_secret("key", identity.key));
  }
  return Curl::Request{
      .method = std::move(request.method),
      .url = std::move(request.url),
      .lines = lines_of(request.fields),
      .body = request.body.text(),
      .connect_timeout = milliseconds(request.connect_timeout),
      .whole_timeout = request.whole_timeout.transform(milliseconds),
      .authorities = {},
      .certificate = identity.certificate,
      .key = identity.key,
      .to_this_user = request.listener == HttpClient::Listener::this_user_or_root,
  };
}

// "HTTP/1.1 404 Not Found" → 404; 0 for what is no status line.
int status_of(std::string_view line) {
  const std::size_t blank = line.find(' ');
  if (!line.starts_with("HTTP/") || blank == std::string_view::npos) return 0;
  int status = 0;
  for (const char c : line.substr(blank + 1, 3)) {
    if (c < '0' || c > '9') return 0;
    status = status * 10 + (c - '0');
  }
  return status;
}

struct Head {
  int status = 0;
  proto::HttpFields fields;
  std::size_t bytes = 0;
  bool complete = false;

  // False: more than anybody has use for.
  bool add(std::string_view line) {
    bytes += line.size();
    if (bytes > head_bytes_max) return false;
    if (complete) return true;  // A trailer.
    if (const int begun = status_of(line); begun != 0) {
      status = begun;
      fields = {};
      return true;
    }
    if (trimmed(line).empty()) {
      complete = status >= 200;  // What stands before is said on the way to the answer.
      return true;
    }
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      fields.add(lower(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
    }
    return true;
  }
};

struct Exchange {
  HttpClient::Handle handle = 0;
  HttpClient::Events events;
  Head head;
  bool head_told = false;
  std::string body;  // Not told yet.
  bool ended = false;
  std::string too_much;  // Why it was broken off here; empty: it was not.
  std::optional<HttpClient::Failure> failure;
  bool queued = false;
  std::unique_ptr<Curl::Transfer> transfer;    // This way,
  std::unique_ptr<LocalHttp::Transfer> local;  // or this.

  void let_go() {
    transfer.reset();
    local.reset();
  }
};

}  // namespace

struct HttpClient::State {
  Loop& loop;
  Local ways;
  Timer soon;
  LocalHttp local;
  std::unique_ptr<Curl> curl;
  std::optional<Authorities> authorities;
  std::map<Handle, std::unique_ptr<Exchange>> exchanges;
  std::deque<Handle> to_tell;
  Handle last_handle = 0;

  State(Loop& on, Local how) : loop(on), ways(how), soon(on, [this] { tell_all(); }), local(on) {}

  base::Result<void> begin(Handle handle, Exchange& exchange, Request&& request) {
    TRY(check(request));
    auto url = ways == Local::by_ourselves ? local.takes(request) : std::nullopt;
    if (!url) return begin_over_libcurl(handle, exchange, std::move(request));
    exchange.handle = handle;
    exchange.local =
        std::make_unique<LocalHttp::Transfer>(local, std::move(*url), std::move(request), teller(exchange));
    return {};
  }

  // Told from the loop already, so it is told on at once.
  Events teller(Exchange& exchange) {
    return {.on_head =
                [&exchange](int status, const proto::HttpFields& fields) {
                  if (exchange.events.on_head) exchange.events.on_head(status, fields);
                },
            .on_body =
                [&exchange](std::string_view bytes) {
                  if (exchange.events.on_body) exchange.events.on_body(bytes);
                },
            .on_end =
                [this, &exchange](const std::optional<Failure>& failure) {
                  exchange.failure = failure;
                  end(exchange.handle);
                }};
  }

  base::Result<void> begin_over_libcurl(Handle handle, Exchange& exchange, Request&& request) {
    const std::vector<std::string> files = request.identity.authorities;
    Curl::Request wanted = TRY(request_for_curl(std::move(request)));
    // Tried again with every request: it may have been installed meanwhile.
    if (!curl) curl = TRY(Curl::load(loop, [this] { tell_all(); }));
    if (!files.empty()) {
      if (!authorities) authorities.emplace(curl->system_authorities());
      auto file = authorities->together(files);
      if (!file) return base::failure("a certificate authority cannot be trusted: " + file.error().what);
      wanted.authorities = std::move(*file);
    }
    exchange.transfer =
        std::make_unique<Curl::Transfer>(*curl, std::move(wanted), receiver(handle, exchange));
    return {};
  }

  Curl::Receiver receiver(Handle handle, Exchange& exchange) {
    return {
        .on_line =
            [this, handle, &exchange](std::string_view line) {
              if (!exchange.head.add(line)) {
                exchange.too_much = http_words::head_too_long();
                return false;
              }
              if (exchange.head.complete) queue(handle, exchange);
              return true;
            },
        .on_body =
            [this, handle, &exchange](std::string_view bytes) {
              if (exchange.body.size() + bytes.size() > untold_bytes_max) return false;
              exchange.body += bytes;
              queue(handle, exchange);
              return true;
            },
        .on_end =
            [this, handle, &exchange](std::optional<Curl::Failure> failure) {
              if (failure) {
                exchange.failure =
                    Failure{exchange.too_much.empty() ? std::move(failure->why) : exchange.too_much,
                            failure->never_connected, failure->timed_out};
              }
              exchange.ended = true;
              queue(handle, exchange);
            },
    };
  }

  void queue(Handle handle, Exchange& exchange) {
    if (!std::exchange(exchange.queued, true)) to_tell.push_back(handle);
  }

  Exchange* find(Handle handle) {
    const auto found = exchanges.find(handle);
    return found == exchanges.end() ? nullptr : found->second.get();
  }

  void tell_all() {
    while (!to_tell.empty()) {
      const Handle handle = to_tell.front();
      to_tell.pop_front();
      tell(handle);
    }
  }

  // Each callback may abandon this very exchange, which then lives on until the end of the turn.
  void tell(Handle handle) {
    Exchange* exchange = find(handle);
    if (exchange == nullptr) return;
    exchange->queued = false;
    if (exchange->head.complete && !std::exchange(exchange->head_told, true) && exchange->events.on_head) {
      exchange->events.on_head(exchange->head.status, exchange->head.fields);
    }
    if (find(handle) == nullptr) return;
    if (!exchange->body.empty()) {
      const std::string body = std::exchange(exchange->body, {});
      if (exchange->events.on_body) exchange->events.on_body(body);
    }
    if (find(handle) == nullptr || !exchange->ended) return;
    end(handle);
  }

  void end(Handle handle) {
    const auto ended = exchanges.extract(handle);
    Exchange& exchange = *ended.mapped();
    exchange.let_go();
    if (exchange.events.on_end) exchange.events.on_end(exchange.failure);
  }

  void abandon(Handle handle) {
    auto abandoned = exchanges.extract(handle);
    if (abandoned.empty()) return;
    abandoned.mapped()->let_go();
    loop.retire(std::move(abandoned.mapped()));
  }
};

HttpClient::HttpClient(Loop& loop, Local local) : state_(std::make_unique<State>(loop, local)) {}

HttpClient::~HttpClient() = default;

HttpClient::Handle HttpClient::start(Request request, Events events) {
  const Handle handle = ++state_->last_handle;
  auto& exchange = *state_->exchanges.emplace(handle, std::make_unique<Exchange>()).first->second;
  exchange.events = std::move(events);
  if (auto begun = state_->begin(handle, exchange, std::move(request)); !begun) {
    exchange.failure = Failure{.why = std::move(begun.error().what), .never_connected = true};
    exchange.ended = true;
    state_->queue(handle, exchange);
    state_->soon.set(now());
  }
  return handle;
}

void HttpClient::abandon(Handle handle) {
  state_->abandon(handle);
}

}  // namespace io
