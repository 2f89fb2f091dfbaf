#include "record/retelling.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <utility>

#include "proto/journal.h"
#include "record/chronicle_codec.h"
#include "record/chronicle_layout.h"
#include "record/recording.h"

namespace record {
namespace {

using layout::Carried;

base::Error unreadable(const std::string& why) {
  return {"the chronicle of the daemon before cannot be read: " + why};
}

// The half that counts, with all lengths checked.
struct Half {
  std::uint64_t number = 0;
  std::string_view opening, broker, beside;
  const std::byte* entries = nullptr;
  std::size_t used = 0;
  std::uint64_t carried = 0;
};

base::Result<Half> half_that_counts(std::span<const std::byte> block) {
  const auto fail = [](const char* why) { return std::unexpected(unreadable(why)); };
  if (const std::string fault = layout::fault_of(block); !fault.empty())
    return std::unexpected(unreadable(fault));
  Half half;
  half.number = layout::load(block.data() + layout::current_at);
  if (half.number == 0) return fail("it has not begun");
  const std::byte* at = block.data() + layout::half_at(block.size(), half.number);
  if (layout::load(at + layout::number_at) != half.number) return fail("it is damaged");
  if (layout::load(at + layout::closed_at) != 0) return fail("it is not whole: not all of it had room");

  std::size_t room = layout::half_bytes(block.size()) - layout::half_head;
  const std::byte* text = at + layout::half_head;
  std::size_t length = 0;
  for (const auto& [where, into] : {std::pair(layout::opening_at, &half.opening),
                                    {layout::broker_at, &half.broker},
                                    {layout::beside_at, &half.beside}}) {
    const std::uint64_t bytes = layout::load(at + where);
    if (bytes > room - length) return fail("it is damaged");
    *into = layout::text_at(text + length, bytes);
    length += bytes;
  }
  const std::uint64_t sum = base::checksum(half.number, layout::text_at(at, layout::sum_at)) ^
                            base::checksum(half.number, layout::text_at(text, length));
  const auto used = layout::unguarded(layout::load(at + layout::used_at), half.number);
  room -= std::min(room, layout::rounded(length));
  if (sum != layout::load(at + layout::sum_at) || !used || *used > room || *used % 8 != 0)
    return fail("it is damaged");
  half.entries = text + layout::rounded(length);
  half.used = *used;
  half.carried = layout::load(at + layout::carried_at);
  return half;
}

// Zeroed, and a page of it exists once it is used.
struct Freed {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};
using Scratch = std::unique_ptr<std::byte, Freed>;

std::span<std::byte> no_page(broker::SessionId /*session*/) {
  return {};
}

class Teller {
 public:
  Teller(broker::Broker& broker, EntryReader& reader) : broker_(broker), reader_(reader) {}

  base::Instant at() const { return at_; }

  // What the broker wants is added to `wanted`.
  void tell(std::string_view values, std::string_view text, std::vector<broker::Action>& wanted) {
    layout::Short line;
    if (values.size() == sizeof line) std::memcpy(&line, values.data(), sizeof line);
    if (values.size() == sizeof line && hear(line, text)) {
      reader_.begin_piece({});
    } else {
      reader_.begin_piece(values);
      reader_.text = text;
      const auto kind = save::read<EntryKind>(reader_);
      save::read(reader_, at_);
      act(kind);
    }
    std::ranges::move(broker_.outbox(), std::back_inserter(wanted));
    broker_.outbox().clear();
  }

 private:
  void act(EntryKind kind) {
    switch (kind) {
      case EntryKind::event:
      case EntryKind::opened: {
        auto event = save::read<broker::Event>(reader_);
        const auto page = kind == EntryKind::opened ? save::read<std::optional<Page>>(reader_) : std::nullopt;
        return hear(std::move(event), page);
      }
      case EntryKind::admitted: {
        const auto session = save::read<broker::SessionId>(reader_);
        if (reader_.failed()) return;
        if (broker_.admit() != session) return reader_.fail("a session has another id here");
        return;
      }
      case EntryKind::dismissed: {
        const auto session = save::read<broker::SessionId>(reader_);
        if (reader_.failed()) return;
        if (!broker_.awaits(session)) return reader_.fail("a session is dismissed that was not admitted");
        return broker_.dismiss(session);
      }
      case EntryKind::ticked:
        if (!reader_.failed()) broker_.tick(at_);
    }
  }

