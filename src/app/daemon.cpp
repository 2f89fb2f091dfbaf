#include "app/daemon.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>

#include "app/http/port.h"
#include "base/version.h"
#include "io/clock.h"
#include "io/tcp_socket.h"

namespace app {
namespace {

// Bytes queued for a client before the broker holds back what can be held back, and before it gives the
// client up. The hard limit leaves room for the largest answer, twice.
constexpr std::size_t session_soft = std::size_t{256} << 10;
constexpr std::size_t session_hard = std::size_t{64} << 20;
// Bytes queued for a server before the sessions that feed it are no longer read. What comes on top of them
// answers the server's own requests: after as much again its stdout is not read either, and beyond the hard
// limit, which one line of it can reach, it is given up. Its stdout is not left unread because of the calls
// of sessions: a server that answers before it reads on would stand still for ever.
constexpr std::size_t instance_soft = std::size_t{256} << 10;
constexpr std::size_t instance_hard = std::size_t{16} << 20;
// A server that waits with more to say, and has not read for this long, will not read at all.
constexpr base::Duration instance_deaf = std::chrono::seconds(10);

// A daemon in a sandbox keeps the sandbox's namespaces alive.
constexpr base::Duration idle_apart_most = std::chrono::minutes(1);

// Clients that connect by URL cannot start a daemon, so one that has a port never retires.
constexpr base::Duration never = std::chrono::years(100);
bool stays(const DaemonParts& parts, const Config& config) {
  return parts.foreground || parts.port || config.http.port || parts.port_socket;
}

base::Duration retire_after(const DaemonParts& parts, const Config& config) {
  if (!parts.paths.apart.empty()) return std::min(config.daemon_idle_timeout, idle_apart_most);
  return stays(parts, config) ? never : config.daemon_idle_timeout;
}

std::uint64_t random_key() {
  std::uint64_t key = 0;
  if (getentropy(&key, sizeof key) != 0)
    key = static_cast<std::uint64_t>(io::now().time_since_epoch().count());
  return key;
}

}  // namespace

Daemon::Daemon(DaemonParts parts, ConfigFile config_file, const Config& config)
    : parts_(std::move(parts)),
      config_file_(std::move(config_file)),
      log_(parts_.paths.daemon_log, parts_.no_logs),
      started_(io::now()),
      options_({.retire_after = retire_after(parts_, config),
                .version = std::string(base::version),
                .unix_time = std::time(nullptr),
                .hash_key = random_key(),
                .ticket_key = random_key()}),
      broker_(options_, started_),
      learnt_(parts_.paths.state_dir),
      front_(loop_, {},
             {.on_head = [this](proto::HttpRequest& head, HttpOrigin origin) { return judged(head, origin); },
              .on_request = [this](transport::ExchangeId exchange, proto::HttpRequest&& request,
                                   HttpOrigin origin) { requested(exchange, std::move(request), origin); },
              .on_gone =
                  [this](transport::ExchangeId exchange) {
                    control_.gone(exchange);
                    http_sessions_->gone(exchange, turn_time());
                  },
              .on_trouble = [this](const base::Error& why) { log_.warning(why.what); }}),
      control_(control_hands()),
      upgrade_(upgrade_hands()),
      deadline_(loop_, [] {}),  // It only has to end the sleep: every turn looks at the time.
      service_(loop_, parts_.notify) {}

Daemon::~Daemon() = default;

base::Result<std::unique_ptr<Daemon>> Daemon::make(DaemonParts parts) {
  ConfigFile file(parts.paths.config_file);
  file.load();
  const Config config = file.in_force();
  std::unique_ptr<Daemon> made(new Daemon(std::move(parts), std::move(file), config));
  TRY(made->open(config));
  return made;
}

base::Result<void> Daemon::open(const Config& config) {
  if (parts_.foreground) log_.show();
  TRY(start_recording(config));
  children_ = TRY(io::Children::make(loop_, {.daemon_id = parts_.process.record.id(),
                                             .guard = parts_.guard,
                                             .inheritance = parts_.process.inheritance}));
  upstreams_ = std::make_unique<Upstreams>(upstream_hands());
  watch_resources(config);
  const HttpSettings settings = http_settings(config);
  make_registry(settings);
  http_sessions_->tick(io::now());  // Earlier daemons may have left files.
  TRY(listen(settings));
  socket_inode_ = io::mark_of_file(parts_.paths.socket).inode;
  offer_handover();
  TRY(hear_signals());
  watch_files();
  return {};
}

HttpSettings Daemon::http_settings(const Config& config) const {
  HttpSettings settings = config.http;
  if (parts_.port) settings.port = parts_.port;
  if (parts_.address) settings.address = *parts_.address;
  if (parts_.certificate) settings.certificate = *parts_.certificate;
  if (parts_.key) settings.key = *parts_.key;
  if (parts_.port_socket) {
    settings.port = io::port_of(parts_.port_socket);
    settings.address = io::address_of(parts_.port_socket);
  }
  // Clients that connect by URL bring no surroundings: they belong to the daemon for all.
  if (!parts_.paths.apart.empty()) settings.port.reset();
  return settings;
}

void Daemon::make_registry(const HttpSettings& settings) {
  http_sessions_ =
      std::make_unique<SessionRegistry>(session_hands(), parts_.paths.state_dir + "/http-sessions", settings);
}

base::Result<void> Daemon::listen(const HttpSettings& settings) {
  TRY(front_.listen(std::move(parts_.listener), {.kind = HttpOrigin::Kind::local_socket}));
  for (const ConfigFile::News& news : config_file_.news()) log_.warning(news.text);
  if (!settings.port) return {};
  const auto opened = open_port(settings);
  // Sessions over stdio need no port, and must not go without a daemon for it; nor servers that run already.
  const bool begins = upgrades_ == 0;
  if (!opened && begins && parts_.foreground && !parts_.passed_socket) return opened;
  if (!opened) log_.warning(opened.error().what);
  return {};
}

base::Result<void> Daemon::hear_signals() {
  // SIGXCPU: a limit that could not be shed. The sessions go on with a next daemon, whose time begins anew.
  for (const int signal : {SIGTERM, SIGINT, SIGXCPU}) {
    signals_.push_back(TRY(loop_.on_signal(signal, [this] { leave(); })));
  }
  signals_.push_back(TRY(loop_.on_signal(SIGHUP, [this] { hung_up(); })));
  signals_.push_back(TRY(loop_.on_signal(SIGUSR2, [this] { become(parts_.program); })));
  loop_.at_end_of_turn([this] { end_of_turn(); });
  return {};
}

// Before the broker is told anything.
base::Result<void> Daemon::start_recording(const Config& config) {
  const bool asked = !parts_.record.empty();
  RecordWish wish{.file = parts_.record, .directory = asked ? std::string() : config.record_directory};
  if (wish.file.empty() && wish.directory.empty()) return {};
  using record::Contents;
  const bool whole = asked ? parts_.record_contents : config.record_contents;
  auto made = Recorder::start(loop_, wish,
                              {.version = std::string(base::version),
                               .contents = whole ? Contents::whole : Contents::left_out,
                               .begun = started_,
                               .options = options_},
                              [this](const std::string& sentence) { log_.warning(sentence); });
  if (made) {
    recorder_ = std::move(*made);
  } else if (asked) {
    return std::unexpected(made.error());
  } else {
    // Sessions must not go without a daemon for it.
    log_.warning("nothing is recorded: " + made.error().what);
  }
  return {};
}

base::Result<void> Daemon::open_port(const HttpSettings& settings) {
  port_settings_ = port_wanted_ = settings;
  return take_port(
      TRY(open_http_port(settings, parts_.paths.state_dir + "/http-token", std::move(parts_.port_socket))));
}

void Daemon::run() {
  log_.info("hearthd " + std::string(base::version) + " is ready, pid " + std::to_string(getpid()));
  // In the foreground there is a person at once, else the first session is told.
  if (const std::string loss = parts_.foreground ? log_.news_of_loss() : ""; !loss.empty())
    log_.warning(loss);
  service_.ready("sessions connect to " + parts_.paths.socket);
  if (const std::string loss = service_.news_of_loss(); !loss.empty()) log_.warning(loss);
  loop_.run();
  if (recorder_) recorder_->end(io::now());
  log_.info("hearthd ends");
}

// The time of this turn: one look at the clock serves all that became ready together.
base::Instant Daemon::turn_time() {
  if (!turn_time_) turn_time_ = io::now();
  return *turn_time_;
}

void Daemon::feed(broker::Event event) {
  if (recorder_) recorder_->note(event, turn_time());
  broker_.on(std::move(event), turn_time());
}

broker::SessionId Daemon::admit() {
  const broker::SessionId id = broker_.admit();
  if (recorder_) recorder_->note(record::Admitted{id}, turn_time());
  return id;
}

void Daemon::end_of_turn() {
  // The loop ends one more turn after stop(). The sessions and their journals are the shims' by then.
  if (stepped_down_) return front_.flush();
  if (const auto due = broker_.deadline(); due && *due <= turn_time()) {
    if (recorder_) recorder_->note(record::Ticked{}, turn_time());
    broker_.tick(turn_time());
  }
  if (const auto due = http_sessions_->deadline(); due && *due <= turn_time())
    http_sessions_->tick(turn_time());
  // Flushing can block or unblock a peer, which is news to the broker, which may have more to say.
  do {
    carry_out_all();
    flush_instances();
    flush_sessions();
    control_.settle();
    front_.flush();
    http_sessions_->report_queues(turn_time());
  } while (!broker_.outbox().empty());
  set_deadline();
  note_clock();
  turn_time_.reset();
  if (leaving_ && children_->size() == 0 && upstreams_->empty()) return step_down();
  upgrade_.end_of_turn();
}

// After a small step nobody needs to know.
void Daemon::note_clock() {
  const base::Duration before = std::exchange(clock_went_back_, io::clock_went_back());
  const auto step = std::chrono::duration_cast<std::chrono::seconds>(clock_went_back_ - before);
  if (step < std::chrono::seconds(1)) return;
  log_.warning("the clock of the system (CLOCK_MONOTONIC) went back by " + std::to_string(step.count()) +
               " s, as after the resume of a virtual machine; time goes on from where it was");
}

void Daemon::set_deadline() {
  const auto one = broker_.deadline();
  const auto other = http_sessions_->deadline();
  if (one || other) {
    deadline_.set(one && other ? std::min(*one, *other) : one ? *one : *other);
  } else {
    deadline_.clear();
  }
}

void Daemon::carry_out_all() {
  while (!broker_.outbox().empty()) {
    carrying_out_.clear();
    std::swap(carrying_out_, broker_.outbox());
    for (broker::Action& action : carrying_out_) carry_out(action);
  }
  carrying_out_.clear();
}

void Daemon::flush_sessions() {
  for (const broker::SessionId id : dirty_sessions_) {
    Attachment* attachment = sessions_.find(id);
    if (attachment == nullptr) continue;
    attachment->dirty = false;
    io::Writer& writer = attachment->writer();
    writer.flush();
    if (attachment->input_ended) close_if_done(id);
    if (writer.queued_bytes() > session_hard && writer.queued_messages() > 1) {
      feed(broker::SessionOverflowed{id, writer.queued_bytes()});
    } else if (writer.queued_bytes() > session_soft && !attachment->congested) {
      attachment->congested = true;
      feed(broker::SessionBlocked{id});
    }
  }
  dirty_sessions_.clear();
}

void Daemon::flush_instances() {
  for (const broker::InstanceId id : dirty_instances_) {
    Running* running = instances_.find(id);
    if (running == nullptr || running->child == nullptr) continue;
    running->dirty = false;
    io::Writer* input = running->child->input();
    if (input == nullptr) continue;
    input->flush();
    if (running->congestion.on) {
      judge_congestion(*running, input->queued_bytes());
    } else if (input->queued_bytes() > instance_soft) {
      running->congestion.on = true;
      running->congestion.bytes = input->queued_bytes();
      feed(broker::InstanceBlocked{id});
    }
  }
  dirty_instances_.clear();
}

void Daemon::judge_congestion(Running& running, std::size_t queued) {
  Congestion& now = running.congestion;
  if (queued > now.bytes + instance_hard) {
    feed(broker::InstanceOverflowed{running.instance, queued});
  } else if (queued > now.bytes + instance_soft && !now.unheard) {
    running.child->pause_output();
    now.unheard = true;
    now.left = queued;
    be_patient(running);
  }
}

void Daemon::be_patient(Running& running) {
  running.patience =
      std::make_unique<io::Timer>(loop_, [this, id = running.instance] { patience_is_over(id); });
  running.patience->set(io::now() + instance_deaf);
}

void Daemon::patience_is_over(broker::InstanceId id) {
  Running* running = instances_.find(id);
  if (running == nullptr || running->child->input() == nullptr) return;
  Congestion& now = running->congestion;
  const std::size_t queued = running->child->input()->queued_bytes();
  if (queued >= now.left && running->child->output_waits())
    return feed(broker::InstanceOverflowed{id, queued});
  now.left = queued;
  running->patience->set(io::now() + instance_deaf);
}

// It has read everything.
void Daemon::input_drained(broker::InstanceId id) {
  Running* running = instances_.find(id);
  if (running == nullptr || !running->congestion.on) return;
  if (running->congestion.unheard) {
    loop_.retire(std::move(running->patience));
    running->child->resume_output();
  }
  running->congestion = {};
  feed(broker::InstanceUnblocked{id});
}

// A terminal that is gone ends what runs in it; a service manager sends the same signal and means another.
void Daemon::hung_up() {
  if (service_) return reload();
  leave();
}

void Daemon::leave() {
  if (leaving_) return;
  leaving_ = true;
  service_.stopping();
  log_.info("ending: servers are stopped");
  front_.stop_listening();
  handover_.reset();
  // Where a service manager listens, sessions wait for the next daemon.
  if (!parts_.passed_socket && io::mark_of_file(parts_.paths.socket).inode == socket_inode_)
    unlink(parts_.paths.socket.c_str());
  // What clients say from now on stays in their pipes, for the next daemon.
  sessions_.each([](Attachment& attachment) { attachment.reader().pause(); });
  using Sessions = broker::DaemonLeaves::Sessions;
  feed(broker::DaemonLeaves{resting_ ? Sessions::rest : Sessions::find_the_next});
}

void Daemon::step_down() {
  control_.leave();
  if (resting_) sessions_.each([](Attachment& attachment) { attachment.rest("the daemon was shut down"); });
  stepped_down_ = true;
  loop_.stop();
}

}  // namespace app
