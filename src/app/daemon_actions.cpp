// What the broker wants done, done.
#include <algorithm>

#include "app/daemon.h"
#include "base/cases.h"
#include "io/clock.h"

namespace app {
namespace {

// Lines as the server was sent them; half a one at the beginning is no message, which the broker will see.
std::vector<proto::Message> messages_of(std::string_view text) {
  std::vector<proto::Message> messages;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) messages.emplace_back(std::string(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return messages;
}

}  // namespace

void Daemon::carry_out(broker::Action& action) {
  std::visit(base::Cases{
                 [&](broker::SendToSession& a) { send_to_session(a); },
                 [&](broker::EndPartialLine& a) {
                   Attachment* attachment = sessions_.find(a.session);
                   if (attachment == nullptr) return;
                   attachment->writer().queue(proto::Message());
                   mark_dirty(*attachment);
                 },
                 [&](broker::SendToInstance& a) { send_to_instance(a); },
                 [&](broker::CloseSession& a) { close_session(a); },
                 [&](broker::PauseSession& a) {
                   http_sessions_->hold(a.session);
                   if (Attachment* attachment = sessions_.find(a.session)) attachment->reader().pause();
                 },
                 [&](broker::ResumeSession& a) {
                   http_sessions_->release(a.session, turn_time());
                   Attachment* attachment = sessions_.find(a.session);
                   if (attachment != nullptr && !leaving_) attachment->reader().resume();
                 },
                 [&](broker::StartInstance& a) { start_instance(a); },
                 [&](broker::StopInstance& a) {
                   upstreams_->stop(a.instance);
                   if (Running* running = instances_.find(a.instance)) running->child->stop();
                 },
                 [&](broker::NoteNoProbe& a) { learnt_.note(a); },
                 [&](broker::NoteAsks& a) { learnt_.note(a); },
                 [&](broker::NoteRoots& a) { learnt_.note(a); },
                 [&](broker::NoteOffer& a) { learnt_.note(a); },
                 [&](broker::ForgetInstance& a) {
                   upstreams_->forget(a.instance);
                   (void)instances_.take(a.instance);
                 },
                 [&](broker::TellSession& a) {
                   if (Attachment* attachment = sessions_.find(a.session)) attachment->say(a.text);
                 },
                 [&](broker::Log& a) { log_.write(a.severity, a.text); },
                 [&](broker::Retire&) {
                   // Clients of a port cannot start a daemon; this one may have been opened since it began.
                   if (port_ == 0) return leave();
                   log_.info("no session needs the daemon; it stays for its port");
                 },
             },
             action);
}

void Daemon::send_to_session(broker::SendToSession& action) {
  Attachment* attachment = sessions_.find(action.session);
  if (attachment == nullptr) return http_sessions_->send(action, turn_time());
  if (action.ends_call) {
    attachment->writer().queue_answer(std::move(action.message), *action.ends_call);
  } else {
    attachment->writer().queue(std::move(action.message));
  }
  mark_dirty(*attachment);
}

void Daemon::send_to_instance(broker::SendToInstance& action) {
  Running* running = instances_.find(action.instance);
  limit_watch_->stir();
  if (running == nullptr) return upstreams_->send(action);
  io::Writer* input = running != nullptr && running->child != nullptr ? running->child->input() : nullptr;
  if (input == nullptr) return;
  input->queue(std::move(action.message));
  if (!running->dirty) dirty_instances_.push_back(action.instance);
  running->dirty = true;
}

void Daemon::mark_dirty(Attachment& attachment) {
  if (!attachment.dirty) dirty_sessions_.push_back(attachment.session());
  attachment.dirty = true;
}

void Daemon::start_instance(const broker::StartInstance& action) {
  const broker::InstanceId id = action.instance;
  if (leaving_) {
    feed(broker::InstanceStartFailed{id, "the daemon is ending"});
    return;
  }
  note_start(action);
  if (action.link != core::Link::stdio) return upstreams_->start(action);
  io::LaunchSpec spec{.name = action.name,
                      .program = action.program,
                      .args = action.args,
                      .directory = action.directory,
                      .environment = action.environment.map(),
                      .inheritance = action.inheritance,
                      .line_max = action.message_bytes_max,
                      .log_file = parts_.paths.log_dir + '/' + action.name + ".log",
                      .limits = action.limits};
  auto child = children_->spawn(std::move(spec), child_events(id, action.name));
  auto running = std::make_unique<Running>(Running{id, action.name, std::move(child)});
  instances_.put(id, std::move(running));
}

io::Child::Events Daemon::child_events(broker::InstanceId id, const std::string& name) {
  return {.on_started =
              [this, id, name](pid_t pid) {
                log_.info("server " + name + " started, pid " + std::to_string(pid));
                feed(broker::InstanceStarted{id, pid});
              },
          .on_start_failed =
              [this, id](const base::Error& why) {
                Running* running = instances_.find(id);
                ensure(running != nullptr);
                loop_.retire(std::move(running->child));
                (void)instances_.take(id);
                feed(broker::InstanceStartFailed{id, why.what});
              },
          .on_line = [this, id](proto::Line&& line) { feed(broker::InstanceLine{id, std::move(line)}); },
          .on_spoke = [this, id] { feed(broker::InstanceSpoke{id}); },
          .on_input_drained = [this, id] { input_drained(id); },
          .on_left =
              [this, id, name](pid_t heir) {
                log_.info("server " + name + " goes on as pid " + std::to_string(heir));
                feed(broker::InstanceMoved{id, heir});
              },
          .on_gone = [this, id, name](const io::Gone& how) { instance_gone(id, name, how); }};
}

void Daemon::instance_gone(broker::InstanceId id, const std::string& name, const io::Gone& how) {
  Running* running = instances_.find(id);
  ensure(running != nullptr);
  loop_.retire(std::move(running->child));
  (void)instances_.take(id);
  log_.info("server " + name + " ended: " + how.how);
  std::vector<proto::Message> unread = messages_of(how.unread);
  // Nor has it read what this turn was about to send.
  for (const broker::Action& pending : broker_.outbox()) {
    const auto* send = std::get_if<broker::SendToInstance>(&pending);
    if (send != nullptr && send->instance == id) unread.emplace_back(send->message.text());
  }
  feed(broker::InstanceExited{id, how.how, how.last_words, how.clean, std::move(unread)});
}

void Daemon::input_ended(broker::SessionId session) {
  feed(broker::SessionInputEnded{session});
  if (Attachment* attachment = sessions_.find(session)) mark_dirty(*attachment);
}

void Daemon::output_gone(broker::SessionId session) {
  const std::size_t owed = broker_.owed(session);
  std::string lost;
  if (owed != 0) lost = "stdout was closed while requests had no answer: " + std::to_string(owed);
  feed(broker::SessionClosed{session, std::move(lost)});
}

// A client that has closed its stdin may still read: its session lasts until the last answer is written.
void Daemon::close_if_done(broker::SessionId session) {
  Attachment* attachment = sessions_.find(session);
  if (attachment == nullptr || !attachment->input_ended) return;
  if (attachment->writer().queued_bytes() != 0 || broker_.owed(session) != 0) return;
  feed(broker::SessionClosed{session});
}

void Daemon::close_session(const broker::CloseSession& action) {
  http_sessions_->close(action.session);
  wishes_.forget(action.session);
  std::unique_ptr<Attachment> attachment = sessions_.take(action.session);
  if (attachment == nullptr) return;
  if (!action.reason.empty()) log_.warning("a session was ended: " + action.reason);
  attachment->end(action.reason);
  loop_.retire(std::move(attachment));
}

}  // namespace app
