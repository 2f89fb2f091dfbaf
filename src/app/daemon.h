// The daemon: events from the world into the broker, actions out of the broker into the world.
//
// A turn: whatever is readable is fed to the broker as events; at its end the broker's actions are carried
// out, what was queued is flushed once per peer, and the timer is set to the broker's next deadline. Decides
// nothing itself, except how much may be queued before the broker is told.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/api/api.h"
#include "app/api/control.h"
#include "app/attachment.h"
#include "app/config/config.h"
#include "app/config/config_file.h"
#include "app/config/resolve.h"
#include "app/config/wishes.h"
#include "app/daemon_log.h"
#include "app/daemon_state.h"
#include "app/http/front.h"
#include "app/http/port.h"
#include "app/http/session_registry.h"
#include "app/limit_watch.h"
#include "app/memory_watch.h"
#include "app/recorder.h"
#include "app/servers/learnt.h"
#include "app/servers/upstreams.h"
#include "app/upgrade.h"
#include "base/id_table.h"
#include "base/result.h"
#include "broker/broker.h"
#include "io/child.h"
#include "io/children.h"
#include "io/file_watch.h"
#include "io/handover.h"
#include "io/loop.h"
#include "io/notify.h"
#include "io/paths.h"
#include "io/surveyor.h"
#include "transport/inbound/access.h"

namespace app {

struct DaemonParts {
  io::Paths paths;
  io::Descriptor listener;
  ProcessState process = {};               // What the process has, whatever program it runs.
  io::Guard* guard = nullptr;              // Outlives the daemon.
  std::string no_logs = {};                // Why there is no directory for them; empty: there is.
  bool foreground = false;                 // Somebody's process: it stays until it is told to end.
  bool passed_socket = false;              // The listener belongs to a service manager, which keeps it.
  io::Descriptor port_socket = {};         // Of clients that connect by URL, if one was passed too.
  io::NotifyTarget notify = {};            // A service manager that wants to be told.
  std::optional<std::uint16_t> port = {};  // Of clients that connect by URL, instead of the configuration's.
  std::optional<std::string> address = {};
  std::optional<std::string> certificate = {};  // Files of that port.
  std::optional<std::string> key = {};
  std::string program = {};                 // This one: an absolute path.
  std::vector<std::string> arguments = {};  // Its own.
  std::string record = {};  // A file for a recording, instead of what the configuration says of one.
  bool record_contents = false;
};

class Daemon {
 public:
  static base::Result<std::unique_ptr<Daemon>> make(DaemonParts parts);
  // Goes on as the daemon that this process was under another program, or another process was.
  static base::Result<std::unique_ptr<Daemon>> resume(DaemonParts parts, DaemonState state);
  ~Daemon();

  // Until it is told to end, or has not been needed for its idle time. Afterwards nothing that it started is
  // left.
  void run();

  DaemonLog& log() { return log_; }

 private:
  struct Running {
    broker::InstanceId instance;
    std::string name;
    std::unique_ptr<io::Child> child;
    bool dirty = false;
    Congestion congestion = {};
    std::unique_ptr<io::Timer> patience = {};  // While it is unheard.
  };

  Daemon(DaemonParts parts, ConfigFile config_file, const Config& config);
  base::Result<void> open(const Config& config);
  HttpSettings http_settings(const Config& config) const;
  void make_registry(const HttpSettings& settings);
  base::Result<void> listen(const HttpSettings& settings);
  base::Result<void> hear_signals();
  base::Result<void> open_port(const HttpSettings& settings);
  base::Result<void> start_recording(const Config& config);

  // daemon.cpp
  base::Instant turn_time();
  void feed(broker::Event event);
  broker::SessionId admit();
  void end_of_turn();
  void note_clock();
  void set_deadline();
  void carry_out_all();
  void flush_sessions();
  void flush_instances();
  void judge_congestion(Running& running, std::size_t queued);
  void be_patient(Running& running);
  void patience_is_over(broker::InstanceId id);
  void input_drained(broker::InstanceId id);
  void hung_up();
  void leave();
  void step_down();

  // daemon_actions.cpp
  void carry_out(broker::Action& action);
  void start_instance(const broker::StartInstance& action);
  void send_to_session(broker::SendToSession& action);
  void send_to_instance(broker::SendToInstance& action);
  void close_session(const broker::CloseSession& action);
  io::Child::Events child_events(broker::InstanceId id, const std::string& name);
  void instance_gone(broker::InstanceId id, const std::string& name, const io::Gone& how);
  void mark_dirty(Attachment& attachment);
  void input_ended(broker::SessionId session);
  void output_gone(broker::SessionId session);
  void close_if_done(broker::SessionId session);

