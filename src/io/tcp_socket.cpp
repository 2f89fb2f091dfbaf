#include "io/tcp_socket.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "io/files.h"
#include "io/system_error.h"

namespace io {

namespace {

// A peer that acknowledges nothing for so long has vanished; one that is silent for so long is asked.
constexpr int vanished_after_ms = 120'000;
constexpr int silent_after_s = 60;

// A machine elsewhere that has vanished is noticed within a minute: by asking it while nothing is under way,
// and by what it does not acknowledge otherwise.
constexpr int remote_silent_after_s = 20;
constexpr int ask_every_s = 10;
constexpr int asked_most = 3;
constexpr int remote_vanished_after_ms = 50'000;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

base::Result<Address> address_of(const std::string& text, std::uint16_t port) {
  Address address;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.size = sizeof v4;
    return address;
  }
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.size = sizeof v6;
    return address;
  }
  return base::failure("cannot listen on \"" + text + "\": it is no numeric address like 127.0.0.1 or ::1",
                       EINVAL);
}

// "127.0.0.1:8080", "[::1]:8080"
std::string name_of(const std::string& address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? '[' + address + ']' : address) + ':' + std::to_string(port);
}

base::Result<void> set_option(const Descriptor& socket, int level, int option, int value) {
  if (setsockopt(socket.get(), level, option, &value, sizeof value) == 0) return {};
  return system_failure("cannot set up a socket");
}

struct TcpListener {
  std::string address;  // As the kernel writes it: hexadecimal, in the order of the machine.
  unsigned uid = 0;
  std::string inode;
};

template <class Number>
bool reads(std::string_view text, int base, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size();
}

// "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 …", if it
// is of a socket that listens on the port.
std::optional<TcpListener> listener_in(std::string_view line, std::uint16_t port) {
  std::array<std::string_view, 10> words;
  for (std::string_view& word : words) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
  }
  const std::string_view local = words[1];
  std::uint16_t local_port = 0;
  TcpListener found;
  found.address = local.substr(0, local.rfind(':'));
  found.inode = words[9];
  const bool listens = words[3] == "0A" && reads(local.substr(local.rfind(':') + 1), 16, local_port);
  return listens && local_port == port && reads(words[7], 10, found.uid) ? std::optional(found)
                                                                         : std::nullopt;
}

// The first, from /proc/net/tcp or tcp6.
std::optional<TcpListener> find_in(const char* table, std::uint16_t port) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(table, "re"), &std::fclose);
  std::array<char, 512> line;
  while (file && std::fgets(line.data(), line.size(), file.get()) != nullptr) {
    if (auto found = listener_in(line.data(), port)) return found;
  }
  return std::nullopt;
}

// Like find_in(), of those that listen on this address.
std::optional<TcpListener> find_at(const char* table, std::uint16_t port, std::string_view address) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(table, "re"), &std::fclose);
  std::array<char, 512> line;
  while (file && std::fgets(line.data(), line.size(), file.get()) != nullptr) {
    auto found = listener_in(line.data(), port);
    if (found && found->address == address) return found;
  }
  return std::nullopt;
}

// As /proc writes an address of so many bytes: words of four, each in the order of the machine.
std::string in_table(const void* address, std::size_t size) {
  std::string text;
  for (std::size_t at = 0; at < size; at += sizeof(std::uint32_t)) {
    std::uint32_t word = 0;
    std::memcpy(&word, static_cast<const char*>(address) + at, sizeof word);
    std::array<char, 9> digits;
    std::snprintf(digits.data(), digits.size(), "%08X", word);
    text += digits.data();
  }
  return text;
}

std::string in_table(const char* address) {
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, address, &v4) == 1) return in_table(&v4, sizeof v4);
  inet_pton(AF_INET6, address, &v6);
  return in_table(&v6, sizeof v6);
}

constexpr const char* table_v4 = "/proc/net/tcp";
constexpr const char* table_v6 = "/proc/net/tcp6";

// The socket that the kernel would give a connection to: the one that is bound most narrowly.
std::optional<TcpListener> taker_of(Loopback address, std::uint16_t port) {
  struct Place {
    const char* table;
    const char* address;
  };
  constexpr std::array v4 = {Place{table_v4, "127.0.0.1"}, Place{table_v6, "::ffff:127.0.0.1"},
                             Place{table_v4, "0.0.0.0"}, Place{table_v6, "::"}};
  constexpr std::array v6 = {Place{table_v6, "::1"}, Place{table_v6, "::"}};
  const std::span<const Place> places = address == Loopback::v4 ? std::span<const Place>(v4) : v6;
  for (const Place& place : places) {
    if (auto found = find_at(place.table, port, in_table(place.address))) return found;
  }
  return std::nullopt;
}

std::string user_named(unsigned uid) {
  const passwd* const user = getpwuid(uid);
  const std::string number = "uid " + std::to_string(uid);
  return user != nullptr ? "user " + std::string(user->pw_name) + ", " + number : number;
}

bool is_number(const char* text) {
  return *text != '\0' && std::strspn(text, "0123456789") == std::strlen(text);
}

bool holds(const std::string& process, const std::string& link) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir((process + "/fd").c_str()), &closedir);
  if (!folder) return false;
  std::array<char, 64> target;
  while (const dirent* entry = readdir(folder.get())) {
    const ssize_t size = readlinkat(dirfd(folder.get()), entry->d_name, target.data(), target.size());
    if (size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)) == link) return true;
  }
  return false;
}

