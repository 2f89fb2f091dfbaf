#include "record/page.h"

#include "core/setup.h"
#include "proto/journal.h"

namespace record {
namespace {

void write_setup(proto::json::Writer& into, Mask& mask, const core::Setup& setup) {
  const auto& [phase, early, initialize, slot, level, subscriptions, listens, long_ids, life] = setup;
  into.object();
  into.key("phase").number(static_cast<int>(phase));
  into.key("early").boolean(early);
  into.key("initialize").raw(mask.message(initialize));
  if (slot) into.key("initializeSlot").number(*slot);
  if (level) into.key("level").number(static_cast<int>(*level));
  into.key("subscriptions").array();
  for (const std::string& uri : subscriptions) into.raw(mask.resource(uri));
  into.end();
  into.key("listens").array();
  for (const std::string& line : listens) into.raw(mask.message(line));
  into.end();
  into.key("longIds").array();
  for (const core::LongId& id : long_ids) {
    into.array();
    into.number(id.slot);
    into.raw(mask.id(id.raw));
    into.end();
  }
  into.end();
  into.key("life").number(life);
  into.end();
}

std::pair<std::uint16_t, std::string> slot_and_id(Fields& from, const Value& item) {
  if (item.type == Type::array && item.items.size() == 2) {
    const auto slot = from.number_in<std::uint16_t>(item.items[0], "slot");
    if (slot < proto::journal_calls_max) return {slot, from.text_in(item.items[1], "id")};
  }
  if (from.trouble().empty()) from.trouble() = "a call of the journal is no slot and id";
  return {};
}

std::string read_setup(Fields from) {
  core::Setup setup;
  setup.phase = static_cast<core::Phase>(
      std::min<std::uint8_t>(from.number<std::uint8_t>("phase"), static_cast<int>(core::Phase::ready)));
  setup.initialized_early = from.boolean("early");
  setup.initialize_line = from.text("initialize");
  if (from.has("initializeSlot")) setup.initialize_slot = from.number<std::uint16_t>("initializeSlot");
  if (from.has("level")) {
    setup.level = static_cast<core::Level>(
        std::min<std::uint8_t>(from.number<std::uint8_t>("level"), static_cast<int>(core::Level::emergency)));
  }
  setup.subscriptions = from.texts<std::vector<std::string>>("subscriptions");
  setup.listens = from.texts<std::vector<std::string>>("listens");
  from.items("longIds", [&](const Value& item) {
    auto [slot, id] = slot_and_id(from, item);
    setup.long_ids.push_back({slot, std::move(id)});
  });
  setup.life = from.number<std::uint32_t>("life");
  return core::written(setup);
}

}  // namespace

void write_page(proto::json::Writer& into, Mask& mask, std::span<std::byte> page) {
  const proto::Journal journal(page);
  into.object();
  into.key("fresh").boolean(journal.fresh());
  if (!journal.fresh()) {
    into.key("writing").boolean(journal.writing());
    into.key("calls").array();
    const std::vector<std::string> ids = journal.calls();
    const std::vector<std::uint16_t> slots = journal.slots();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      into.array();
      into.number(slots[i]);
      into.raw(ids[i] == proto::journal_long_id ? written_text(ids[i]) : mask.id(ids[i]));
      into.end();
    }
    into.end();
    if (const auto setup = core::setup_of(journal.setup())) {
      into.key("setup");
      write_setup(into, mask, *setup);
    }
  }
  into.end();
}

Page read_page(Fields from) {
  Page page{.fresh = from.boolean("fresh"), .writing = false, .calls = {}, .setup = {}};
  if (page.fresh) return page;
  page.writing = from.boolean("writing");
  from.items("calls", [&](const Value& item) { page.calls.push_back(slot_and_id(from, item)); });
  if (from.has("setup")) page.setup = read_setup(from.object("setup"));
  return page;
}

Page Page::of(std::span<std::byte> page) {
  const proto::Journal journal(page);
  Page found;
  found.fresh = journal.fresh();
  if (found.fresh) return found;
  found.writing = journal.writing();
  const std::vector<std::uint16_t> slots = journal.slots();
  std::vector<std::string> ids = journal.calls();
  for (std::size_t i = 0; i < slots.size(); ++i) found.calls.emplace_back(slots[i], std::move(ids[i]));
  found.setup = journal.setup();
  return found;
}

bool Page::makes_sense() const {
  std::size_t next = 0;
  for (const auto& [slot, id] : calls) {
    if (slot < next || slot >= proto::journal_calls_max) return false;
    next = slot + std::size_t{1};
  }
  return true;
}

void Page::put_into(std::span<std::byte> page) const {
  if (fresh) return;
  proto::Journal journal(page);
  journal.begin();
  // Slots are given out from the first on; those between the recorded ones are free again.
  std::vector<std::uint16_t> between;
  std::uint16_t next = 0;
  for (const auto& [slot, id] : calls) {
    for (; next < slot; ++next) {
      (void)journal.call_started("0");
      between.push_back(next);
    }
    if (!journal.call_started(id)) (void)journal.call_started(proto::journal_long_id);
    ++next;
  }
  for (const std::uint16_t slot : between) journal.call_ended(slot);
  journal.set_writing(writing);
  (void)journal.set_setup(setup);
}

}  // namespace record
