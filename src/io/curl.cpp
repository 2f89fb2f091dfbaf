#include "io/curl.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/ensure.h"
#include "base/version.h"
#include "io/clock.h"
#include "io/curl_failure.h"
#include "io/http_words.h"
#include "io/tcp_socket.h"

namespace io {
namespace {

constexpr unsigned version_of_quick_exit = 0x075700;
constexpr unsigned version_of_protocols_str = 0x075500;
constexpr unsigned version_of_prereq = 0x075000;
constexpr unsigned version_of_cainfo = 0x074600;

// Of one transfer in one turn; what its server says is read, understood and passed on within it.
constexpr std::size_t turn_bytes = std::size_t{128} << 10;
// Of all of them: beyond it, each has one piece (16 KiB).
constexpr std::size_t turn_bytes_of_all = std::size_t{256} << 10;

// Connections that are kept for further requests. libcurl's own measure, four for each request under way at
// that moment, would have many sessions open and close them all the time.
constexpr long kept_connections_max = 256;

constexpr std::array library_names = {"libcurl.so.4", "libcurl-gnutls.so.4"};
constexpr unsigned version_least = 0x073d00;  // 7.61, of 2018.

struct Functions {
  decltype(::curl_global_init)* global_init = nullptr;
  decltype(::curl_global_cleanup)* global_cleanup = nullptr;
  decltype(::curl_version_info)* version_info = nullptr;
  decltype(::curl_easy_init)* easy_init = nullptr;
  decltype(::curl_easy_cleanup)* easy_cleanup = nullptr;
  decltype(::curl_easy_setopt)* easy_setopt = nullptr;
  decltype(::curl_easy_getinfo)* easy_getinfo = nullptr;
  decltype(::curl_easy_pause)* easy_pause = nullptr;
  decltype(::curl_easy_strerror)* easy_strerror = nullptr;
  decltype(::curl_slist_append)* slist_append = nullptr;
  decltype(::curl_slist_free_all)* slist_free_all = nullptr;
  decltype(::curl_multi_init)* multi_init = nullptr;
  decltype(::curl_multi_cleanup)* multi_cleanup = nullptr;
  decltype(::curl_multi_setopt)* multi_setopt = nullptr;
  decltype(::curl_multi_add_handle)* multi_add_handle = nullptr;
  decltype(::curl_multi_remove_handle)* multi_remove_handle = nullptr;
  decltype(::curl_multi_socket_action)* multi_socket_action = nullptr;
  decltype(::curl_multi_info_read)* multi_info_read = nullptr;
};

bool find_in(void* library, Functions& functions) {
  const auto find = [&](const char* name, auto*& function) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    return function != nullptr;
  };
  return find("curl_global_init", functions.global_init) &&
         find("curl_global_cleanup", functions.global_cleanup) &&
         find("curl_version_info", functions.version_info) && find("curl_easy_init", functions.easy_init) &&
         find("curl_easy_cleanup", functions.easy_cleanup) &&
         find("curl_easy_setopt", functions.easy_setopt) &&
         find("curl_easy_getinfo", functions.easy_getinfo) && find("curl_easy_pause", functions.easy_pause) &&
         find("curl_easy_strerror", functions.easy_strerror) &&
         find("curl_slist_append", functions.slist_append) &&
         find("curl_slist_free_all", functions.slist_free_all) &&
         find("curl_multi_init", functions.multi_init) &&
         find("curl_multi_cleanup", functions.multi_cleanup) &&
         find("curl_multi_setopt", functions.multi_setopt) &&
         find("curl_multi_add_handle", functions.multi_add_handle) &&
         find("curl_multi_remove_handle", functions.multi_remove_handle) &&
         find("curl_multi_socket_action", functions.multi_socket_action) &&
         find("curl_multi_info_read", functions.multi_info_read);
}

// Never unloaded: TLS libraries leave handlers for the end of the process behind.
base::Result<Functions> load_functions() {
  void* library = nullptr;
  for (const char* name : library_names) {
    if (library == nullptr) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  }
  if (library == nullptr) {
    return base::failure(
        "requests to HTTP servers need libcurl, which is not installed here; install it (the package is "
        "called libcurl4 on Debian and Ubuntu, libcurl elsewhere) and try again");
  }
  Functions functions;
  if (!find_in(library, functions) || functions.version_info(CURLVERSION_NOW)->version_num < version_least) {
    return base::failure("the libcurl that is installed here is too old; 7.61 or later is needed");
  }
  if (functions.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return base::failure("libcurl cannot be set up; see whether its packages are complete");
  }
  return functions;
}

Interest interest_of(int what) {
  switch (what) {
    case CURL_POLL_IN:
      return Interest::read;
    case CURL_POLL_OUT:
      return Interest::write;
    case CURL_POLL_INOUT:
      return Interest::read_or_write;
    default:
      return Interest::none;
  }
}

}  // namespace

