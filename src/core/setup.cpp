#include "core/setup.h"

#include "proto/json.h"
#include "proto/members.h"

namespace core {
namespace {

void add_list(proto::json::Writer& writer, std::string_view key, const std::vector<std::string>& list) {
  writer.key(key).array();
  for (const std::string& text : list) writer.string(text);
  writer.end();
}

std::vector<std::string> strings_in(std::string_view raw) {
  std::vector<std::string> list;
  proto::each_item(raw, [&](std::string_view item) {
    if (auto text = proto::string_in(item)) list.push_back(std::move(*text));
  });
  return list;
}

}  // namespace

std::string written(const Setup& setup) {
  proto::json::Writer writer;
  writer.object();
  writer.key("phase").number(static_cast<int>(setup.phase));
  writer.key("early").boolean(setup.initialized_early);
  writer.key("initialize").string(setup.initialize_line);
  if (setup.initialize_slot) writer.key("initializeSlot").number(*setup.initialize_slot);
  if (setup.level) writer.key("level").number(static_cast<int>(*setup.level));
  add_list(writer, "subscriptions", setup.subscriptions);
  add_list(writer, "listens", setup.listens);
  writer.key("longIds").array();
  for (const LongId& id : setup.long_ids) {
    writer.object();
    writer.key("slot").number(id.slot);
    writer.key("id").string(id.raw);
    writer.end();
  }
  writer.end();
  writer.key("life").number(setup.life);
  writer.end();
  return writer.text();
}

std::optional<Setup> setup_of(std::string_view bytes) {
  if (!proto::well_formed(bytes)) return std::nullopt;
  const auto small = [&](std::string_view key, std::int64_t most) -> std::optional<std::int64_t> {
    const std::optional<std::int64_t> number = proto::integer_in(proto::member(bytes, key));
    return number && *number >= 0 && *number <= most ? number : std::nullopt;
  };
  Setup setup;
  const std::optional<std::int64_t> phase = small("phase", static_cast<int>(Phase::ready));
  if (!phase) return std::nullopt;
  setup.phase = static_cast<Phase>(*phase);
  setup.initialized_early = proto::member(bytes, "early") == "true";
  setup.initialize_line = proto::text_of(bytes, "initialize");
  if (const auto level = small("level", static_cast<int>(Level::emergency)))
    setup.level = static_cast<Level>(*level);
  if (const auto slot = small("initializeSlot", proto::journal_calls_max)) {
    setup.initialize_slot = static_cast<std::uint16_t>(*slot);
  }
  setup.life = static_cast<std::uint32_t>(small("life", 1'000'000).value_or(0));
  setup.subscriptions = strings_in(proto::member(bytes, "subscriptions"));
  setup.listens = strings_in(proto::member(bytes, "listens"));
  proto::each_item(proto::member(bytes, "longIds"), [&](std::string_view item) {
    const std::int64_t number = proto::integer_in(proto::member(item, "slot")).value_or(-1);
    if (number < 0 || number >= static_cast<std::int64_t>(proto::journal_calls_max)) return;
    setup.long_ids.push_back({static_cast<std::uint16_t>(number), proto::text_of(item, "id")});
  });
  return setup;
}

}  // namespace core