std::optional<std::string> holder_of(const std::string& inode) {
  const std::string link = "socket:[" + inode + ']';
  const std::unique_ptr<DIR, int (*)(DIR*)> processes(opendir("/proc"), &closedir);
  if (!processes) return std::nullopt;
  while (const dirent* entry = readdir(processes.get())) {
    if (!is_number(entry->d_name)) continue;
    const std::string process = std::string("/proc/") + entry->d_name;
    if (!holds(process, link)) continue;
    std::string name = read_small_file(process + "/comm").value_or("a process");
    if (name.ends_with('\n')) name.pop_back();
    return name + " (pid " + entry->d_name + ')';
  }
  return std::nullopt;
}

}  // namespace

base::Result<Descriptor> listen_on(const std::string& address, std::uint16_t port) {
  const Address to = TRY(address_of(address, port));
  Descriptor socket(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_failure("cannot make a socket");
  TRY(set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1));
  if (bind(socket.get(), to.generic(), to.size) == 0 && listen(socket.get(), SOMAXCONN) == 0) return socket;
  const int code = errno;
  base::Error error = system_error("cannot listen on " + name_of(address, port), code);
  if (const auto who = code == EADDRINUSE ? listener_on(port) : std::nullopt) error.what += ": " + *who;
  return std::unexpected(std::move(error));
}

std::uint16_t port_of(const Descriptor& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return ntohs(v4.sin_port);
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    return ntohs(v6.sin6_port);
  }
  return 0;
}

std::string address_of(const Descriptor& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

std::string name_of(const Descriptor& socket) {
  const std::string address = address_of(socket);
  return address.empty() ? address : name_of(address, port_of(socket));
}

bool is_tcp(const Descriptor& socket) {
  int domain = AF_UNSPEC;
  socklen_t size = sizeof domain;
  return getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
         (domain == AF_INET || domain == AF_INET6);
}

base::Result<void> prepare_connection(const Descriptor& connection) {
  TRY(set_option(connection, IPPROTO_TCP, TCP_NODELAY, 1));
  TRY(set_option(connection, SOL_SOCKET, SO_KEEPALIVE, 1));
  TRY(set_option(connection, IPPROTO_TCP, TCP_KEEPIDLE, silent_after_s));
  return set_option(connection, IPPROTO_TCP, TCP_USER_TIMEOUT, vanished_after_ms);
}

base::Result<Descriptor> begin_connection(const std::string& address, std::uint16_t port) {
  const Address to = TRY(address_of(address, port));
  Descriptor socket(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_failure("cannot make a socket");
  TRY(set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1));
  notice_vanished_peer(socket.get());
  if (connect(socket.get(), to.generic(), to.size) == 0 || errno == EINPROGRESS) return socket;
  return system_failure("cannot connect to " + name_of(address, port));
}

int pending_error(int connection) {
  int code = 0;
  socklen_t size = sizeof code;
  return getsockopt(connection, SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : errno;
}

bool is_loopback(const std::string& address) {
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24U == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool is_any(const std::string& address) {
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return v4.s_addr == htonl(INADDR_ANY);
  in6_addr v6{};
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6);
}

base::Result<std::uint16_t> free_port() {
  // One of thousands that are free is taken on the other address once in a while.
  constexpr int attempts = 8;
  std::uint16_t port = 0;
  for (int i = 0; i < attempts; ++i) {
    const Descriptor socket = TRY(listen_on("127.0.0.1", 0));
    port = port_of(socket);
    if (!listens_on(Loopback::v6, port)) break;
  }
  return port;
}

bool listens_on(Loopback address, std::uint16_t port) {
  return taker_of(address, port).has_value();
}

std::optional<std::string> stranger_on(Loopback address, std::uint16_t port) {
  const auto found = taker_of(address, port);
  if (!found || found->uid == getuid() || found->uid == 0) return std::nullopt;
  return "another user's process (" + user_named(found->uid) + ')';
}

void notice_vanished_peer(int connection) {
  const auto option = [&](int level, int what, int value) {
    (void)setsockopt(connection, level, what, &value, sizeof value);  // At worst it is noticed later.
  };
  option(SOL_SOCKET, SO_KEEPALIVE, 1);
  option(IPPROTO_TCP, TCP_KEEPIDLE, remote_silent_after_s);
  option(IPPROTO_TCP, TCP_KEEPINTVL, ask_every_s);
  option(IPPROTO_TCP, TCP_KEEPCNT, asked_most);
  option(IPPROTO_TCP, TCP_USER_TIMEOUT, remote_vanished_after_ms);
}

std::optional<std::string> stranger_at(const std::string& host) {
  const std::size_t colon = host.rfind(':');
  std::uint16_t port = 0;
  const char* const end = host.data() + host.size();
  if (colon == std::string::npos || std::from_chars(host.data() + colon + 1, end, port).ptr != end)
    return std::nullopt;
  return stranger_on(host.starts_with('[') ? Loopback::v6 : Loopback::v4, port);
}

std::optional<std::string> listener_on(std::uint16_t port) {
  auto found = find_in(table_v4, port);
  if (!found) found = find_in(table_v6, port);
  if (!found) return std::nullopt;
  if (auto holder = holder_of(found->inode)) return holder;
  return found->uid == getuid() ? "a process that cannot be named" : "another user's process";
}

}  // namespace io