struct Curl::State {
  Loop& loop;
  std::function<void()> settled;
  Functions functions;
  unsigned version;
  struct Socket {
    bool ours = false;  // Opened here and closed here: nothing else happens to its descriptor meanwhile.
    bool idle = false;  // No transfer uses it.
    bool connected = false;
    Watch watch;
  };
  std::map<int, Socket> sockets;
  Timer timer;
  CURLM* multi = nullptr;
  std::set<Transfer::State*> paused;
  Timer go_on;
  std::uint64_t turn = 0;
  std::size_t taken = 0;  // In that turn, by all.

  State(Loop& on, std::function<void()> told, const Functions& loaded)
      : loop(on),
        settled(std::move(told)),
        functions(loaded),
        version(loaded.version_info(CURLVERSION_NOW)->version_num),
        timer(on, [this] { act(CURL_SOCKET_TIMEOUT); }),
        go_on(on, [this] { resume(); }) {
    multi = functions.multi_init();
    ensure(multi != nullptr);
    functions.multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &State::watch_socket);
    functions.multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    functions.multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &State::set_timer);
    functions.multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    functions.multi_setopt(multi, CURLMOPT_MAXCONNECTS, kept_connections_max);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    functions.multi_cleanup(multi);
    functions.global_cleanup();
  }

  int open_socket(const curl_sockaddr& address) {
    const int opened = socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
    if (opened < 0) return opened;
    sockets.insert_or_assign(opened, Socket{.ours = true, .idle = false, .connected = false, .watch = {}});
    if (address.family == AF_INET || address.family == AF_INET6) notice_vanished_peer(opened);
    return opened;
  }

  static int close_socket(void* self, curl_socket_t socket) {
    static_cast<State*>(self)->sockets.erase(socket);
    return close(socket);
  }

  // Between two requests a connection is still watched: the next one will want to hear of the same.
  static int watch_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    State& state = *static_cast<State*>(self);
    const auto known = state.sockets.find(socket);
    if (what == CURL_POLL_REMOVE) {
      if (known == state.sockets.end()) return 0;
      known->second.idle = true;
      // One that is given up before it is connected may have been closed without a word.
      if (!known->second.connected) known->second.ours = false;
      if (!known->second.ours) state.sockets.erase(known);
      return 0;
    }
    Socket& wanted = known != state.sockets.end() ? known->second : state.sockets[socket];
    wanted.idle = false;
    wanted.connected |= (what & CURL_POLL_IN) != 0;
    if (wanted.watch) {
      wanted.watch.set(interest_of(what));
      return 0;
    }
    auto watch = state.loop.watch(socket, interest_of(what), [&state, socket] { state.ready(socket); });
    if (watch) wanted.watch = std::move(*watch);
    return 0;
  }

  void ready(int socket) {
    Socket& known = sockets.at(socket);
    if (known.idle) {
      known.watch.set(Interest::none);  // libcurl will see that by itself when it wants to use it again.
    } else {
      act(socket);
    }
  }

  static int set_timer(CURLM*, long wait, void* self) {
    State& state = *static_cast<State*>(self);
    if (wait < 0) {
      state.timer.clear();
    } else {
      state.timer.set(now() + std::chrono::milliseconds(wait));
    }
    return 0;
  }

  // libcurl looks itself what a socket is ready for.
  void act(curl_socket_t socket) {
    int running = 0;
    functions.multi_socket_action(multi, socket, 0, &running);
    collect_ended();
    settled();
  }

  // Transfers that have had their part of an earlier turn.
  void resume();
  void collect_ended();
};

struct Curl::Transfer::State {
  Curl::State& curl;
  Request request;
  Receiver receiver;
  CURL* easy = nullptr;
  curl_slist* lines = nullptr;
  std::size_t body_sent = 0;
  std::uint64_t turn = 0;
  std::size_t taken = 0;  // In that turn.
  std::string refused;    // Why nothing is sent to the one who listens; empty: no reason is known.
  std::array<char, CURL_ERROR_SIZE> complaint{};

