#include "core/setup.h"

#include "proto/json.h"

namespace core {
namespace {

void add_list(proto::json::Writer& writer, std::string_view key, const std::vector<std::string>& list) {
  writer.key(key).array();
  for (const std::string& text : list) writer.string(text);
  writer.end();
}

void read_list(const proto::json::Value& root, std::string_view key, std::vector<std::string>& list) {
  const proto::json::Value* found = root.find(key);
  if (found == nullptr) return;
  for (const proto::json::Value& item : found->items) list.push_back(item.text);
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
  const proto::json::Document document = proto::json::parse(bytes);
  if (!document.root || document.root->type != proto::json::Type::object) return std::nullopt;
  const proto::json::Value& root = *document.root;
  const auto small = [&](std::string_view key, std::int64_t most) -> std::optional<std::int64_t> {
    const proto::json::Value* value = root.find(key);
    const std::optional<std::int64_t> number = value != nullptr ? value->integer() : std::nullopt;
    return number && *number >= 0 && *number <= most ? number : std::nullopt;
  };
  Setup setup;
  const std::optional<std::int64_t> phase = small("phase", static_cast<int>(Phase::ready));
  if (!phase) return std::nullopt;
  setup.phase = static_cast<Phase>(*phase);
  if (const proto::json::Value* early = root.find("early")) setup.initialized_early = early->boolean;
  setup.initialize_line = root.string_or("initialize", "");
  if (const auto level = small("level", static_cast<int>(Level::emergency)))
    setup.level = static_cast<Level>(*level);
  if (const auto slot = small("initializeSlot", proto::journal_calls_max)) {
    setup.initialize_slot = static_cast<std::uint16_t>(*slot);
  }
  setup.life = static_cast<std::uint32_t>(small("life", 1'000'000).value_or(0));
  read_list(root, "subscriptions", setup.subscriptions);
  read_list(root, "listens", setup.listens);
  if (const proto::json::Value* ids = root.find("longIds")) {
    for (const proto::json::Value& item : ids->items) {
      const proto::json::Value* slot = item.find("slot");
      const std::int64_t number = slot != nullptr ? slot->integer().value_or(-1) : -1;
      if (number < 0 || number >= static_cast<std::int64_t>(proto::journal_calls_max)) continue;
      setup.long_ids.push_back({static_cast<std::uint16_t>(number), std::string(item.string_or("id", ""))});
    }
  }
  return setup;
}

}  // namespace core
