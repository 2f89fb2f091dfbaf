// A recording's lines, read.
#include <array>
#include <charconv>

#include "record/fields.h"
#include "record/kinds.h"
#include "record/recording.h"
#include "record/spec.h"

namespace record {
namespace {

namespace json = proto::json;

using broker::InstanceId;
using broker::SessionId;

base::Instant instant(std::int64_t micros) {
  return base::Instant(base::Duration(micros));
}

SessionId session_in(Fields& from) {
  return from.id<SessionId>("session");
}
InstanceId instance_in(Fields& from) {
  return from.id<InstanceId>("instance");
}

proto::Line line_in(Fields from) {
  proto::Line line;
  line.overlong = from.has("overlong");
  if (line.overlong) {
    line.length = from.number<std::size_t>("overlong");
    line.id = from.text("id");
    line.has_method = from.boolean("method");
  } else {
    line.bytes = base::Bytes::copy(from.text("text"));
    line.length = line.bytes.size();
  }
  return line;
}

std::vector<proto::Message> messages_in(Fields& from, std::string_view key) {
  std::vector<proto::Message> all;
  from.items(key, [&](const Value& item) { all.emplace_back(from.text_in(item, key)); });
  return all;
}

// Each event out of its members.
void read(Fields& from, broker::SessionOpened& event) {
  event.session = session_in(from);
  event.spec = read_spec(from.object("spec"));
  event.client_pid = from.number("pid");
  event.many_streams = from.boolean("manyStreams");
  event.principal = from.text("principal");
}
void read(Fields& from, broker::SessionLine& event) {
  event = {session_in(from), line_in(from.object("line"))};
}
void read(Fields& from, broker::SessionClosed& event) {
  event = {session_in(from), from.text("reason")};
}
void read(Fields& from, broker::SessionOverflowed& event) {
  event = {session_in(from), from.number<std::size_t>("queued")};
}
void read(Fields& from, broker::SessionRespecified& event) {
  event = {session_in(from), read_spec(from.object("spec"))};
}
void read(Fields& from, broker::SessionRetimed& event) {
  event = {session_in(from), read_timing(from.object("timing"))};
}
void read(Fields& from, broker::EntryChanged& event) {
  event.name = from.text("name");
}
void read(Fields& from, broker::InstanceStarted& event) {
  event = {instance_in(from), from.number("pid")};
}
void read(Fields& from, broker::InstanceStartFailed& event) {
  event = {instance_in(from), from.text("why")};
}
void read(Fields& from, broker::InstanceLine& event) {
  event = {instance_in(from), line_in(from.object("line")), from.number("call")};
}
void read(Fields& from, broker::InstanceForgot& event) {
  event = {instance_in(from), messages_in(from, "refused"), from.boolean("sessionLost")};
}
void read(Fields& from, broker::InstanceMoved& event) {
  event = {instance_in(from), from.number("pid")};
}
void read(Fields& from, broker::InstanceExited& event) {
  event = {instance_in(from), from.text("how"), from.text("lastWords"), from.boolean("clean"),
           messages_in(from, "unread")};
}
void read(Fields& from, broker::StartWanted& event) {
  event.spec = read_spec(from.object("spec"));
}
void read(Fields& from, broker::StopWanted& event) {
  event = {from.text("name"), from.text("project")};
}
void read(Fields& from, broker::RestartWanted& event) {
  event = {from.text("name"), from.text("project")};
}
void read(Fields& from, broker::DaemonLeaves& event) {
  using Sessions = broker::DaemonLeaves::Sessions;
  event.sessions = from.boolean("sessionsRest") ? Sessions::rest : Sessions::find_the_next;
}
void read(Fields& from, broker::InstanceOverflowed& event) {
  event = {instance_in(from), from.number<std::size_t>("queued")};
}
void read(Fields& from, broker::MemoryShort& event) {
  from.items("holdings", [&](const Value& item) {
    Fields holding(item, from.trouble());
    event.holdings.push_back({instance_in(holding), holding.number<std::uint64_t>("bytes")});
  });
  event.used = from.number<std::uint64_t>("used");
  event.budget = from.number<std::uint64_t>("budget");
}
// Events that only say who.
template <class Event>
  requires(requires(Event event) { event.session; } && sizeof(Event) == sizeof(SessionId))
void read(Fields& from, Event& event) {
  event.session = session_in(from);
}
template <class Event>
  requires(requires(Event event) { event.instance; } && sizeof(Event) == sizeof(InstanceId))
void read(Fields& from, Event& event) {
  event.instance = instance_in(from);
}

// The event of that name.
template <std::size_t I = 0>
std::optional<broker::Event> event_in(std::string_view kind, Fields& from) {
  if constexpr (I < std::variant_size_v<broker::Event>) {
    using Event = std::variant_alternative_t<I, broker::Event>;
    if (kind != name<Event>) return event_in<I + 1>(kind, from);
    Event event{};
    read(from, event);
    return event;
  } else {
    return std::nullopt;
  }
}

std::optional<What> what_in(std::string_view kind, Fields& from) {
  if (kind == admitted) return Admitted{session_in(from)};
  if (kind == dismissed) return Dismissed{session_in(from)};
  if (kind == ticked) return Ticked{};
  if (kind == ended) return End{from.text("why")};
  if (auto event = event_in(kind, from)) return std::move(*event);
  return std::nullopt;
}

std::uint64_t key_in(Fields& from, std::string_view key) {
  const std::string text = from.text(key);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if ((error != std::errc() || end != text.data() + text.size()) && from.trouble().empty())
    from.trouble() = '"' + std::string(key) + "\" is no key";
  return number;
}

core::Allowances allowances_in(Fields& from, std::string_view key) {
  core::Allowances all;
  const Value& list = from.value(key);
  bool sound = list.items.size() == all.size();
  for (std::size_t i = 0; sound && i < all.size(); ++i) {
    std::array<std::size_t, 4> most{};
    sound = list.items[i].items.size() == most.size();
    for (std::size_t j = 0; sound && j < most.size(); ++j) {
      const std::int64_t number = list.items[i].items[j].integer().value_or(-2);
      sound = number >= -1;
      most[j] = number < 0 ? core::any_number : static_cast<std::size_t>(number);
    }
    all[i] = {.session = {most[0], most[1]}, .principal = {most[2], most[3]}};
  }
  if (!sound && from.trouble().empty())
    from.trouble() = '"' + std::string(key) + "\" is no list of what may be kept";
  return all;
}

std::string complaint(const json::Document& document) {
  return "this is no JSON: " +
         (document.mistakes.empty() ? "nothing could be read" : document.mistakes.front().what);
}

}  // namespace

std::expected<Header, std::string> read_header(std::string_view line) {
  const json::Document document = json::parse(line);
  const Value* number = document.root ? document.root->find("hearth recording") : nullptr;
  if (number == nullptr) return std::unexpected("this is no recording of Hearth");
  if (number->integer() != format)
    return std::unexpected("this recording has format " + number->text + ", and only " +
                           std::to_string(format) + " can be read; use the simulate of its own Hearth");
  std::string trouble;
  Fields from(*document.root, trouble);
  Header header;
  header.version = from.text("hearth");
  header.contents = from.text("contents") == "whole" ? Contents::whole : Contents::left_out;
  header.begun = instant(from.number("begun"));
  header.options.unix_time = from.number("unixTime");
  header.options.retire_after = from.duration("retireAfter");
  header.options.version = from.text("version");
  header.options.ticket_key = key_in(from, "ticketKey");
  header.options.allowances = allowances_in(from, "allowances");
  if (!trouble.empty()) return std::unexpected(trouble);
  return header;
}

std::expected<Entry, std::string> read_entry(std::string_view line) {
  const json::Document document = json::parse(line);
  if (!document.root) return std::unexpected(complaint(document));
  std::string trouble;
  Fields from(*document.root, trouble);
  Entry entry;
  entry.at = instant(from.number("at"));
  const std::string kind = from.text("what");
  if (!trouble.empty()) return std::unexpected(trouble);
  std::optional<What> what = what_in(kind, from);
  if (!what) return std::unexpected("\"" + kind + "\" is nothing that is known here");
  if (from.has("journal")) entry.page = read_page(from.object("journal"));
  if (!trouble.empty()) return std::unexpected(kind + ": " + trouble);
  entry.what = std::move(*what);
  return entry;
}

}  // namespace record
