// config.json while the daemon runs: it is watched, what it says is taken up, and what it names for the port
// is read again when it changes.
#include <utility>

#include "app/config/changes.h"
#include "app/daemon.h"
#include "io/tcp_socket.h"

namespace app {
namespace {

std::string not_noticed(const base::Error& why) {
  return why.what +
         "; a change is taken up when the next session comes, or with systemctl --user reload hearthd";
}

bool same_place(const HttpSettings& one, const HttpSettings& other) {
  return one.port == other.port && one.address == other.address;
}

}  // namespace

// Each session reads it, too, so that a client that is started right after a change has the change.
const Config& Daemon::configuration() {
  const std::optional<Config> before = config_file_.load();
  for (const ConfigFile::News& news : config_file_.news()) {
    if (news.mended) log_.info(news.text);
    if (!news.mended) log_.warning(news.text);
  }
  if (before) config_changed(*before);
  if (!config_watch_ || config_watch_->in_trouble()) watch_files();
  return config_file_.in_force();
}

void Daemon::config_changed(const Config& before) {
  if (leaving_) return;
  const Config now = config_file_.in_force();
  const ChangedEntries changed = changed_entries(before, now);
  log_.info(now.path + " was taken up: " + text_of(changed));
  if (!changed.none()) {
    const auto concerned = [&](broker::SessionId session, const Wish& wish) {
      if (changed.concern(wish)) respecify(session, wish, before);
    };
    wishes_.each(concerned);
    http_sessions_->each(
        [&](broker::SessionId session, const std::string& server, const std::string& project) {
          concerned(session, wish_by_url(server, project));
        });
    for (const std::string& name : changed.changed) feed(broker::EntryChanged{name});
    for (const std::string& name : changed.removed) feed(broker::EntryChanged{name});
  }
  memory_watch_->set(now.budget);
  HttpSettings wanted = http_settings(now);
  // The port may have been given to this daemon, or chosen.
  if (same_place(before.http, now.http)) {
    wanted.port = port_wanted_.port;
    wanted.address = port_wanted_.address;
  }
  if (before.http != now.http) follow_port(wanted);
  watch_files();
}

void Daemon::respecify(broker::SessionId session, const Wish& wish, const Config& before) {
  auto change = change_for(wish, before, config_file_.in_force());
  if (!change) {
    const std::string sentence =
        change.error().what + "; sessions that are open keep the server that they have";
    log_.warning(sentence);
    if (Attachment* attachment = sessions_.find(session)) attachment->say(sentence);
    return;
  }
  if (change->timing) feed(broker::SessionRetimed{session, *change->timing});
  if (!change->spec) return;
  learnt_.recall(*change->spec);
  feed(broker::SessionRespecified{session, std::move(*change->spec)});
}

void Daemon::watch_files() {
  const auto trouble = [this](const base::Error& why) { log_.warning(not_noticed(why)); };
  // A file system that does not answer is not gone through.
  if (!config_watch_ && config_file_.answers()) {
    config_watch_ = std::make_unique<io::FileWatch>(
        loop_, io::FileWatch::Events{.changed = [this] { configuration(); }, .trouble = trouble});
    config_watch_->watch({parts_.paths.config_file});
  } else if (config_watch_ && config_watch_->in_trouble()) {
    config_watch_->watch({parts_.paths.config_file});
  }
  if (!port_watch_) {
    port_watch_ = std::make_unique<io::FileWatch>(
        loop_, io::FileWatch::Events{.changed = [this] { renew_port(); }, .trouble = trouble});
  }
  std::set<std::string> files;
  for (const HttpSettings* settings : {&port_settings_, &port_wanted_}) {
    if (!settings->port) continue;
    files.insert({settings->certificate, settings->key});
    if (!settings->token && !settings->open) files.insert(parts_.paths.state_dir + "/http-token");
  }
  files.erase("");
  port_watch_->watch(std::move(files));
}

void Daemon::reload() {
  if (leaving_) return;
  service_.reloading();
  const std::size_t mistakes = configuration().complaints.size();
  const std::string found = mistakes == 0 ? "no mistakes" : std::to_string(mistakes) + " mistakes";
  log_.info("the configuration was read again: " + found + " in " + parts_.paths.config_file);
  renew_port();
  service_.ready("sessions connect to " + parts_.paths.socket);
}

// From now on it is the port. Connections to another one, or to the same one as it was, go on as they began.
base::Result<void> Daemon::take_port(HttpPort port) {
  if (port.tls && !port.tls->doubt().empty()) log_.warning(port.tls->doubt());
  front_.stop_listening(HttpOrigin::Kind::tcp);
  port_ = io::port_of(port.socket);
  port_url_ = port.url;
  port_access_ = std::move(port.access);
  port_caller_ = std::move(port.caller);
  const std::string where = io::name_of(port.socket);
  TRY(front_.listen(std::move(port.socket), {.kind = HttpOrigin::Kind::tcp, .port = port_},
                    std::move(port.tls)));
  log_.info("clients can connect to " + port_url_ + "/mcp/NAME (listening on " + where + ")");
  return {};
}

void Daemon::follow_port(const HttpSettings& wanted) {
  port_wanted_ = wanted;
  http_sessions_->follow(wanted);
  if (!wanted.port) {
    port_settings_ = wanted;
    port_trouble_.clear();
    if (port_ == 0) return;
    front_.stop_listening(HttpOrigin::Kind::tcp);
    port_ = 0;
    log_.info("the port is closed, as config.json has it");
    return;
  }
  io::Descriptor same;
  if (port_ != 0 && same_place(wanted, port_settings_)) {
    if (auto listening = front_.listening(HttpOrigin::Kind::tcp)) same = std::move(*listening);
  }
  auto port = open_http_port(wanted, parts_.paths.state_dir + "/http-token", std::move(same));
  base::Result<void> taken = port ? take_port(std::move(*port)) : std::unexpected(port.error());
  if (taken) {
    port_settings_ = wanted;
    if (!std::exchange(port_trouble_, {}).empty()) log_.info("the port is in order again");
    return;
  }
  const std::string kept = port_ != 0 ? "the port stays as it was: " : "there is no port: ";
  const std::string before = std::exchange(port_trouble_, kept + taken.error().what);
  if (before != port_trouble_) log_.warning(port_trouble_);
}

void Daemon::renew_port() {
  if (!leaving_ && port_wanted_.port) follow_port(HttpSettings(port_wanted_));
}

}  // namespace app
