#include "io/local_http.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/version.h"
#include "io/clock.h"
#include "io/http_words.h"
#include "io/local_connection.h"
#include "io/system_error.h"
#include "io/tcp_socket.h"
#include "proto/http_answer.h"

namespace io {
namespace {

// As with libcurl: connections that are kept for further requests, of all servers, and for how long.
constexpr std::size_t kept_max = 256;
constexpr base::Duration kept_for = std::chrono::seconds(118);

// Fields by which a request asks for what is not done here.
constexpr std::string_view for_libcurl[] = {"accept-encoding", "connection", "keep-alive", "te", "upgrade"};
// How a body ends is not for the caller to say.
constexpr std::string_view framing[] = {"content-length", "transfer-encoding", "expect"};
// Asking a second time does nothing a second time.
constexpr std::string_view harmless[] = {"GET", "HEAD", "OPTIONS", "DELETE"};

bool same_name(std::string_view given, std::string_view lower) {
  return std::ranges::equal(given, lower, [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
  });
}

template <std::size_t count>
bool is_one_of(std::string_view given, const std::string_view (&names)[count]) {
  return std::ranges::any_of(names, [&](std::string_view name) { return same_name(given, name); });
}

bool has_field(const proto::HttpFields& fields, std::string_view name) {
  return std::ranges::any_of(fields.all, [&](const auto& field) { return same_name(field.first, name); });
}

void add_line(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

std::string head_of(const LocalUrl& url, const HttpClient::Request& request) {
  std::string head;
  head.reserve(512);
  head.append(request.method).append(" ").append(url.target).append(" HTTP/1.1\r\n");
  const auto add_unless_given = [&](std::string_view name, std::string_view lower, std::string_view value) {
    if (!has_field(request.fields, lower)) add_line(head, name, value);
  };
  add_unless_given("Host", "host", url.port == 80 ? url.name : url.host);
  add_unless_given("User-Agent", "user-agent", "hearth/" + std::string(base::version));
  add_unless_given("Accept", "accept", "*/*");
  add_line(head, "Accept-Encoding", "identity");
  for (const auto& [name, value] : request.fields.all) {
    if (!is_one_of(name, framing)) add_line(head, name, value);
  }
  if (request.body.size() > 0 || request.method == "POST")
    add_line(head, "Content-Length", std::to_string(request.body.size()));
  return head += "\r\n";
}

}  // namespace

struct LocalHttp::State {
  struct Kept {
    std::unique_ptr<LocalConnection> connection;
    base::Instant since;
  };

  Loop& loop;
  ReadBudget budget;
  std::map<std::string, std::vector<Kept>> kept;  // By server; the one that was used last is last.
  std::size_t kept_count = 0;
  std::set<std::string> compressing;  // Servers that do so without being asked to.
  std::vector<Transfer::State*> failed;
  Timer soon;  // For failures at the start of a request: they have to come from the loop.

  explicit State(Loop& on) : loop(on), budget(on), soon(on, [this] { tell_failed(); }) {}

  std::unique_ptr<LocalConnection> take(const std::string& server);
  void keep(const std::string& server, std::unique_ptr<LocalConnection> connection);
  void drop(std::unique_ptr<LocalConnection> connection);
  void forget(LocalConnection& idle);
  void forget_oldest();
  void tell_failed();
};

struct LocalHttp::Transfer::State {
  LocalHttp::State& http;
  LocalUrl url;
  HttpClient::Request request;
  HttpClient::Events events;
  std::string server;  // Under which its connection is kept.
  proto::HttpAnswerReader reader;
  std::vector<std::string> addresses;  // To be tried from next_address on.
  std::size_t next_address = 0;
  std::unique_ptr<LocalConnection> connection;
  LocalConnection::User user;
  bool used_before = false;  // The connection.
  std::optional<Timer> connect_deadline, deadline;
  std::optional<HttpClient::Failure> failure;  // To be told soon.

  State(LocalHttp::State& of, LocalUrl to, HttpClient::Request&& wanted, HttpClient::Events&& told)
      : http(of),
        url(std::move(to)),
        request(std::move(wanted)),
        events(std::move(told)),
        server(url.host + (to_this_user() ? " of this user" : "")),
        reader(request.method == "HEAD"),
        user{.on_connected = [this] { connected(); },
             .on_bytes = [this](std::string_view bytes) { came(bytes); },
             .on_over = [this](LocalConnection::Over how, int code) { over(how, code); }} {}

  bool to_this_user() const { return request.listener == HttpClient::Listener::this_user_or_root; }

