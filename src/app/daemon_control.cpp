// The daemon's socket: requests of shims and of the command line.
#include <set>

#include "app/api.h"
#include "app/attach_body.h"
#include "app/daemon.h"
#include "io/clock.h"

namespace app {

using proto::HttpAnswer;
using proto::HttpRequest;
using proto::json_answer;
using proto::problem;

void Daemon::requested(transport::ExchangeId exchange, HttpRequest&& request, HttpOrigin origin) {
  if (request.path == "/attach") {
    attach(exchange, request, origin);
  } else {
    front_.answer(exchange, answer_to(request));
  }
}

void Daemon::attach(transport::ExchangeId exchange, const HttpRequest& request, HttpOrigin origin) {
  if (leaving_) {
    front_.answer(exchange, problem(503, "the daemon is ending"));
    return;
  }
  std::vector<io::Descriptor> descriptors = front_.take_descriptors(exchange);
  if (origin.kind != HttpOrigin::Kind::local_socket || request.method != "POST" ||
      request.fields.get("upgrade") != "hearth-session/1" || descriptors.size() != 3) {
    front_.answer(exchange,
                  problem(400, "/attach needs POST, \"Upgrade: hearth-session/1\" and three descriptors"));
    return;
  }
  auto body = read_attach_body(request.body);
  if (!body) {
    front_.answer(exchange, problem(400, body.error().what));
    return;
  }
  const Config config = load_config(parts_.paths.config_file);
  auto spec = resolve(body->wish, config);
  if (!spec) {
    log_.warning("a session was refused: " + spec.error().what);
    front_.answer(exchange, problem(422, spec.error().what));
    return;
  }
  const broker::SessionId id = broker_.admit();
  auto opened = Attachment::open(
      loop_,
      {.session = id,
       .input = std::move(descriptors[0]),
       .output = std::move(descriptors[1]),
       .journal = std::move(descriptors[2]),
       .connection = front_.release(exchange),
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
    return;
  }
  Attachment& attachment = sessions_.put(id, std::move(*opened));
  attachment.accept();
  for (const Complaint& complaint : config.complaints) {
    if (complaint.severity == Severity::warning) attachment.say(text_of(complaint));
  }
  attachment.resume_unread();
  feed(broker::SessionOpened{id, std::move(*spec), attachment.page(), body->pid});
}

HttpAnswer Daemon::answer_to(const HttpRequest& request) {
  const bool get = request.method == "GET";
  const bool post = request.method == "POST";
  const auto wrong_method = [&](std::string_view right) {
    return problem(405, request.path + " takes " + std::string(right) + ", not " + request.method);
  };
  if (request.path == "/ping") return get ? json_answer(200, R"({"ok":true})") : wrong_method("GET");
  if (request.path == "/status") {
    if (!get) return wrong_method("GET");
    const Whereabouts whereabouts{.home = parts_.paths.home, .started = started_, .now = io::now()};
    const auto memory = [this](broker::InstanceId id) {
      const Running* running = instances_.find(id);
      return running != nullptr && running->child != nullptr ? running->child->processes()
                                                             : std::vector<io::Process>{};
    };
    return json_answer(200, status_json(broker_, whereabouts, memory));
  }
  if (request.path == "/why") {
    if (!get) return wrong_method("GET");
    std::string name;
    const bool named = proto::query_value(request.query, "name", name);
    return json_answer(200, why_json(broker_, named ? std::optional(name) : std::nullopt));
  }
  if (request.path == "/stop" || request.path == "/restart")
    return post ? stop_or_restart(request) : wrong_method("POST");
  if (request.path == "/shutdown") {
    if (!post) return wrong_method("POST");
    ending_sessions_ = true;
    leave();
    return json_answer(200, R"({"ok":true})");
  }
  return problem(404, "there is no " + request.path + "; see docs/shim-protocol.md for what there is");
}

HttpAnswer Daemon::stop_or_restart(const HttpRequest& request) {
  const auto name = read_name_body(request.body);
  if (!name) return problem(400, name.error().what);
  std::set<std::string> known;
  for (const broker::InstanceReport& report : broker_.instances()) known.insert(report.name);
  for (const broker::SessionReport& report : broker_.sessions()) known.insert(report.server);
  if (!known.contains(*name)) {
    std::string all;
    for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
    return problem(404, "no server named \"" + *name + "\" is known to the daemon; " +
                            (all.empty() ? "there is none now" : "there are: " + all));
  }
  if (request.path == "/stop") {
    feed(broker::StopWanted{*name});
  } else {
    feed(broker::RestartWanted{*name});
  }
  return json_answer(200, R"({"ok":true})");
}

}  // namespace app