  State(Curl::State& of, Request wanted, Receiver told)
      : curl(of), request(std::move(wanted)), receiver(std::move(told)), easy(curl.functions.easy_init()) {
    ensure(easy != nullptr);
    for (const std::string& line : request.lines) {
      curl_slist* const longer = curl.functions.slist_append(lines, line.c_str());
      ensure(longer != nullptr);
      lines = longer;
    }
    set_up();
    set_what();
    set_identity();
    set_receiver();
    curl.functions.multi_add_handle(curl.multi, easy);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    curl.paused.erase(this);
    curl.functions.multi_remove_handle(curl.multi, easy);
    curl.functions.easy_cleanup(easy);
    curl.functions.slist_free_all(lines);
  }

  template <class T>
  void set(CURLoption option, T value) {
    curl.functions.easy_setopt(easy, option, value);
  }
  template <class T>
  T info(CURLINFO what) const {
    T value{};
    curl.functions.easy_getinfo(easy, what, &value);
    return value;
  }

  void set_up() {
    const std::string agent = "hearth/" + std::string(base::version);
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, agent.c_str());
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_ACCEPT_ENCODING, "");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_ERRORBUFFER, complaint.data());
    set(CURLOPT_OPENSOCKETFUNCTION, &State::open_socket);
    set(CURLOPT_OPENSOCKETDATA, this);
    set(CURLOPT_CLOSESOCKETFUNCTION, &Curl::State::close_socket);
    set(CURLOPT_CLOSESOCKETDATA, &curl);
#if LIBCURL_VERSION_NUM >= 0x075500
    // Where there is no such option, the caller's look at the URL has to do: nothing is redirected.
    if (curl.version >= version_of_protocols_str) set(CURLOPT_PROTOCOLS_STR, "http,https");
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    // Without it an abandoned request waits for the resolver, and the loop with it.
    if (curl.version >= version_of_quick_exit) set(CURLOPT_QUICK_EXIT, 1L);
#endif
  }

  void set_what() {
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_HTTPHEADER, lines);
    // A proxy cannot reach what listens on this machine for this machine.
    if (is_local(host_of(request.url))) set(CURLOPT_PROXY, "");
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
    if (request.whole_timeout) {
      set(CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(request.whole_timeout->count())));
    }
    if (request.method == "POST" || !request.body.empty()) {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_READFUNCTION, &State::read_body);
      set(CURLOPT_READDATA, this);
      set(CURLOPT_SEEKFUNCTION, &State::rewind_body);
      set(CURLOPT_SEEKDATA, this);
    }
    if (request.method == "HEAD") {
      set(CURLOPT_NOBODY, 1L);
    } else if (request.method != "GET" && request.method != "POST") {
      set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
  }

  void set_identity() {
    if (!request.authorities.empty()) set(CURLOPT_CAINFO, request.authorities.c_str());
    if (!request.certificate.empty()) {
      set(CURLOPT_SSLCERT, request.certificate.c_str());
      set(CURLOPT_SSLKEY, request.key.c_str());
      set(CURLOPT_KEYPASSWD, "");  // Else a key with a password would be asked for on a terminal.
    }
#if LIBCURL_VERSION_NUM >= 0x075000
    // Another may have come to listen while the connection was made.
    if (request.to_this_user && curl.version >= version_of_prereq) {
      set(CURLOPT_PREREQFUNCTION, &State::before_request);
      set(CURLOPT_PREREQDATA, this);
    }
#endif
  }

  bool to_a_stranger() {
    const std::string host = host_of(request.url);
    const auto stranger = request.to_this_user ? stranger_at(host) : std::nullopt;
    if (stranger) refused = http_words::taken_by(host, *stranger);
    return stranger.has_value();
  }
  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    State& state = *static_cast<State*>(self);
    return state.to_a_stranger() ? CURL_SOCKET_BAD : state.curl.open_socket(*address);
  }
#if LIBCURL_VERSION_NUM >= 0x075000
  static int before_request(void* self, char*, char*, int, int) {
    State& state = *static_cast<State*>(self);
    const bool is_new = state.info<long>(CURLINFO_NUM_CONNECTS) > 0;
    return is_new && state.to_a_stranger() ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
  }
