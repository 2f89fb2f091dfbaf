// The daemon's socket: requests of shims and of the command line.
#include <set>

#include "app/api.h"
#include "app/attach_body.h"
#include "app/daemon.h"
#include "io/clock.h"

namespace app {

void Daemon::connected(io::Descriptor connection) {
  auto opened = ControlConnection::open(loop_, std::move(connection),
                                        {.on_request = [this](ControlConnection& ready) { requested(ready); },
                                         .on_gone = [this](ControlConnection& gone) { forget(gone); }});
  if (opened) {
    connections_.push_back(std::move(*opened));
  } else {
    log_.warning(opened.error().what);
  }
}

void Daemon::forget(ControlConnection& connection) {
  for (auto at = connections_.begin(); at != connections_.end(); ++at) {
    if (at->get() != &connection) continue;
    loop_.retire(std::move(*at));
    connections_.erase(at);
    return;
  }
}

void Daemon::requested(ControlConnection& connection) {
  if (connection.request().path == "/attach") {
    attach(connection);
  } else {
    connection.answer(answer_to(connection.request()));
  }
}

void Daemon::attach(ControlConnection& connection) {
  if (leaving_) {
    connection.answer(http_problem(503, "the daemon is ending"));
    return;
  }
  if (connection.request().method != "POST" || connection.request().upgrade != "hearth-session/1" ||
      connection.descriptors().size() != 3) {
    connection.answer(
        http_problem(400, "/attach needs POST, \"Upgrade: hearth-session/1\" and three descriptors"));
    return;
  }
  auto body = read_attach_body(connection.request().body);
  if (!body) {
    connection.answer(http_problem(400, body.error().what));
    return;
  }
  const Config config = load_config(parts_.paths.config_file);
  auto spec = resolve(body->wish, config);
  if (!spec) {
    log_.warning("a session was refused: " + spec.error().what);
    connection.answer(http_problem(422, spec.error().what));
    return;
  }
  const broker::SessionId id = broker_.admit();
  std::vector<io::Descriptor> descriptors = std::move(connection.descriptors());
  io::Descriptor line = connection.release();
  auto opened = Attachment::open(
      loop_,
      {.session = id,
       .input = std::move(descriptors[0]),
       .output = std::move(descriptors[1]),
       .journal = std::move(descriptors[2]),
       .connection = std::move(line),
       .line_max = spec->message_bytes_max},
      {.on_line = [this, id](proto::Line&& received) { feed(broker::SessionLine{id, std::move(received)}); },
       .on_read =
           [this, id] {
             if (Attachment* attachment = sessions_.find(id)) attachment->note_unread();
           },
       .on_drained =
           [this, id] {
             Attachment* attachment = sessions_.find(id);
             if (attachment == nullptr || !std::exchange(attachment->congested, false)) return;
             feed(broker::SessionUnblocked{id});
           },
       .on_gone = [this, id] { feed(broker::SessionClosed{id}); },
       .on_input_end = [this, id] { input_ended(id); }});
  if (!opened) {
    broker_.dismiss(id);
    log_.warning("a session could not be attached: " + opened.error().what);
    forget(connection);
    return;
  }
  Attachment& attachment = sessions_.put(id, std::move(*opened));
  attachment.accept();
  for (const Complaint& complaint : config.complaints) {
    if (complaint.severity == Severity::warning) attachment.say(text_of(complaint));
  }
  attachment.resume_unread();
  feed(broker::SessionOpened{id, std::move(*spec), attachment.page(), body->pid});
  forget(connection);
}

std::string Daemon::answer_to(const HttpRequest& request) {
  const bool get = request.method == "GET";
  const bool post = request.method == "POST";
  const auto wrong_method = [&](std::string_view right) {
    return http_problem(405, request.path + " takes " + std::string(right) + ", not " + request.method);
  };
  if (request.path == "/ping")
    return get ? http_answer(200, "application/json", R"({"ok":true})") : wrong_method("GET");
  if (request.path == "/status") {
    if (!get) return wrong_method("GET");
    const Whereabouts whereabouts{.home = parts_.paths.home, .started = started_, .now = io::now()};
    const auto memory = [this](broker::InstanceId id) {
      const Running* running = instances_.find(id);
      return running != nullptr && running->child != nullptr ? running->child->processes()
                                                             : std::vector<io::Process>{};
    };
    return http_answer(200, "application/json", status_json(broker_, whereabouts, memory));
  }
  if (request.path == "/why") {
    return get ? http_answer(200, "application/json", why_json(broker_, query_value(request.query, "name")))
               : wrong_method("GET");
  }
  if (request.path == "/stop" || request.path == "/restart")
    return post ? stop_or_restart(request) : wrong_method("POST");
  if (request.path == "/shutdown") {
    if (!post) return wrong_method("POST");
    ending_sessions_ = true;
    leave();
    return http_answer(200, "application/json", R"({"ok":true})");
  }
  return http_problem(404, "there is no " + request.path + "; see docs/shim-protocol.md for what there is");
}

std::string Daemon::stop_or_restart(const HttpRequest& request) {
  const auto name = read_name_body(request.body);
  if (!name) return http_problem(400, name.error().what);
  std::set<std::string> known;
  for (const broker::InstanceReport& report : broker_.instances()) known.insert(report.name);
  for (const broker::SessionReport& report : broker_.sessions()) known.insert(report.server);
  if (!known.contains(*name)) {
    std::string all;
    for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
    return http_problem(404, "no server named \"" + *name + "\" is known to the daemon; " +
                                 (all.empty() ? "there is none now" : "there are: " + all));
  }
  if (request.path == "/stop") {
    feed(broker::StopWanted{*name});
  } else {
    feed(broker::RestartWanted{*name});
  }
  return http_answer(200, "application/json", R"({"ok":true})");
}

}  // namespace app
