#include "broker/servers/noise.h"

#include <algorithm>
#include <string>

#include "broker/servers/servers.h"
#include "proto/utf8.h"

namespace broker {
namespace {

// Enough to find the line in the server's source.
constexpr std::size_t shown_max = 60;

// Its beginning, in quotes, with nothing in it that a terminal would obey. Of a message that is broken, which
// may hold what is nobody's business, only the length.
std::string shown(std::string_view text) {
  const std::string length = std::to_string(text.size()) + " bytes";
  if (text.starts_with('{') || text.starts_with('[')) return length;
  std::string beginning;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t size = proto::utf8::length_at(text, at);
    const bool control = text[at] == 0x7f || (size == 2 && text[at] == '\xC2' && text[at + 1] < '\xA0');
    const bool plain = size > 1 ? !control : size == 1 && text[at] >= ' ' && !control;
    const std::string_view piece = plain ? text.substr(at, size) : "?";
    if (beginning.size() + piece.size() > shown_max) break;
    beginning += piece;
    at += std::max<std::size_t>(size, 1);
  }
  return '"' + beginning + (at < text.size() ? "\" … (" + length + ')' : "\"");
}

std::string where(const core::Instance& instance) {
  return instance.spec.link == core::Link::stdio ? " on its stdout" : "";
}

}  // namespace

void note_noise(State& state, core::Instance& instance, std::string_view text, std::string_view why) {
  ++instance.dropped;
  const std::string& name = instance.spec.name;
  switch (instance.noise.add()) {
    case core::Noise::Worth::nothing:
      return;
    case core::Noise::Worth::its_number:
      state.log(Severity::warning, name + ": " + std::to_string(instance.noise.count()) + " lines" +
                                       where(instance) + " were no messages so far");
      return;
    case core::Noise::Worth::a_look:
      break;
  }
  const std::string what = name + ": skipped a line" + where(instance) +
                           " that is no message: " + shown(text) + " (" + std::string(why) +
                           "); further ones are only counted";
  state.log(Severity::warning, what);
  if (!instance.noise.news_for_sessions()) return;
  for (const SessionId id : instance.sessions) state.outbox.push_back(TellSession{id, "server " + what});
}

void end_noise(State& state, core::Instance& instance) {
  const std::uint64_t count = instance.noise.end();
  if (count == 0) return;
  state.log(Severity::warning, instance.spec.name + ": " + std::to_string(count) + " lines" +
                                   where(instance) + " were no messages, until it ended");
}

}  // namespace broker
