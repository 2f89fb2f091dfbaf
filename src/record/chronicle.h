// A chronicle: what a next daemon needs to go on where this one was killed, in a block of memory that
// outlives the process.
//
// It holds a broker as it was saved (Broker::save), and everything that the broker was told since then, each
// thing with its time, written BEFORE the broker hears of it; and how many of the actions that it left in its
// outbox have been carried out. retell() (record/retelling.h) makes from that a broker that is what this one
// was, and the actions that are still to be done. So nothing is written by hand for any table, and a kill at
// any instant leaves a whole prefix: each thing counts from one store on (release), behind its bytes.
//
//   feed:        chronicle.note(event, now);  broker.on(event, now);
//   carry out:   const auto mark = chronicle.after(action);  do it;  chronicle.carried(mark);
//   end of turn, when the outbox is empty:   if (chronicle.due()) chronicle.begin(options, broker.save());
//   after a kill:   retell(); Broker::rejoin(); Chronicle(block).begin(options, broker.save(), left);
//
// The block has two halves. A beginning is written into the one that does not count, which then does, by one
// store: a kill in the middle of a beginning leaves the half before as it was. What does not fit closes the
// chronicle: from then on it is known not to be whole, and nothing is taken over, until the next beginning.
//
// One process at a time writes. A block is of the same machine and the same user; still nothing in it is
// trusted: a reader checks bounds and checksums, and what is damaged or foreign is a sentence. It holds
// everything that a daemon knows, secrets too, and so must be nobody else's. A saved broker, an entry and all
// entries together may be as long as half of the block; a block of untouched pages (a sparse memory file)
// costs what is used of it, and idle_half() may be given back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/time.h"
#include "broker/action.h"
#include "broker/event.h"
#include "broker/options.h"
#include "record/chronicle_layout.h"
#include "record/recording.h"
#include "save/writer.h"

namespace record {

enum class EntryKind : std::uint8_t;

class Chronicle {
 public:
  // `block` is zeroed, or holds an earlier chronicle, which stays as it is until begin(); it lies at the
  // beginning of a page of memory, and outlives this object.
  explicit Chronicle(std::span<std::byte> block);

  // From here on. `saved` is the broker, made with `options`; `left` is what it wanted and what is still to
  // be done, as after a retelling; `beside` is whatever else of this moment the next daemon is to get. False
  // if it does not fit; then what was begun before goes on.
  bool begin(const broker::Options& options, std::string_view saved,
             std::span<const broker::Action> left = {}, std::string_view beside = {});

  // The broker is about to hear it. False: the chronicle is closed, now or before.
  bool note(const broker::Event& event, base::Instant at);
  bool note(const Admitted& what, base::Instant at);  // After Broker::admit: nobody knows the session yet.
  bool note(const Dismissed& what, base::Instant at);
  bool note(const Ticked& what, base::Instant at);

  // `action` is carried out next; when it has been, the mark says so.
  using Mark = layout::Carried;
  Mark after(const broker::Action& action) const { return carried_.and_then(action); }
  void carried(const Mark& mark);

  // It tells the whole.
  bool whole() const { return half_ != nullptr && !closed_; }
  // It should begin anew, as soon as the outbox is empty: it is not whole, or its entries have become eight
  // times as long as the beginning, so that beginnings cost no more than a part of the entries, and retelling
  // stays short. After a beginning that did not fit it waits for as much again.
  bool due(std::size_t least = std::size_t{1} << 20) const;
  std::size_t entry_bytes() const { return used_; }

  // Nothing in it counts: its pages may be given back. Empty if the block is too small for a half.
  std::span<std::byte> idle_half() const;

 private:
  void begin_entry(EntryKind kind, base::Instant at);
  bool commit(std::string_view values, std::string_view text = {});
  std::span<std::byte> half(std::uint64_t number) const;

  std::span<std::byte> block_;
  save::Writer writer_{save::InPieces()};
  std::byte* half_ = nullptr;     // The one that counts; absent: none does, as far as this writer goes.
  std::byte* entries_ = nullptr;  // Behind what it begins with.
  std::uint64_t number_ = 0;      // Of the beginning that counts.
  std::size_t room_ = 0;          // For entries.
  std::size_t used_ = 0;
  // Of the last attempt to begin: how long that would be, whether it did not fit, and how many bytes were
  // told since.
  std::size_t opening_ = 0;
  bool refused_ = false;
  std::size_t told_ = 0;
  bool closed_ = false;
  Mark carried_;
};

}  // namespace record
