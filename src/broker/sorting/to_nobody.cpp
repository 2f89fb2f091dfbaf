// What servers say that goes to nobody: messages that no table knows, lines that cannot be read or are too
// long. A call whose answer is among them fails.
#include "broker/calls/calls.h"
#include "broker/context/conversations.h"
#include "broker/servers/noise.h"
#include "broker/sorting/sorting.h"

namespace broker {
namespace {

using core::Call;
using core::Instance;
using core::Purpose;

// Of a message that goes to the log because it goes to nobody: enough to see which id or method it bears.
constexpr std::size_t beginning_shown = 100;

void fail_its_call(State& state, Instance& instance, std::string_view raw_id, std::string_view sentence) {
  const Call* call = call_of(instance, raw_id);
  if (call == nullptr) return;
  if (call->purpose == Purpose::forwarded) {
    fail(state, instance, call->wire_id, error_about(instance, sentence, false));
    drain_waiting(state, instance);
  }
}

}  // namespace

void drop(State& state, Instance& instance, const Scanned& message, core::Dropped kind,
          std::string_view what) {
  ++instance.dropped;
  Instance& server = process_of(state, instance);
  if (server.drops_logged.test(static_cast<std::size_t>(kind))) return;
  server.drops_logged.set(static_cast<std::size_t>(kind));
  std::string_view text = message.bytes.text;
  const bool whole = text.size() <= beginning_shown;
  text = text.substr(0, beginning_shown);
  while (!whole && (text.back() & 0x80) != 0) text.remove_suffix(1);  // No half character at its end.
  state.log(Severity::warning, instance.spec.name + ": dropped " + std::string(what) + ": " +
                                   std::string(text) + (whole ? "" : "…") +
                                   " (logged once; \"dropped\" in hearth status --json counts them)");
}

void unreadable(State& state, Instance& instance, std::string_view text, proto::ScanError error) {
  const std::string why(proto::describe(error));
  const std::string_view id = proto::salvage_id(text).in(text);
  note_noise(state, instance, text, why);
  if (!id.empty()) fail_its_call(state, instance, id, "its answer could not be read: " + why);
}

void overlong(State& state, Instance& instance, const proto::Line& line) {
  const std::string sentence =
      "a message of " + std::to_string(line.length) + " bytes is over the limit of " +
      std::to_string(instance.spec.message_bytes_max) + " (maxMessageBytes in config.json)";
  state.log(Severity::warning, instance.spec.name + ": " + sentence);
  ++instance.dropped;
  if (line.id.empty()) return;
  if (line.has_method) {
    state.send(instance.id, proto::error_text(line.id, proto::Code::invalid_request, "hearth: " + sentence));
  } else {
    fail_its_call(state, instance, line.id, sentence);
  }
}

}  // namespace broker