#endif

  void set_receiver() {
    set(CURLOPT_HEADERFUNCTION, &State::receive_line);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &State::receive_body);
    set(CURLOPT_WRITEDATA, this);
  }

  static std::size_t read_body(char* to, std::size_t size, std::size_t count, void* self) {
    State& state = *static_cast<State*>(self);
    const std::size_t part = std::min(size * count, state.request.body.size() - state.body_sent);
    std::memcpy(to, state.request.body.data() + state.body_sent, part);
    state.body_sent += part;
    return part;
  }

  // When a kept connection breaks before anything was answered, libcurl would send the request a second time:
  // the server may have carried it out.
  static int rewind_body(void* self, curl_off_t, int) {
    return static_cast<State*>(self)->body_sent == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
  }

  // Fewer bytes than given is what libcurl takes for a failure.
  static std::size_t receive_line(char* bytes, std::size_t size, std::size_t count, void* self) {
    return static_cast<State*>(self)->receiver.on_line({bytes, size * count}) ? size * count : 0;
  }
  static std::size_t receive_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    State& state = *static_cast<State*>(self);
    const std::size_t all = size * count;
    if (all == 0) return 0;
    if (!state.may_take(all)) {
      state.curl.paused.insert(&state);
      state.curl.go_on.set(now());
      return CURL_WRITEFUNC_PAUSE;
    }
    return state.receiver.on_body({bytes, all}) ? all : 0;
  }

  // The first piece of a turn always.
  bool may_take(std::size_t bytes) {
    const std::uint64_t current = curl.loop.turn();
    if (std::exchange(turn, current) != current) taken = 0;
    if (std::exchange(curl.turn, current) != current) curl.taken = 0;
    const bool enough = taken >= turn_bytes || (taken > 0 && curl.taken >= turn_bytes_of_all);
    if (enough) return false;
    taken += bytes;
    curl.taken += bytes;
    return true;
  }

  void ended(CURLcode code) const {
    if (code == CURLE_OK) {
      receiver.on_end(std::nullopt);
      return;
    }
    if (!refused.empty()) {
      receiver.on_end(Failure{.why = refused, .never_connected = true});
      return;
    }
    const CurlEnd end{
        .code = static_cast<int>(code),
        .system_code = static_cast<int>(info<long>(CURLINFO_OS_ERRNO)),
        .host = host_of(request.url),
        .complaint = complaint.data(),
        .words = curl.functions.easy_strerror(code),
        .sent = info<long>(CURLINFO_REQUEST_SIZE) > 0,
        .began = info<curl_off_t>(CURLINFO_PRETRANSFER_TIME_T) > 0,
    };
    receiver.on_end(Failure{.why = why_it_ended(end),
                            .never_connected = never_connected(end),
                            .timed_out = code == CURLE_OPERATION_TIMEDOUT});
  }
};

void Curl::State::collect_ended() {
  int left = 0;
  while (const CURLMsg* message = functions.multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    Transfer::State* transfer = nullptr;
    functions.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    transfer->ended(code);
  }
}

void Curl::State::resume() {
  for (Transfer::State* transfer : std::exchange(paused, {})) {
    functions.easy_pause(transfer->easy, CURLPAUSE_CONT);
  }
  act(CURL_SOCKET_TIMEOUT);
}

Curl::Transfer::Transfer(Curl& curl, Request request, Receiver receiver)
    : state_(std::make_unique<State>(*curl.state_, std::move(request), std::move(receiver))) {}

Curl::Transfer::~Transfer() = default;

base::Result<std::unique_ptr<Curl>> Curl::load(Loop& loop, std::function<void()> settled) {
  const Functions functions = TRY(load_functions());
  return std::unique_ptr<Curl>(new Curl(std::make_unique<State>(loop, std::move(settled), functions)));
}

std::string Curl::system_authorities() const {
#if LIBCURL_VERSION_NUM >= 0x074600
  const char* file = state_->version >= version_of_cainfo
                         ? state_->functions.version_info(CURLVERSION_SEVENTH)->cainfo
                         : nullptr;
  if (file != nullptr) return file;
#endif
  return "/etc/ssl/certs/ca-certificates.crt";
}

Curl::Curl(std::unique_ptr<State> state) : state_(std::move(state)) {}
Curl::~Curl() = default;

}  // namespace io
