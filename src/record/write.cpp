// A recording's lines, written. Every member of every event is named, so that a new one does not compile
// until somebody has decided what of it may be shown.
#include <cstdio>

#include "base/version.h"
#include "record/kinds.h"
#include "record/page.h"
#include "record/recording.h"
#include "record/spec.h"

namespace record {
namespace {

using proto::json::Writer;

std::string hex(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

std::int64_t micros(base::Instant at) {
  return at.time_since_epoch().count();
}

// Sentences of ours about how a process ended; others may hold addresses and paths.
bool is_plain_end(std::string_view how) {
  return how.starts_with("exited with status ") || how.starts_with("killed by SIG");
}

class Line {
 public:
  Line(Mask& mask, base::Instant at) : mask_(mask) { out_.object().key("at").number(micros(at)); }

  std::string end() {
    out_.end();
    return out_.text() + '\n';
  }

  void write(const What& what) {
    std::visit([this](const auto& one) { write(one); }, what);
  }
  void write(const broker::Event& event) {
    std::visit(
        [this](const auto& one) {
          out_.key("what").string(name<std::remove_cvref_t<decltype(one)>>);
          members(one);
        },
        event);
  }

 private:
  void write(const Admitted& one) {
    out_.key("what").string(admitted);
    id("session", one.session);
  }
  void write(const Dismissed& one) {
    out_.key("what").string(dismissed);
    id("session", one.session);
  }
  void write(const Ticked& /*one*/) { out_.key("what").string(ticked); }
  void write(const End& one) {
    out_.key("what").string(ended);
    out_.key("why").string(one.why);
  }

  template <class Id>
  void id(std::string_view key, Id id) {
    out_.key(key).array();
    out_.number(id.index).number(id.generation);
    out_.end();
  }
  void bytes(std::string_view key, std::size_t count) {
    out_.key(key).number(static_cast<std::int64_t>(count));
  }
  void text(std::string_view key, std::string_view text) { out_.key(key).raw(mask_.text(text)); }

  void line(const proto::Line& line) {
    const auto& [message, overlong, length, raw_id, has_method] = line;
    out_.key("line").object();
    if (overlong) {
      bytes("overlong", length);
      out_.key("id").raw(mask_.id(raw_id));
      out_.key("method").boolean(has_method);
    } else {
      out_.key("text").raw(mask_.message(message.text));
    }
    out_.end();
  }
  void messages(std::string_view key, const std::vector<proto::Message>& all) {
    out_.key(key).array();
    for (const proto::Message& message : all) out_.raw(mask_.message(message.text()));
    out_.end();
  }

  void members(const broker::SessionOpened& event) {
    const auto& [session, spec, journal, client_pid, many_streams, principal] = event;
    id("session", session);
    out_.key("spec");
    write_spec(out_, mask_, spec);
    if (!journal.empty()) {
      out_.key("journal");
      write_page(out_, mask_, journal);
    }
    out_.key("pid").number(client_pid);
    out_.key("manyStreams").boolean(many_streams);
    text("principal", principal);
  }
  void members(const broker::SessionLine& event) {
    const auto& [session, what, envelope] = event;
    (void)envelope;  // It follows from the line.
    id("session", session);
    line(what);
  }
  void members(const broker::SessionInputEnded& event) { only_session(event); }
  void members(const broker::SessionClosed& event) {
    const auto& [session, reason] = event;
    id("session", session);
    text("reason", reason);
  }
  void members(const broker::SessionAway& event) { only_session(event); }
  void members(const broker::SessionBack& event) { only_session(event); }
  void members(const broker::SessionBlocked& event) { only_session(event); }
  void members(const broker::SessionUnblocked& event) { only_session(event); }
  void members(const broker::SessionOverflowed& event) {
    const auto& [session, queued] = event;
    id("session", session);
    bytes("queued", queued);
  }
  void members(const broker::SessionRespecified& event) {
    const auto& [session, spec] = event;
    id("session", session);
    out_.key("spec");
    write_spec(out_, mask_, spec);
  }
  void members(const broker::SessionRetimed& event) {
    const auto& [session, timing] = event;
    id("session", session);
    write_timing(out_.key("timing"), timing);
  }
  void members(const broker::EntryChanged& event) {
    const auto& [server] = event;
    out_.key("name").raw(written_text(server));
  }
  void members(const broker::InstanceStarted& event) {
    const auto& [instance, pid] = event;
    id("instance", instance);
    out_.key("pid").number(pid);
  }
  void members(const broker::InstanceStartFailed& event) {
    const auto& [instance, why] = event;
    id("instance", instance);
    text("why", why);
  }
  void members(const broker::InstanceLine& event) {
    const auto& [instance, what, call] = event;
    id("instance", instance);
    line(what);
    out_.key("call").number(call);
  }
  void members(const broker::InstanceAnswers& event) { only_instance(event); }
  void members(const broker::InstanceForgot& event) {
    const auto& [instance, refused, session_lost] = event;
    id("instance", instance);
    messages("refused", refused);
    out_.key("sessionLost").boolean(session_lost);
  }
  void members(const broker::InstanceSpoke& event) { only_instance(event); }
  void members(const broker::InstanceMoved& event) {
    const auto& [instance, pid] = event;
    id("instance", instance);
    out_.key("pid").number(pid);
  }
  void members(const broker::InstanceBlocked& event) { only_instance(event); }
  void members(const broker::InstanceUnblocked& event) { only_instance(event); }
  void members(const broker::InstanceExited& event) {
    const auto& [instance, how, last_words, clean, unread] = event;
    id("instance", instance);
    out_.key("how").raw(is_plain_end(how) ? written_text(how) : mask_.text(how));
    text("lastWords", last_words);
    out_.key("clean").boolean(clean);
    messages("unread", unread);
  }
  void members(const broker::StartWanted& event) {
    const auto& [spec] = event;
    out_.key("spec");
    write_spec(out_, mask_, spec);
  }
  void members(const broker::StopWanted& event) { wish(event); }
  void members(const broker::RestartWanted& event) { wish(event); }
  void members(const broker::DaemonLeaves& event) {
    const auto& [sessions] = event;
    out_.key("sessionsRest").boolean(sessions == broker::DaemonLeaves::Sessions::rest);
  }
  void members(const broker::InstanceOverflowed& event) {
    const auto& [instance, queued] = event;
    id("instance", instance);
    bytes("queued", queued);
  }

  void members(const broker::MemoryShort& event) {
    const auto& [holdings, used, budget] = event;
    out_.key("holdings").array();
    for (const auto& [instance, held] : holdings) {
      out_.object();
      id("instance", instance);
      bytes("bytes", held);
      out_.end();
    }
    out_.end();
    bytes("used", used);
    bytes("budget", budget);
  }

  void only_session(const auto& event) {
    const auto& [session] = event;
    id("session", session);
  }
  void only_instance(const auto& event) {
    const auto& [instance] = event;
    id("instance", instance);
  }
  void wish(const auto& event) {
    const auto& [server, project] = event;
    out_.key("name").raw(written_text(server));
    text("project", project);
  }

  Mask& mask_;
  Writer out_;
};

// Without a bound: -1.
std::int64_t written_amount(std::size_t most) {
  return most == core::any_number ? -1 : static_cast<std::int64_t>(most);
}

}  // namespace

std::string written(const Header& header) {
  const auto& [retire_after, version, unix_time, hash_key, ticket_key, allowances] = header.options;
  (void)hash_key;
  Writer out;
  out.object();
  out.key("hearth recording").number(format);
  out.key("hearth").string(header.version);
  out.key("contents").string(header.contents == Contents::whole ? "whole" : "left out");
  out.key("begun").number(micros(header.begun));
  out.key("unixTime").number(unix_time);
  out.key("retireAfter").number(retire_after.count());
  out.key("version").string(version);
  out.key("ticketKey").string(hex(ticket_key));
  out.key("allowances").array();
  for (const core::Allowance& allowance : allowances) {
    out.array();
    for (const core::Amount& amount : {allowance.session, allowance.principal}) {
      for (const std::size_t most : {amount.objects, amount.bytes}) out.number(written_amount(most));
    }
    out.end();
  }
  out.end();
  out.end();
  return out.text() + '\n';
}

std::string written(Mask& mask, const What& what, base::Instant at) {
  Line line(mask, at);
  line.write(what);
  return line.end();
}

std::string written(Mask& mask, const broker::Event& event, base::Instant at) {
  Line line(mask, at);
  line.write(event);
  return line.end();
}

}  // namespace record
