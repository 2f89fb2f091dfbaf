#include "transport/event_log.h"

#include <charconv>

namespace transport {
namespace {

// One decimal number up to `end`; absent if there is anything else.
template <class Number>
bool number_at(std::string_view& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool dash_at(std::string_view& text) {
  if (!text.starts_with('-')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string EventId::text() const {
  return std::to_string(life) + '-' + std::to_string(stream) + '-' + std::to_string(sequence);
}

std::optional<EventId> EventId::parse(std::string_view text) {
  EventId id;
  const bool well_formed = number_at(text, id.life) && dash_at(text) && number_at(text, id.stream) &&
                           dash_at(text) && number_at(text, id.sequence) && text.empty();
  return well_formed ? std::optional(id) : std::nullopt;
}

}  // namespace transport