  // daemon_upgrade.cpp
  base::Result<void> go_on(DaemonState state, const Config& config);
  base::Result<void> go_on_with(DaemonState::Instance saved);
  Upgrade::Hands upgrade_hands();
  std::string unsettled() const;
  DaemonState state() const;
  void farewell();
  void become(const std::string& program, const Upgrade::Told& told = {});
  void upgrade_to_later(const std::string& version, const std::string& program);
  void offer_handover();
  void hand_over(io::Descriptor peer);

  // daemon_resources.cpp
  void watch_resources(const Config& config);
  void look_at_resources();
  std::vector<RunningServer> running_servers() const;
  std::optional<io::Question> question(broker::InstanceId id, io::Question::About about) const;
  std::optional<base::Resource> exceeded(broker::InstanceId id) const;
  void end_for(broker::InstanceId id, const std::string& why);
  void note_start(const broker::StartInstance& action);
  std::vector<std::string> not_kept(const base::ResourceLimits& limits) const;

  // daemon_config.cpp
  const Config& configuration();  // In force, as the file is now; what is wrong with it goes to the log.
  void config_changed(const Config& before);
  void respecify(broker::SessionId session, const Wish& wish, const Config& before);
  void watch_files();
  void reload();
  base::Result<void> take_port(HttpPort port);
  void follow_port(const HttpSettings& wanted);
  void renew_port();

  // daemon_control.cpp
  std::expected<std::string, proto::HttpAnswer> judged(proto::HttpRequest& head, HttpOrigin origin) const;
  void requested(transport::ExchangeId exchange, proto::HttpRequest&& request, HttpOrigin origin);
  void attach(transport::ExchangeId exchange, const proto::HttpRequest& request);
  Attachment::Events attachment_events(broker::SessionId id);
  static Wish wish_by_url(const std::string& server, const std::string& project);
  base::Result<core::ServerSpec> resolve_for(const std::string& server, const std::string& project);
  Control::Hands control_hands();
  SessionRegistry::Hands session_hands();
  Upstreams::Hands upstream_hands();
  void collect_status(std::function<void(std::string)> told);
  std::string status(const MemoryUse& memory);

  DaemonParts parts_;
  ConfigFile config_file_;
  Wishes wishes_;
  DaemonLog log_;
  io::Loop loop_;
  base::Instant started_;
  broker::Options options_;
  broker::Broker broker_;
  std::unique_ptr<Recorder> recorder_;  // If there is to be a recording.
  Learnt learnt_;
  std::unique_ptr<io::Children> children_;
  HttpFront front_;
  Control control_;
  std::unique_ptr<SessionRegistry> http_sessions_;
  std::unique_ptr<Upstreams> upstreams_;
  std::unique_ptr<LimitWatch> limit_watch_;
  std::unique_ptr<MemoryWatch> memory_watch_;
  std::uint64_t socket_inode_ = 0;  // Of the file of our socket: a service manager may put its own there.
  Upgrade upgrade_;
  std::unique_ptr<io::HandoverListener> handover_;  // While another process may take over.
  std::string last_later_;      // The later program that a session has brought, so that it is tried once.
  std::uint64_t upgrades_ = 0;  // How many programs this process has been before.
  transport::Access port_access_;
  std::string port_caller_;  // The caller of all requests by the port; see SessionRegistry.
  std::uint16_t port_ = 0;   // 0: there is none.
  std::string port_url_;
  HttpSettings port_settings_;  // With which it was opened last.
  HttpSettings port_wanted_;    // What is to be, once that can be.
  std::string port_trouble_;    // Why it is not as the configuration and its files say now.
  std::unique_ptr<io::FileWatch> config_watch_;
  std::unique_ptr<io::FileWatch> port_watch_;  // Certificate, key and token.
  io::Timer deadline_;
  std::vector<io::SignalWatch> signals_;
  io::Notifier service_;  // The manager that has started this daemon, if one has.

  base::IdTable<core::SessionTag, Attachment> sessions_;
  base::IdTable<core::InstanceTag, Running> instances_;
  std::vector<broker::SessionId> dirty_sessions_;
  std::vector<broker::InstanceId> dirty_instances_;
  std::vector<broker::Action> carrying_out_;
  std::optional<base::Instant> turn_time_;
  base::Duration clock_went_back_{0};  // What the log has of it.
  io::Asked status_asked_;             // The memory of all.
  bool leaving_ = false;               // No new sessions; children are being stopped.
  bool resting_ = false;               // Shut down: sessions come back when their clients need them.
  bool stepped_down_ = false;          // The sessions have been let go, and the loop is told to end.
};

}  // namespace app
