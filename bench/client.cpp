#include "bench/client.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

namespace bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(30);  // With an answer, or an exit. Far beyond what is normal.
constexpr std::string_view id_prefix = R"({"jsonrpc":"2.0","id":)";
constexpr std::string_view initialize =
    R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
    R"("capabilities":{},"clientInfo":{"name":"end_to_end","version":"1"}}})"
    "\n";
constexpr std::string_view initialized = R"({"jsonrpc":"2.0","method":"notifications/initialized"})"
                                         "\n";
constexpr std::string_view list_tools = R"({"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}})"
                                        "\n";
constexpr std::uint64_t first_call_id = 3;

std::string tail_of_call(std::string_view tool, std::string_view arguments) {
  return std::string(R"(,"method":"tools/call","params":{"name":")") + std::string(tool) +
         R"(","arguments":{)" + std::string(arguments) + "}}}\n";
}

std::string tail_of_answer(std::string_view text) {
  return R"(,"result":{"content":[{"type":"text","text":")" + std::string(text) + "\"}]}}";
}

// Like source code: lines, and now and then a quoted word, so that strings are not trivial to skip.
std::string text_of(std::size_t bytes) {
  constexpr std::string_view line = R"(base::Result<Batch> run(const Load& load, Clock::duration length) {\n)"
                                    R"(  if (sessions.empty()) return {};\n)"
                                    R"(  for (Session& session : sessions) session.say(\"hello\");\n}\n)";
  std::string text;
  while (text.size() + line.size() <= bytes) text += line;
  text.append(bytes - text.size(), '.');
  return text;
}

// Long texts are compared at both ends only: the client has to stay cheap.
bool same(std::string_view got, std::string_view wanted) {
  constexpr std::size_t enough = 256;
  if (got.size() != wanted.size()) return false;
  if (got.size() <= 2 * enough) return got == wanted;
  return got.substr(0, enough) == wanted.substr(0, enough) &&
         got.substr(got.size() - enough) == wanted.substr(wanted.size() - enough);
}

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

// One batch while it runs, shared by its sessions.
struct Run {
  const Load& load;
  Clock::time_point end;
  std::vector<Clock::duration> latencies;
  std::size_t in_flight = 0;
};

enum class Side : std::uint64_t { from, to };
std::uint64_t event_of(std::size_t session, Side side) {
  return 2 * session + static_cast<std::uint64_t>(side);
}

}  // namespace

Load echo_of(std::size_t bytes) {
  const std::string text = text_of(bytes);
  return {.request = tail_of_call("echo", "\"text\":\"" + text + "\""), .answer = tail_of_answer(text)};
}

Load blob_of(std::size_t bytes) {
  return {.request = tail_of_call("blob", "\"bytes\":" + std::to_string(bytes)),
          .answer = tail_of_answer(std::string(bytes, 'x'))};
}

// One session: its process, what has arrived of the next line, and the calls in flight.
class Client::Session {
 public:
  static base::Result<std::unique_ptr<Session>> open(const Command& command, Wire wire) {
    auto session = std::make_unique<Session>();
    session->begun_ = Clock::now();
    session->child_ = TRY(start(command, wire));
    return session;
  }

