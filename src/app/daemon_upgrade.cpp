// The daemon as values, and a daemon that goes on from them under another program (app/upgrade.h).
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "app/daemon.h"
#include "base/version.h"
#include "io/clock.h"
#include "io/handover.h"
#include "io/successor.h"
#include "io/tcp_socket.h"

namespace app {

Upgrade::Hands Daemon::upgrade_hands() {
  return {.loop = loop_,
          .unsettled = [this] { return unsettled(); },
          .state = [this] { return written(state()); },
          .farewell = [this] { farewell(); },
          .stays = [this] { service_.ready("sessions connect to " + parts_.paths.socket); },
          .not_replaced =
              [this](const base::Error& why) { log_.warning("the daemon was not replaced: " + why.what); }};
}

std::string Daemon::unsettled() const {
  if (leaving_) return "it is ending";
  if (!broker_.outbox().empty()) return "it is at work";
  std::string found = control_.unsettled();
  if (found.empty()) found = children_->unsettled();
  if (found.empty()) found = upstreams_->unsettled();
  if (found.empty()) found = front_.unsettled();
  if (found.empty()) found = http_sessions_->unsettled();
  instances_.each([&](const Running& running) {
    if (!found.empty()) return;
    const std::string_view what = running.child ? running.child->unsettled() : "is ending";
    if (!what.empty()) found = "the server " + running.name + ' ' + std::string(what);
  });
  sessions_.each([&](const Attachment& attachment) {
    if (found.empty() && !attachment.settled()) found = "a session is ending";
  });
  return found;
}

DaemonState Daemon::state() const {
  DaemonState state{.version = std::string(base::version),
                    .process = parts_.process,
                    .started = started_,
                    .socket_inode = socket_inode_,
                    .upgrades = upgrades_ + 1,
                    .last_later = last_later_,
                    .broker = broker_.save(),
                    .children = children_->saved(),
                    .instances = {},
                    .sessions = {},
                    .upstreams = upstreams_->saved(),
                    .front = front_.saved(),
                    .http_sessions = http_sessions_->saved(),
                    .config = config_file_.saved(),
                    .wishes = wishes_.saved()};
  state.process.clock_went_back = io::clock_went_back();
  state.process.guard = parts_.guard->saved();
  instances_.each([&](const Running& running) {
    state.instances.push_back({.id = running.instance,
                               .name = running.name,
                               .child = running.child->saved(),
                               .congestion = running.congestion});
  });
  sessions_.each([&](const Attachment& attachment) { state.sessions.push_back(attachment.saved()); });
  return state;
}

// A recording is of one broker from its beginning; the next program's would begin in the middle.
void Daemon::farewell() {
  service_.reloading();
  if (recorder_) {
    log_.info("the recording ends here");
    recorder_->end(io::now());
    recorder_.reset();
  }
  log_.info("hearthd " + std::string(base::version) + " hands over to what replaces it");
}

// Absolute path of a hearthd.
void Daemon::become(const std::string& program, const Upgrade::Told& told) {
  if (const auto why = io::unfit(program)) {
    log_.warning("the daemon was not replaced: " + why->what);
    if (told) told(why);
    return;
  }
  upgrade_.begin(std::make_unique<io::OtherProgram>(loop_, program, parts_.arguments), told);
}

// A daemon that a session has started may end at any time: `hearth serve` and a service take over from it.
void Daemon::offer_handover() {
  if (!parts_.paths.apart.empty()) return;
  if (parts_.foreground || !children_->all_guarded()) {
    unlink(parts_.paths.handover.c_str());  // Of the daemon that this one has replaced.
    return;
  }
  auto listener = io::HandoverListener::open(loop_, parts_.paths,
                                             [this](io::Descriptor peer) { hand_over(std::move(peer)); });
  if (!listener) return log_.warning("no other daemon can take over: " + listener.error().what);
  handover_ = std::move(*listener);
}

void Daemon::hand_over(io::Descriptor peer) {
  auto other = std::make_unique<io::OtherProcess>(loop_, std::move(peer));
  log_.info("another process wants to be the daemon");
  if (!children_->all_guarded())
    return other->refuse({"some of its servers were started by an earlier build, and would not live on"});
  upgrade_.begin(std::move(other));
}

// A session that comes from a later installation brings its daemon along. One that does not turn out to be
// later is not tried again.
void Daemon::upgrade_to_later(const std::string& version, const std::string& program) {
  if (program.empty() || !base::is_later(version, base::version)) return;
  const std::string later = version + ' ' + program;
  if (later == std::exchange(last_later_, later)) return;
  log_.info("a session came from hearth " + version + "; its daemon takes the place of this one");
  become(program, [this](const std::optional<base::Error>& why) {
    if (why && why->code == EAGAIN) last_later_.clear();
  });
}

base::Result<std::unique_ptr<Daemon>> Daemon::resume(DaemonParts parts, DaemonState state) {
  ConfigFile file(parts.paths.config_file);
  file.resume(std::move(state.config));
  const std::optional<Config> before = file.load();
  const Config config = file.in_force();
  io::Descriptor listener = TRY(io::take(state.front.socket(HttpOrigin::Kind::local_socket)));
  // A service manager's own takes the place of the one whose path it has taken.
  if (!parts.listener) parts.listener = std::move(listener);
  if (const io::Passed port = state.front.socket(HttpOrigin::Kind::tcp); port.number >= 0) {
    io::Descriptor socket = TRY(io::take(port));
    const bool other_port = parts.port.value_or(0) != 0 && *parts.port != io::port_of(socket);
    const bool other_address = parts.address && *parts.address != io::address_of(socket);
    if (!parts.port_socket && !other_port && !other_address) parts.port_socket = std::move(socket);
  }
  std::unique_ptr<Daemon> made(new Daemon(std::move(parts), std::move(file), config));
  TRY(made->go_on(std::move(state), config));
  if (before) made->config_changed(*before);
  return made;
}

// First what holds journals, which the broker writes into; then what may have news for it.
base::Result<void> Daemon::go_on(DaemonState state, const Config& config) {
  if (parts_.foreground) log_.show();
  started_ = state.started;
  upgrades_ = state.upgrades;
  // A build before this one has not written it down.
  socket_inode_ = state.socket_inode != 0 ? state.socket_inode : io::mark_of_file(parts_.paths.socket).inode;
  last_later_ = state.last_later;
  clock_went_back_ = io::clock_went_back();
  const HttpSettings settings = http_settings(config);
  make_registry(settings);
  http_sessions_->resume(std::move(state.http_sessions));
  wishes_.resume(std::move(state.wishes));
  for (Attachment::Saved& saved : state.sessions) {
    const broker::SessionId id = saved.session;
    auto attachment = TRY(Attachment::resume(loop_, std::move(saved), attachment_events(id)));
    sessions_.put(id, std::move(attachment));
  }
  const auto page_of = [this](broker::SessionId id) {
    const Attachment* attachment = sessions_.find(id);
    return attachment != nullptr ? attachment->page() : http_sessions_->page(id);
  };
  broker_ = std::move(*TRY(broker::Broker::restored(options_, state.broker, page_of)));
  children_ = TRY(io::Children::make(loop_,
                                     {.daemon_id = parts_.process.record.id(),
                                      .guard = parts_.guard,
                                      .inheritance = parts_.process.inheritance},
                                     state.children));
  upstreams_ = std::make_unique<Upstreams>(upstream_hands());
  watch_resources(config);
  upstreams_->resume(std::move(state.upstreams));
  for (DaemonState::Instance& saved : state.instances) TRY(go_on_with(std::move(saved)));
  TRY(listen(settings));
  front_.resume(std::move(state.front));
  TRY(hear_signals());
  offer_handover();
  children_->catch_up();
  look_at_resources();
  watch_files();
  log_.info("hearthd " + std::string(base::version) + " goes on from " + state.version + ": sessions " +
            std::to_string(broker_.sessions().size()) + ", servers " +
            std::to_string(broker_.instances().size()));
  return {};
}

base::Result<void> Daemon::go_on_with(DaemonState::Instance saved) {
  auto child = TRY(children_->resume(std::move(saved.child), child_events(saved.id, saved.name)));
  auto running =
      std::make_unique<Running>(Running{saved.id, saved.name, std::move(child), false, saved.congestion});
  if (running->congestion.unheard) be_patient(*running);
  instances_.put(saved.id, std::move(running));
  return {};
}

}  // namespace app