  void start() {
    if (request.whole_timeout) {
      deadline.emplace(http.loop, [this] { too_late(); });
      deadline->set(now() + *request.whole_timeout);
    }
    connection = http.take(server);
    if (!connection) return connect();
    used_before = true;
    connection->serve(&user);
    send();
  }

  // To the next address that does not refuse at once.
  void connect() {
    std::erase_if(http.kept, [](const auto& one) { return one.second.empty(); });
    if (addresses.empty()) addresses = url.addresses();
    if (is_strangers()) return;
    int code = 0;
    while (next_address < addresses.size()) {
      auto begun = LocalConnection::begin(http.loop, http.budget, addresses[next_address++], url.port,
                                          [&pool = http](LocalConnection& idle) { pool.forget(idle); });
      if (!begun) {
        code = begun.error().code;
        continue;
      }
      connection = std::move(*begun);
      connection->serve(&user);
      connect_deadline.emplace(http.loop, [this] { too_late(); });
      connect_deadline->set(now() + request.connect_timeout);
      return;
    }
    fail_soon(
        {.why = system_error(http_words::cannot_connect(url.host), code).what, .never_connected = true});
  }

  // A server of another user's, which gets nothing.
  bool is_strangers() {
    const auto stranger =
        to_this_user() ? stranger_at(url.name + ':' + std::to_string(url.port)) : std::nullopt;
    if (stranger) fail_soon({.why = http_words::taken_by(url.host, *stranger), .never_connected = true});
    return stranger.has_value();
  }

  // Another may have come to listen while the connection was made.
  void connected() {
    connect_deadline.reset();
    if (!is_strangers()) send();
  }

  void send() {
    connection->send(head_of(url, request), request.body);
    if (connection->sent_all() && !may_repeat()) request.body = {};
  }

  bool may_repeat() const { return is_one_of_harmless() && request.body.size() == 0; }
  bool is_one_of_harmless() const {
    return std::ranges::find(harmless, request.method) != std::end(harmless);
  }

  // Each callback may end this transfer, which then has no connection any more.
  void came(std::string_view bytes) {
    while (connection) {
      switch (reader.next(bytes)) {
        case proto::HttpAnswerReader::Came::nothing:
          return;
        case proto::HttpAnswerReader::Came::head:
          if (is_compressed()) return;
          events.on_head(reader.status(), reader.fields());
          break;
        case proto::HttpAnswerReader::Came::body:
          events.on_body(reader.body());
          break;
        case proto::HttpAnswerReader::Came::end:
          return complete(bytes.empty() && reader.keeps_connection());
        case proto::HttpAnswerReader::Came::broken:
          return fail({.why = why_broken()});
      }
    }
  }

  bool is_compressed() {
    const std::string_view coding = reader.fields().get("content-encoding");
    if (coding.empty() || same_name(coding, "identity")) return false;
    http.compressing.insert(url.host);
    fail({.why = url.host +
                 " compressed its answer without being asked to; from now on it is asked to, so try again"});
    return true;
  }

  std::string why_broken() const {
    switch (reader.fault()) {
      case proto::HttpAnswerReader::Fault::no_http:
        return http_words::no_http(url.host);
      case proto::HttpAnswerReader::Fault::head_too_long:
        return http_words::head_too_long();
      case proto::HttpAnswerReader::Fault::no_clear_end:
        return http_words::no_clear_end(url.host);
      case proto::HttpAnswerReader::Fault::none:
      case proto::HttpAnswerReader::Fault::cut_off:
        break;
    }
    return http_words::broke_before_end(url.host);
  }

  void over(LocalConnection::Over how, int code) {
    if (how == LocalConnection::Over::closed && reader.begun() &&
        reader.ended() == proto::HttpAnswerReader::Came::end) {
      return complete(false);
    }
    const bool untouched = connection->sent_nothing();
    const bool send_failed = connection->send_failed();
    http.drop(std::move(connection));
    if (how == LocalConnection::Over::not_connected) return not_connected(code);
    if (used_before && !reader.begun() && (untouched || may_repeat())) {
      used_before = false;
      return connect();
    }
    if (reader.begun()) return fail({.why = http_words::broke_before_end(url.host)});
    if (send_failed) return fail({.why = http_words::broke_before_sent(url.host)});
    fail({.why = how == LocalConnection::Over::closed ? http_words::closed_before_answer(url.host)
                                                      : http_words::broke_before_end(url.host)});
  }

  void not_connected(int code) {
    if (next_address < addresses.size()) return connect();
    fail({.why = system_error(http_words::cannot_connect(url.host), code).what, .never_connected = true});
  }