  // Sends `text` and waits for the answer to `id`.
  base::Result<std::string> ask(std::string_view text, std::string_view id) {
    if (write(child_.to.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      return base::failure("cannot write to the target: " + std::string(std::strerror(errno)));
    }
    const std::string head = std::string(id_prefix) + std::string(id) + ",";
    std::optional<std::string> answer;
    while (!answer) {
      pollfd ready{.fd = child_.from.get(), .events = POLLIN, .revents = 0};
      const auto limit = std::chrono::milliseconds(patience).count();
      if (poll(&ready, 1, static_cast<int>(limit)) <= 0) return base::failure("no answer from the target");
      TRY(read_lines([&](std::string_view line) -> base::Result<bool> {
        if (line.starts_with(head)) answer = line;
        return true;
      }));
    }
    if (answer->find("\"result\"") == std::string::npos) return base::failure("refused: " + *answer);
    return std::move(*answer);
  }

  // Issues calls up to the load's number in flight, unless the batch is over.
  base::Result<bool> issue(Run& run) {
    if (blocked()) return true;
    std::string together;
    // Power of two, and roomy: answers may overtake each other, but not by this much.
    if (starts_.size() < 64 * run.load.in_flight) starts_.resize(std::bit_ceil(64 * run.load.in_flight));
    while (in_flight_ < run.load.in_flight && !blocked()) {
      const Clock::time_point now = Clock::now();
      if (now >= run.end && !owed_first_) break;
      std::array<char, 64> head;
      const std::string_view start = number(next_id_, head);
      starts_[next_id_ % starts_.size()] = {next_id_, now};
      ++next_id_;
      ++in_flight_;
      ++run.in_flight;
      if (run.load.writes == Writes::together) {
        together.append(start).append(run.load.request);
      } else {
        TRY(send(start, run.load.request));
      }
    }
    owed_first_ = false;
    return together.empty() ? base::Result<bool>(true) : send(together, {});
  }

  // Reads once and takes every complete line as an answer.
  base::Result<bool> receive(Run& run) {
    return read_lines([&](std::string_view line) -> base::Result<bool> {
      const Clock::time_point now = Clock::now();
      std::uint64_t id = 0;
      const char* end = line.data() + line.size();
      const char* after = nullptr;
      if (line.starts_with(id_prefix)) after = std::from_chars(line.data() + id_prefix.size(), end, id).ptr;
      if (after == nullptr && line.find("\"method\":\"notifications/") != std::string_view::npos) return true;
      const Call& call = starts_[id % starts_.size()];
      const std::size_t rest = after == nullptr ? 0 : static_cast<std::size_t>(end - after);
      if (call.id != id || !same(line.substr(line.size() - rest), run.load.answer)) {
        return base::failure("not the answer that was due: " + std::string(line.substr(0, 300)));
      }
      run.latencies.push_back(now - call.begun);
      starts_[id % starts_.size()].id = 0;
      --in_flight_;
      --run.in_flight;
      return true;
    });
  }

  base::Result<bool> write_rest() {
    const std::string head = std::exchange(rest_of_head_, {});
    return send(head, std::exchange(rest_of_tail_, {}));
  }

  base::Result<bool> end() {
    child_.to.close();
    if (!wait_for_exit(child_.pid, patience)) return base::failure("a process did not end with its stdin");
    return true;
  }

  void begin_batch() { owed_first_ = true; }
  // A request is half written: the target has to read before more can be sent.
  bool blocked() const { return !rest_of_head_.empty() || !rest_of_tail_.empty(); }
  const Child& child() const { return child_; }
  Clock::time_point begun() const { return begun_; }

 private:
  struct Call {
    std::uint64_t id = 0;
    Clock::time_point begun;
  };

  static std::string_view number(std::uint64_t id, std::array<char, 64>& into) {
    std::memcpy(into.data(), id_prefix.data(), id_prefix.size());
    char* const end = std::to_chars(into.data() + id_prefix.size(), into.data() + into.size(), id).ptr;
    return {into.data(), static_cast<std::size_t>(end - into.data())};
  }

  // Both with one write. What the pipe does not take is kept; `tail` is part of the load and outlives the
  // batch.
  base::Result<bool> send(std::string_view head, std::string_view tail) {
    const std::array<iovec, 2> pieces{iovec{const_cast<char*>(head.data()), head.size()},
                                      iovec{const_cast<char*>(tail.data()), tail.size()}};
    const ssize_t taken = writev(child_.to.get(), pieces.data(), static_cast<int>(pieces.size()));
    if (taken < 0 && errno != EAGAIN) {
      return base::failure("cannot write to the target: " + std::string(std::strerror(errno)));
    }
    const std::size_t count = taken < 0 ? 0 : static_cast<std::size_t>(taken);
    if (count < head.size()) rest_of_head_ = head.substr(count);
    rest_of_tail_ = tail.substr(count < head.size() ? 0 : count - head.size());
    return true;
  }

  template <class F>
  base::Result<bool> read_lines(F&& take) {
    constexpr std::size_t read_at_least = 65536;  // What a pipe holds.
    if (in_.size() - filled_ < read_at_least) in_.resize(2 * in_.size());
    const ssize_t count = read(child_.from.get(), in_.data() + filled_, in_.size() - filled_);
    if (count < 0 && errno == EAGAIN) return true;
    if (count <= 0) return base::failure("the target ended the session");
    filled_ += static_cast<std::size_t>(count);
    std::size_t begin = 0;
    const std::string_view have(in_.data(), filled_);
    for (std::size_t end = 0; (end = have.find('\n', searched_)) != std::string_view::npos;
         begin = searched_) {
      TRY(take(have.substr(begin, end - begin)));
      searched_ = end + 1;
    }
    searched_ = filled_ - begin;
    filled_ -= begin;
    std::memmove(in_.data(), in_.data() + begin, filled_);
    return true;
  }

  Clock::time_point begun_;
  Child child_;
  std::uint64_t next_id_ = first_call_id;
  std::size_t in_flight_ = 0;
  bool owed_first_ = false;  // Its first calls of a batch go out even if the batch is over.
  std::vector<Call> starts_;
  std::string rest_of_head_;
  std::string_view rest_of_tail_;
  std::string in_ = std::string(std::size_t{1} << 17, '\0');
  std::size_t filled_ = 0, searched_ = 0;
};

Client::Client(Command command, Wire wire)
    : command_(std::move(command)), wire_(wire), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
Client::~Client() = default;

base::Result<std::size_t> Client::open_up_to(std::size_t count) {
  while (sessions_.size() < count) {
    std::unique_ptr<Session> session = TRY(Session::open(command_, wire_));
    TRY(session->ask(initialize, "1"));
    TRY(session->ask(std::string(initialized) + std::string(list_tools), "2"));
    epoll_event readable{.events = EPOLLIN, .data = {.u64 = event_of(sessions_.size(), Side::from)}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, session->child().from.get(), &readable);
    epoll_event quiet{.events = EPOLLONESHOT, .data = {.u64 = event_of(sessions_.size(), Side::to)}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, session->child().to.get(), &quiet);
    sessions_.push_back(std::move(session));
  }
  return sessions_.size();
}

void Client::await_room(std::size_t index) {
  Session& session = *sessions_[index];
  if (!session.blocked()) return;
  epoll_event writable{.events = EPOLLOUT | EPOLLONESHOT, .data = {.u64 = event_of(index, Side::to)}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, session.child().to.get(), &writable);
}

base::Result<Batch> Client::run(const Load& load, std::chrono::milliseconds length) {
  const Clock::time_point begin = Clock::now();
  Run run{.load = load, .end = begin + length, .latencies = {}, .in_flight = 0};
  run.latencies.reserve(std::size_t{1} << 20);
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    sessions_[i]->begin_batch();
    TRY(sessions_[i]->issue(run));
    await_room(i);
  }
  std::array<epoll_event, 64> events;
  while (run.in_flight > 0) {
    const auto limit = std::chrono::milliseconds(patience).count();
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), static_cast<int>(limit));
    if (count < 0 && errno != EINTR) return base::failure(std::strerror(errno));
    if (count == 0) return base::failure("no answer from the target");
    for (const epoll_event& event : std::span(events.data(), static_cast<std::size_t>(std::max(count, 0)))) {
      const std::size_t index = event.data.u64 / 2;
      Session& session = *sessions_[index];
      if (event.data.u64 == event_of(index, Side::to)) {
        TRY(session.write_rest());
      } else {
        TRY(session.receive(run));
        if (load.pause.count() > 0) usleep(static_cast<useconds_t>(load.pause.count()));
        TRY(session.issue(run));
      }
      await_room(index);
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();

  std::sort(run.latencies.begin(), run.latencies.end());
  const std::size_t calls = run.latencies.size();
  const auto at = [&](std::size_t percent) { return microseconds(run.latencies[calls * percent / 100]); };
  return Batch{.calls = calls,
               .calls_per_second = static_cast<double>(calls) / seconds,
               .p50_us = at(50),
               .p99_us = at(99),
               .longest_us = microseconds(run.latencies.back())};
}

std::vector<pid_t> Client::processes() const {
  std::vector<pid_t> pids;
  for (const auto& session : sessions_) pids.push_back(session->child().pid);
  return pids;
}

base::Result<std::size_t> Client::close() {
  const std::size_t count = sessions_.size();
  for (const auto& session : sessions_) TRY(session->end());
  sessions_.clear();
  return count;
}

base::Result<double> Client::time_to_initialize(const Command& command, Wire wire) {
  const std::unique_ptr<Session> session = TRY(Session::open(command, wire));
  TRY(session->ask(initialize, "1"));
  const double elapsed = microseconds(Clock::now() - session->begun()) / 1000;
  TRY(session->end());
  return elapsed;
}

}  // namespace bench
