// The daemon's socket: requests of shims and of the command line.
#include <unistd.h>

#include <algorithm>

#include "app/api/api.h"
#include "app/daemon.h"
#include "app/http/attach_body.h"
#include "core/reach.h"
#include "io/clock.h"
#include "io/descriptor_limit.h"
#include "io/unix_socket.h"
#include "transport/inbound/admission.h"
#include "transport/inbound/cors.h"
#include "transport/inbound/forgiving.h"

namespace app {

using proto::HttpRequest;
using transport::ExchangeId;

namespace {

const transport::Access local_access;

std::string elsewhere(const std::vector<std::string>& lacking) {
  std::string text = "the daemon that runs has other surroundings than this session (";
  for (const std::string& each : lacking) text += (&each == &lacking.front() ? "" : ", ") + each;
  return text + ")";
}

}  // namespace

// The principal that a request belongs to, or the answer that refuses it. The body of a refused request is
// never read.
std::expected<std::string, proto::HttpAnswer> Daemon::judged(HttpRequest& head, HttpOrigin origin) const {
  const bool local = origin.kind == HttpOrigin::Kind::local_socket;
  const transport::Access& access = local ? local_access : port_access_;
  transport::forgive(head);
  auto answer = transport::refused_place(access, head);
  if (!answer) answer = transport::preflight(access, head);
  if (!answer) answer = transport::refused(access, head);
  if (!answer) answer = transport::refused_head(head);
  if (!answer) return local ? std::string(local_caller) : port_caller_;
  const auto along = transport::shown_to_page(access, head);
  answer->fields.all.insert(answer->fields.all.begin(), along.all.begin(), along.all.end());
  return std::unexpected(std::move(*answer));
}

void Daemon::requested(ExchangeId exchange, HttpRequest&& request, HttpOrigin origin) {
  const bool local = origin.kind == HttpOrigin::Kind::local_socket;
  front_.accompany(exchange, transport::shown_to_page(local ? local_access : port_access_, request));
  if (request.path == "/attach" && local) {
    attach(exchange, request);
  } else if (request.path.starts_with("/mcp/") || request.path.starts_with("/sse/")) {
    // A client of HTTP+SSE tries again for ever when it is hung up on, and gives up when it is answered.
    if (leaving_ && request.path.starts_with("/sse/") && request.method == "GET")
      return front_.drop(exchange);
    if (leaving_) return front_.answer(exchange, proto::problem(503, "the daemon is ending"));
    http_sessions_->request(exchange, std::move(request), local ? std::string(local_caller) : port_caller_,
                            turn_time());
  } else if (request.path == "/upgrade" && request.method == "POST" && !local) {
    // It names a program to run.
    front_.answer(exchange,
                  proto::problem(403, "the daemon is replaced only by its own user: hearth upgrade"));
  } else {
    control_.request(exchange, request);
  }
}

void Daemon::attach(ExchangeId exchange, const HttpRequest& request) {
  const auto refuse = [&](int status, std::string_view why) {
    front_.answer(exchange, proto::problem(status, why));
  };
  if (leaving_) return refuse(503, "the daemon is ending");
  std::vector<io::Descriptor> descriptors = front_.take_descriptors(exchange);
  if (request.method != "POST" || request.fields.get("upgrade") != "hearth-session/1" ||
      descriptors.size() != 3)
    return refuse(400, "/attach needs POST, \"Upgrade: hearth-session/1\" and three descriptors");
  auto body = read_attach_body(request.body);
  if (!body) return refuse(400, body.error().what);
  if (const auto lacking = core::out_of_reach(parts_.process.reach, body->wish.inheritance);
      !lacking.empty()) {
    const std::string why = elsewhere(lacking);
    log_.info("a session was sent to a daemon for its own surroundings: " + why);
    return refuse(421, why);
  }
  if (std::ranges::any_of(descriptors, [](const io::Descriptor& fd) { return io::is_reserved(fd.get()); })) {
    log_.warning("a session was refused: " + io::too_many_open_files());
    return refuse(io::no_room_status, io::no_room_for_session());
  }
  const Config config = configuration();
  auto spec = resolve(body->wish, config);
  if (!spec) {
    log_.warning("a session was refused: " + spec.error().what);
    return refuse(422, spec.error().what);
  }
  io::Descriptor connection = front_.release(exchange);
  // A shim that has given us up, while we were suspended, say, reads from the client itself.
  if (io::is_abandoned(connection.get())) return;
  const broker::SessionId id = admit();
  auto opened = Attachment::open(loop_,
                                 {.session = id,
                                  .input = std::move(descriptors[0]),
                                  .output = std::move(descriptors[1]),
                                  .journal = std::move(descriptors[2]),
                                  .connection = std::move(connection),
                                  .line_max = spec->message_bytes_max},
                                 attachment_events(id));
  if (!opened) {
    if (recorder_) recorder_->note(record::Dismissed{id}, turn_time());
    broker_.dismiss(id);
    log_.warning("a session could not be attached: " + opened.error().what);
    return;
  }
  Attachment& attachment = sessions_.put(id, std::move(*opened));
  attachment.accept();
  if (const std::string loss = log_.news_of_loss(); !loss.empty()) attachment.say(loss);
  const auto* named = std::get_if<AttachWish>(&body->wish.server);
  for (const Complaint& complaint : config.complaints) {
    // Complaints about other entries do not concern this session; the log and the status show them.
    const bool own = named != nullptr && complaint.server == named->name;
    if (own || complaint.server.empty()) attachment.say(text_of(complaint));
  }
  attachment.resume_unread();
  learnt_.recall(*spec);
  wishes_.keep(id, body->wish);
  feed(broker::SessionOpened{id, std::move(*spec), attachment.page(), body->pid});
  upgrade_to_later(body->version, body->daemon);
}

Attachment::Events Daemon::attachment_events(broker::SessionId id) {
  return {.on_line = [this, id](proto::Line&& line) { feed(broker::SessionLine{id, std::move(line)}); },
          .on_read =
              [this, id] {
                if (Attachment* attachment = sessions_.find(id)) attachment->note_unread();
              },
          .on_drained =
              [this, id] {
                Attachment* attachment = sessions_.find(id);
                if (attachment == nullptr) return;
                if (std::exchange(attachment->congested, false)) feed(broker::SessionUnblocked{id});
                close_if_done(id);
              },
          .on_gone = [this, id] { feed(broker::SessionClosed{id}); },
          .on_output_gone = [this, id] { output_gone(id); },
          .on_input_end = [this, id] { input_ended(id); }};
}

// A client over HTTP brings no environment and no directory; the daemon's own stand in for them.
Wish Daemon::wish_by_url(const std::string& server, const std::string& project) {
  Wish wish{.server = AttachWish{server}, .cwd = project, .environment = {}};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      wish.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  const auto home = wish.environment.find("HOME");
  if (project.empty()) wish.cwd = home != wish.environment.end() ? home->second : "/";
  return wish;
}

base::Result<core::ServerSpec> Daemon::resolve_for(const std::string& server, const std::string& project) {
  // A project that is named is meant, also where the server's scope has no need of it.
  if (!project.empty()) TRY(project_directory(project, {}));
  auto spec = resolve(wish_by_url(server, project), configuration());
  if (!spec) return spec;
  learnt_.recall(*spec);
  return spec;
}

Control::Hands Daemon::control_hands() {
  return {.broker = broker_,
          .feed = [this](broker::Event event) { feed(std::move(event)); },
          .config = [this] { return configuration(); },
          .resolve = [this](const std::string& server,
                            const std::string& project) { return resolve_for(server, project); },
          .status = [this](auto told) { collect_status(std::move(told)); },
          .shut_down =
              [this] {
                resting_ = true;
                leave();
              },
          .upgrade =
              [this](const std::string& program, const Upgrade::Told& told) {
                become(program.empty() ? parts_.program : program, told);
              },
          .answer = [this](ExchangeId exchange,
                           const proto::HttpAnswer& answer) { front_.answer(exchange, answer); }};
}

SessionRegistry::Hands Daemon::session_hands() {
  return {.front = front_,
          .admit = [this] { return admit(); },
          .feed = [this](broker::Event event) { feed(std::move(event)); },
          .resolve = [this](const std::string& server,
                            const std::string& project) { return resolve_for(server, project); },
          .warn = [this](const std::string& sentence) { log_.warning(sentence); }};
}

Upstreams::Hands Daemon::upstream_hands() {
  return {.loop = loop_,
          .children = *children_,
          .feed = [this](broker::Event event) { feed(std::move(event)); },
          .log = [this](broker::Severity severity, std::string text) { log_.write(severity, text); },
          .log_dir = parts_.paths.log_dir};
}

namespace {

std::string_view started_by(const DaemonParts& parts) {
  if (parts.passed_socket || !parts.notify.socket.empty()) return "service";
  return parts.foreground ? "serve" : "session";
}

}  // namespace

void Daemon::collect_status(std::function<void(std::string)> told) {
  using About = io::Question::About;
  std::vector<io::Question> questions = {{.about = About::ourselves}};
  std::vector<broker::InstanceId> asked;
  for (const broker::InstanceReport& report : broker_.instances()) {
    auto processes = question(report.instance, About::memory);
    if (!processes) continue;
    questions.push_back(std::move(*processes));
    asked.push_back(report.instance);
  }
  status_asked_ = children_->surveyor().ask(
      std::move(questions),
      [this, asked = std::move(asked), told = std::move(told)](std::vector<io::Seen>&& seen) {
        MemoryUse memory{.daemon = seen.front().memory};
        for (std::size_t i = 0; i < asked.size(); ++i)
          memory.servers.emplace_back(asked[i], seen[i + 1].memory);
        told(status(memory));
      });
}

std::string Daemon::status(const MemoryUse& memory) {
  Whereabouts whereabouts{
      .home = parts_.paths.home,
      .started = started_,
      .now = io::now(),
      .started_by = started_by(parts_),
      .upgrades = upgrades_,
      .port = port_,
      .url = port_url_,
      .complaints = {},
      .budget = memory_watch_->budget().memory,
      .not_kept = [this](const base::ResourceLimits& limits) { return not_kept(limits); }};
  for (const Complaint& complaint : configuration().complaints)
    whereabouts.complaints.push_back(text_of(complaint));
  if (!port_trouble_.empty()) whereabouts.complaints.push_back(port_trouble_);
  return status_json(broker_, whereabouts, memory);
}

}  // namespace app