  void too_late() {
    const bool connecting = connect_deadline.has_value();
    fail({.why = connecting ? http_words::not_connected_in_time(url.host)
                            : http_words::not_answered_in_time(url.host),
          .never_connected = connecting,
          .timed_out = true});
  }

  void complete(bool keep) {
    connection->serve(nullptr);
    if (keep && connection->sent_all()) {
      http.keep(server, std::move(connection));
    } else {
      http.drop(std::move(connection));
    }
    end(std::nullopt);
  }

  void fail(HttpClient::Failure why) {
    http.drop(std::move(connection));
    end(why);
  }

  void fail_soon(HttpClient::Failure why) {
    http.drop(std::move(connection));
    connect_deadline.reset();
    deadline.reset();
    failure = std::move(why);
    http.failed.push_back(this);
    http.soon.set(now());
  }

  void end(const std::optional<HttpClient::Failure>& why) {
    connect_deadline.reset();
    deadline.reset();
    events.on_end(why);
  }

  void leave() {
    http.drop(std::move(connection));
    connect_deadline.reset();
    deadline.reset();
    std::erase(http.failed, this);
  }
};

// --- Connections that are kept

std::unique_ptr<LocalConnection> LocalHttp::State::take(const std::string& server) {
  const auto found = kept.find(server);
  while (found != kept.end() && !found->second.empty()) {
    Kept last = std::move(found->second.back());
    found->second.pop_back();
    --kept_count;
    if (now() - last.since < kept_for && last.connection->is_quiet()) return std::move(last.connection);
    drop(std::move(last.connection));
  }
  return nullptr;
}

void LocalHttp::State::keep(const std::string& server, std::unique_ptr<LocalConnection> connection) {
  if (kept_count == kept_max) forget_oldest();
  kept[server].push_back({std::move(connection), now()});
  ++kept_count;
}

void LocalHttp::State::forget_oldest() {
  auto oldest = kept.end();
  for (auto each = kept.begin(); each != kept.end(); ++each) {
    if (each->second.empty()) continue;
    if (oldest == kept.end() || each->second.front().since < oldest->second.front().since) oldest = each;
  }
  drop(std::move(oldest->second.front().connection));
  oldest->second.erase(oldest->second.begin());
  if (oldest->second.empty()) kept.erase(oldest);
  --kept_count;
}

void LocalHttp::State::forget(LocalConnection& idle) {
  for (auto each = kept.begin(); each != kept.end(); ++each) {
    const auto found =
        std::ranges::find(each->second, &idle, [](const Kept& one) { return one.connection.get(); });
    if (found == each->second.end()) continue;
    drop(std::move(found->connection));
    each->second.erase(found);
    if (each->second.empty()) kept.erase(each);
    --kept_count;
    return;
  }
}

// It may be the one whose callback is running.
void LocalHttp::State::drop(std::unique_ptr<LocalConnection> connection) {
  if (!connection) return;
  connection->stop();
  loop.retire(std::move(connection));
}

void LocalHttp::State::tell_failed() {
  while (!failed.empty()) {
    Transfer::State& transfer = *failed.front();
    failed.erase(failed.begin());
    transfer.end(transfer.failure);
  }
}

// --- LocalHttp

LocalHttp::LocalHttp(Loop& loop) : state_(std::make_unique<State>(loop)) {}
LocalHttp::~LocalHttp() = default;

std::optional<LocalUrl> LocalHttp::takes(const HttpClient::Request& request) const {
  auto url = local_url(request.url);
  if (!url || !request.identity.certificate.empty() || !request.identity.key.empty()) return std::nullopt;
  const bool to_this_user = request.listener == HttpClient::Listener::this_user_or_root;
  // A name has two addresses, which may have listeners of different users.
  const bool named = url->name == "localhost";
  const bool asks_more = std::ranges::any_of(
      request.fields.all, [](const auto& field) { return is_one_of(field.first, for_libcurl); });
  const bool compresses = !state_->compressing.empty() && state_->compressing.contains(url->host);
  if ((to_this_user && named) || asks_more || compresses) return std::nullopt;
  return url;
}

LocalHttp::Transfer::Transfer(LocalHttp& http, LocalUrl url, HttpClient::Request request,
                              HttpClient::Events events)
    : state_(std::make_unique<State>(*http.state_, std::move(url), std::move(request), std::move(events))) {
  state_->start();
}

// It may be one of its own callbacks that ends it.
LocalHttp::Transfer::~Transfer() {
  state_->leave();
  Loop& loop = state_->http.loop;
  loop.retire(std::move(state_));
}

}  // namespace io