  // False: it is none.
  bool hear(const layout::Short& said, std::string_view text) {
    using What = layout::Short::What;
    if (said.what != What::session_line && said.what != What::instance_line) return false;
    at_ = base::Instant(base::Duration(said.at));
    proto::Line line{.bytes = base::Bytes::copy(std::string(text)), .length = text.size(), .id = {}};
    if (said.what == What::session_line)
      broker_.on(broker::SessionLine{{said.index, said.generation}, std::move(line)}, at_);
    else
      broker_.on(broker::InstanceLine{{said.index, said.generation}, std::move(line), said.call}, at_);
    return true;
  }

  void hear(broker::Event event, const std::optional<Page>& page) {
    auto* opened = std::get_if<broker::SessionOpened>(&event);
    if (opened != nullptr && !broker_.awaits(opened->session))
      reader_.fail("a session is opened that was not admitted");
    if (page && !page->makes_sense()) reader_.fail("a page has slots that there are not");
    if (reader_.failed()) return;
    if (!page || opened == nullptr) return broker_.on(std::move(event), at_);
    const Scratch scratch(static_cast<std::byte*>(std::calloc(proto::journal_bytes, 1)));
    if (!scratch) return reader_.fail("there is no memory");
    opened->journal = {scratch.get(), proto::journal_bytes};
    page->put_into(opened->journal);
    broker_.on(std::move(event), at_);
    broker_.rejoin(no_page, {});
  }

  broker::Broker& broker_;
  EntryReader& reader_;
  base::Instant at_;
};

// Parts what has been carried out from what has not. False: that was something else.
bool part(std::vector<broker::Action> wanted, std::uint64_t word, Retold& into) {
  constexpr std::uint64_t deeds_mask = 0xffffffff;
  const std::uint64_t deeds = word & deeds_mask;
  std::size_t logs = word >> 32 & 0xff;
  Carried carried;
  auto at = wanted.begin();
  for (; at != wanted.end() && carried.deeds < deeds; ++at) carried = carried.and_then(*at);
  if (carried.deeds != deeds || (carried.word() ^ word) >> 40 != 0) return false;
  for (; logs > 0 && at != wanted.end() && std::holds_alternative<broker::Log>(*at); --logs) ++at;
  into.done.assign(std::move_iterator(wanted.begin()), std::move_iterator(at));
  into.left.assign(std::move_iterator(at), std::move_iterator(wanted.end()));
  return true;
}

}  // namespace

base::Result<Retold> retell(std::span<const std::byte> block, broker::Options options) {
  const Half half = TRY(half_that_counts(block));
  EntryReader reader;
  reader.begin_piece(half.opening);
  const auto opening = save::read<Opening>(reader);
  auto wanted = save::read<std::vector<broker::Action>>(reader);
  TRY(reader.end("the chronicle of the daemon before"));

  broker::Options before = options;
  before.retire_after = opening.retire_after;
  before.version = opening.version;
  before.allowances = opening.allowances;
  Retold retold;
  retold.broker = TRY(broker::Broker::restored(before, half.broker, no_page));
  retold.beside = half.beside;

  Teller teller(*retold.broker, reader);
  for (std::size_t at = 0; at < half.used; ++retold.entries) {
    layout::Entry entry;
    if (half.used - at < sizeof entry) return std::unexpected(unreadable("it is damaged"));
    std::memcpy(&entry, half.entries + at, sizeof entry);
    const std::size_t length = std::size_t{entry.values} + entry.text;
    if (half.used - at - sizeof entry < layout::rounded(length))
      return std::unexpected(unreadable("it is damaged"));
    const std::string_view payload = layout::text_at(half.entries + at + sizeof entry, length);
    const std::string_view values = payload.substr(0, entry.values);
    const std::string_view text = payload.substr(entry.values);
    if (layout::sum_of_entry(half.number, at, values, text) != entry.sum)
      return std::unexpected(unreadable("it is damaged"));
    teller.tell(values, text, wanted);
    TRY(reader.end("the chronicle of the daemon before"));
    at += sizeof entry + layout::rounded(length);
  }
  retold.at = teller.at();
  if (!part(std::move(wanted), half.carried, retold))
    return std::unexpected(unreadable("this build would not have done what that daemon did"));
  // From here on the options are the new daemon's.
  retold.broker = TRY(broker::Broker::restored(std::move(options), retold.broker->save(), no_page));
  return retold;
}

}  // namespace record
