#include "sim/describe.h"

namespace sim {

namespace {

constexpr std::size_t text_most = 300;

template <class Tag>
std::string name(char letter, base::Id<Tag> id) {
  return letter + std::to_string(id.index) + "." + std::to_string(id.generation);
}
std::string of(core::SessionId id) {
  return name('S', id);
}
std::string of(core::InstanceId id) {
  return name('I', id);
}

std::string cut(std::string text, std::size_t most = text_most) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = '?';
  }
  if (text.size() > most) text = text.substr(0, most) + "… (" + std::to_string(text.size()) + " bytes)";
  return text;
}

std::string line_text(const proto::Line& line) {
  if (!line.overlong) return cut(std::string(line.bytes.text));
  return "over-long, " + std::to_string(line.length) + " bytes, id " +
         (line.id.empty() ? "unknown" : line.id);
}

struct EventText {
  std::string operator()(const broker::SessionOpened& e) const {
    return "opened " + of(e.session) + " for pid " + std::to_string(e.client_pid) + ": " + e.spec.program +
           " in " + e.spec.directory;
  }
  std::string operator()(const broker::SessionLine& e) const {
    return of(e.session) + " says " + line_text(e.line);
  }
  std::string operator()(const broker::SessionClosed& e) const { return "closed " + of(e.session); }
  std::string operator()(const broker::SessionInputEnded& e) const { return "no input of " + of(e.session); }
  std::string operator()(const broker::SessionAway& e) const { return "away " + of(e.session); }
  std::string operator()(const broker::SessionBack& e) const { return "back " + of(e.session); }
  std::string operator()(const broker::SessionBlocked& e) const { return "blocked " + of(e.session); }
  std::string operator()(const broker::SessionUnblocked& e) const { return "unblocked " + of(e.session); }
  std::string operator()(const broker::SessionOverflowed& e) const { return "overflowed " + of(e.session); }
  std::string operator()(const broker::SessionRespecified& e) const {
    return "respecified " + of(e.session) + (e.spec.refusal.empty() ? "" : ", refused");
  }
  std::string operator()(const broker::SessionRetimed& e) const { return "other times of " + of(e.session); }
  std::string operator()(const broker::EntryChanged& e) const { return "changed entry " + e.name; }
  std::string operator()(const broker::InstanceStarted& e) const {
    return "started " + of(e.instance) + " pid " + std::to_string(e.pid);
  }
  std::string operator()(const broker::InstanceStartFailed& e) const {
    return "start failed " + of(e.instance);
  }
  std::string operator()(const broker::InstanceLine& e) const {
    return of(e.instance) + " says " + line_text(e.line);
  }
  std::string operator()(const broker::InstanceMoved& e) const {
    return of(e.instance) + " moved to pid " + std::to_string(e.pid);
  }
  std::string operator()(const broker::InstanceSpoke& e) const { return "stderr of " + of(e.instance); }
  std::string operator()(const broker::InstanceBlocked& e) const { return "blocked " + of(e.instance); }
  std::string operator()(const broker::InstanceUnblocked& e) const { return "unblocked " + of(e.instance); }
  std::string operator()(const broker::InstanceExited& e) const {
    return "exited " + of(e.instance) + " " + e.how;
  }
  std::string operator()(const broker::InstanceAnswers& e) const { return "answers " + of(e.instance); }
  std::string operator()(const broker::InstanceForgot& e) const { return "forgot " + of(e.instance); }
  std::string operator()(const broker::InstanceOverflowed& e) const { return "overflowed " + of(e.instance); }
  std::string operator()(const broker::MemoryShort& e) const {
    return "memory is short: " + std::to_string(e.used) + " of " + std::to_string(e.budget);
  }
  std::string operator()(const broker::DaemonLeaves&) const { return "the daemon leaves"; }
  std::string operator()(const broker::StartWanted& e) const { return "person starts " + e.spec.name; }
  std::string operator()(const broker::StopWanted& e) const { return "person stops " + e.name; }
  std::string operator()(const broker::RestartWanted& e) const { return "person restarts " + e.name; }
};

struct ActionText {
  std::size_t most = text_most;

  std::string operator()(const broker::SendToSession& a) const {
    return "to " + of(a.session) + " " + cut(a.message.text(), most);
  }
  std::string operator()(const broker::EndPartialLine& a) const {
    return "end partial line of " + of(a.session);
  }
  std::string operator()(const broker::SendToInstance& a) const {
    return "to " + of(a.instance) + " " + cut(a.message.text(), most);
  }
  std::string operator()(const broker::CloseSession& a) const {
    return "close " + of(a.session) + ": " + a.reason;
  }
  std::string operator()(const broker::TellSession& a) const {
    return "tell " + of(a.session) + " " + a.text;
  }
  std::string operator()(const broker::PauseSession& a) const { return "pause " + of(a.session); }
  std::string operator()(const broker::ResumeSession& a) const { return "resume " + of(a.session); }
  std::string operator()(const broker::StartInstance& a) const {
    return "start " + of(a.instance) + " " + a.program;
  }
  std::string operator()(const broker::StopInstance& a) const { return "stop " + of(a.instance); }
  std::string operator()(const broker::NoteRoots& a) const {
    return "remember that it asks for roots: " + a.program;
  }
  std::string operator()(const broker::NoteAsks& a) const { return "remember that it asks: " + a.program; }
  std::string operator()(const broker::NoteNoProbe& a) const { return "do not probe " + a.program; }
  std::string operator()(const broker::NoteOffer& a) const {
    return "offer " + std::string(proto::name_of(a.revision)) + " to " + a.program;
  }
  std::string operator()(const broker::ForgetInstance& a) const { return "forget " + of(a.instance); }
  std::string operator()(const broker::Log& a) const { return "log: " + cut(a.text, most); }
  std::string operator()(const broker::Retire&) const { return "retire"; }
};

}  // namespace

std::string describe(const broker::Event& event) {
  return std::visit(EventText{}, event);
}

std::string describe(const broker::Action& action) {
  return std::visit(ActionText{}, action);
}

std::string describe_whole(const broker::Action& action) {
  return std::visit(ActionText{.most = std::string::npos}, action);
}

std::string name_of(core::SessionId session) {
  return of(session);
}

std::string name_of(core::InstanceId instance) {
  return of(instance);
}

}  // namespace sim
