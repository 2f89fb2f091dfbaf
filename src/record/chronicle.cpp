#include "record/chronicle.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/ensure.h"
#include "proto/journal.h"
#include "record/chronicle_codec.h"

namespace record {

namespace layout {

std::string fault_of(std::span<const std::byte> block) {
  if (half_bytes(block.size()) == 0 || layout::text_at(block.data(), magic.size()) != magic)
    return "it is no chronicle";
  std::uint32_t written_as = 0;
  std::memcpy(&written_as, block.data() + format_at, sizeof written_as);
  if (written_as != format)
    return "it has format " + std::to_string(written_as) + ", and this build reads format " +
           std::to_string(format);
  if (load(block.data() + bytes_at) != block.size()) return "it is of another size";
  return {};
}

Carried Carried::and_then(const broker::Action& action) const {
  Carried next = *this;
  if (std::holds_alternative<broker::Log>(action)) {
    if (next.logs < std::numeric_limits<std::uint8_t>::max()) ++next.logs;
    return next;
  }
  ++next.deeds;
  next.logs = 0;
  next.trace = base::stirred(next.trace, action.index() + 1);
  std::visit(
      [&](const auto& one) {
        const auto whom = [&](const auto& id) {
          next.trace = base::stirred(next.trace, std::uint64_t{id.index} << 32 | id.generation);
        };
        if constexpr (requires { one.session; }) whom(one.session);
        if constexpr (requires { one.instance; }) whom(one.instance);
        if constexpr (requires { one.message; }) next.trace = base::stirred(next.trace, one.message.size());
      },
      action);
  return next;
}

}  // namespace layout

namespace {

// An option that is added has to be thought of here. The saved broker has the keys and the time.
Opening opening_of(const broker::Options& options) {
  const auto& [retire_after, version, unix_time, hash_key, ticket_key, allowances] = options;
  return {.retire_after = retire_after, .version = version, .allowances = allowances};
}

std::string_view text_of(const broker::Event& event) {
  return std::visit(
      [](const auto& one) {
        if constexpr (requires { one.line; })
          return one.line.bytes.text;
        else
          return std::string_view();
      },
      event);
}

std::optional<layout::Short> short_of(const broker::Event& event, base::Instant at) {
  using What = layout::Short::What;
  const std::int64_t time = at.time_since_epoch().count();
  if (const auto* said = std::get_if<broker::SessionLine>(&event)) {
    const auto& [session, line, envelope] = *said;
    if (line.overlong || line.length != line.bytes.size()) return std::nullopt;
    return layout::Short{What::session_line, time, session.index, session.generation, 0};
  }
  if (const auto* served = std::get_if<broker::InstanceLine>(&event)) {
    const auto& [instance, line, call] = *served;
    if (line.overlong || line.length != line.bytes.size()) return std::nullopt;
    return layout::Short{What::instance_line, time, instance.index, instance.generation, call};
  }
  return std::nullopt;
}

void put(std::byte* at, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
}

}  // namespace

Chronicle::Chronicle(std::span<std::byte> block) : block_(block) {
  if (layout::half_bytes(block.size()) == 0) return;
  ensure(reinterpret_cast<std::uintptr_t>(block.data()) % alignof(std::uint64_t) == 0);
  std::byte* head = block.data();
  if (layout::fault_of(block).empty()) {
    number_ = layout::load(head + layout::current_at);
    return;
  }
  layout::store(head + layout::current_at, 0);
  put(head, layout::magic);
  std::memcpy(head + layout::format_at, &layout::format, sizeof layout::format);
  layout::store(head + layout::bytes_at, block.size());
}

std::span<std::byte> Chronicle::half(std::uint64_t number) const {
  const std::size_t size = layout::half_bytes(block_.size());
  return size == 0 ? std::span<std::byte>() : block_.subspan(layout::half_at(block_.size(), number), size);
}

std::span<std::byte> Chronicle::idle_half() const {
  return half(number_ + 1);
}

bool Chronicle::begin(const broker::Options& options, std::string_view saved,
                      std::span<const broker::Action> left, std::string_view beside) {
  save::Writer writer{save::InPieces()};
  save::write(writer, opening_of(options));
  writer.list(left.size());
  for (const broker::Action& action : left) save::write(writer, action);
  const std::string_view opening = writer.piece();
  const std::size_t size = layout::rounded(opening.size() + saved.size() + beside.size());
  const std::span<std::byte> into = half(number_ + 1);
  opening_ = size;
  refused_ = into.size() < layout::half_head + size;
  told_ = 0;
  if (refused_) return false;
  std::byte* const at = into.data();
  const std::uint64_t number = number_ + 1;
  layout::store(at + layout::number_at, number);
  layout::store(at + layout::opening_at, opening.size());
  layout::store(at + layout::broker_at, saved.size());
  layout::store(at + layout::beside_at, beside.size());
  std::byte* const text = at + layout::half_head;
  put(text, opening);
  put(text + opening.size(), saved);
  put(text + opening.size() + saved.size(), beside);
  layout::store(
      at + layout::sum_at,
      base::checksum(number, layout::text_at(at, layout::sum_at)) ^
          base::checksum(number, layout::text_at(text, opening.size() + saved.size() + beside.size())));
  layout::store(at + layout::used_at, layout::guarded(0, number));
  layout::store(at + layout::carried_at, Mark().word());
  layout::store(at + layout::closed_at, 0);
  layout::store(block_.data() + layout::current_at, number);

  writer_ = std::move(writer);
  half_ = at;
  entries_ = text + size;
  number_ = number;
  room_ = into.size() - layout::half_head - size;
  used_ = 0;
  closed_ = false;
  carried_ = {};
  return true;
}

void Chronicle::begin_entry(EntryKind kind, base::Instant at) {
  writer_.begin_piece();
  save::write(writer_, kind);
  save::write(writer_, at);
}

bool Chronicle::commit(std::string_view values, std::string_view text) {
  const std::size_t payload = values.size() + text.size();
  const std::size_t size = sizeof(layout::Entry) + layout::rounded(payload);
  told_ += size;
  if (!whole() || size > room_ - used_ || payload > std::numeric_limits<std::uint32_t>::max()) {
    if (whole()) layout::store(half_ + layout::closed_at, 1);
    closed_ = true;
    return false;
  }
  std::byte* const at = entries_ + used_;
  put(at + sizeof(layout::Entry), values);
  put(at + sizeof(layout::Entry) + values.size(), text);
  layout::Entry entry{static_cast<std::uint32_t>(values.size()), static_cast<std::uint32_t>(text.size()), 0};
  entry.sum = layout::sum_of_entry(number_, used_, values, text);
  std::memcpy(at, &entry, sizeof entry);
  used_ += size;
  layout::store(half_ + layout::used_at, layout::guarded(used_, number_));
  return true;
}

bool Chronicle::note(const broker::Event& event, base::Instant at) {
  if (!whole()) {
    told_ += text_of(event).size() + sizeof(layout::Entry);
    return false;
  }
  if (const auto line = short_of(event, at))
    return commit(layout::text_at(reinterpret_cast<const std::byte*>(&*line), sizeof *line), text_of(event));
  const auto* opened = std::get_if<broker::SessionOpened>(&event);
  begin_entry(opened != nullptr ? EntryKind::opened : EntryKind::event, at);
  save::write(writer_, event);
  if (opened != nullptr) {
    const Page page = Page::of(opened->journal);
    save::write(writer_, page.fresh ? std::nullopt : std::optional(page));
  }
  return commit(writer_.piece(), text_of(event));
}

bool Chronicle::note(const Admitted& what, base::Instant at) {
  if (!whole()) return false;
  begin_entry(EntryKind::admitted, at);
  save::write(writer_, what.session);
  return commit(writer_.piece());
}

bool Chronicle::note(const Dismissed& what, base::Instant at) {
  if (!whole()) return false;
  begin_entry(EntryKind::dismissed, at);
  save::write(writer_, what.session);
  return commit(writer_.piece());
}

bool Chronicle::note(const Ticked& /*what*/, base::Instant at) {
  if (!whole()) return false;
  begin_entry(EntryKind::ticked, at);
  return commit(writer_.piece());
}

void Chronicle::carried(const Mark& mark) {
  carried_ = mark;
  if (whole()) layout::store(half_ + layout::carried_at, mark.word());
}

bool Chronicle::due(std::size_t least) const {
  if (!whole() && !refused_) return true;
  return told_ > std::max(least, 8 * opening_);
}

}  // namespace record
