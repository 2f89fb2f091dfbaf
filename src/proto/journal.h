// What a session needs to go on after its daemon died: one shared page, written as things happen.
//
// The shim makes a memory file of journal_bytes, zeroed, and passes it to each daemon it attaches to,
// together with the client's pipes. The daemon maps it and keeps it true with plain stores, so that a kill -9
// at any moment leaves enough for the next daemon: which calls were in flight (each is then answered with one
// explicit error), whether a line was half read or half written, and what the session had set up (initialize,
// subscriptions, log level), which is replayed. Only one daemon at a time writes to it; the shim reads it
// only when no daemon can be had.
//
// Layout, little-endian, fixed for magic "HRTHJNL2". What an ordinary session writes is in the first 4 KiB,
// which is all the memory that it takes of the file:
//      0  char[8]  magic              zero: a fresh session
//      8  u32      writing            1 while a line may be half written to the client
//     12  u32      setup_current      which of the set-up areas is valid: 0 none, 1 to 4
//     16  u32      calls_used         slots beyond this one have never been used
//     20  u32      unread_bytes       length of the begun line in the unread area; 0xffffffff: it is lost
//     24  u32      next               where to look for a free slot first: after the one found last
//     64  Slot[16] of 64 bytes        the first calls in flight: u32 length, 0 when free; up to 60 bytes of
//                                     raw id
//   1088  set-up areas 3 and 4 of 1504 bytes each: u32 length, then bytes in the daemon's own format
//         (proto/journal.h gives them as opaque text; core/setup.h knows what is inside)
//   4096  Slot[1024]                  the other calls, each at its own number: the first 16 are not used
//  69632  set-up areas 1 and 2 of 256 KiB each, for what is longer
// 593920  the unread area, up to the end
// "HRTHJNL1" was the same without the first slots and areas 3 and 4: all calls are at 4096. A page that began
// so goes on so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"

namespace proto {

inline constexpr std::size_t journal_bytes = std::size_t{1} << 20;
inline constexpr std::size_t journal_calls_max = 1024;
inline constexpr std::size_t journal_id_max = 60;
// Stands in a slot for an id that is longer; the id itself is then in the set-up. No JSON value, so no id.
inline constexpr std::string_view journal_long_id = "long";

class Journal {
 public:
  // Without a page, or with one that is too small, nothing is kept, every call counts as noted and every look
  // finds nothing. What a page says is not trusted: whatever it holds, nothing outside it is read or written.
  Journal() = default;
  explicit Journal(std::span<std::byte> page);
  // Goes on with what another daemon has kept, on the same page.
  void continue_on(std::span<std::byte> page);
  void leave_page() { page_ = nullptr; }

  bool fresh() const;  // Nothing was ever written.
  // Another life begins. Writes the magic: from now on the journal has one to tell.
  void begin();

  // A call is in flight. Returns its slot, or absent when it cannot be noted (all slots used, or the id
  // longer than a slot takes): such a call has to be noted elsewhere. Without a page it is a number that no
  // slot has.
  std::optional<std::uint16_t> call_started(std::string_view raw_id);
  // The last byte of its answer was written. Until then a crash still owes the client an answer. The writer
  // may say so through a Journal of its own on the same page.
  void call_ended(std::uint16_t slot);
  std::size_t owed() const;                  // How many are in flight. May be asked from a signal handler.
  std::vector<std::string> calls() const;    // Raw ids in flight, in order of slots.
  std::vector<std::uint16_t> slots() const;  // Theirs.
  void forget_calls();                       // All calls of an earlier life are answered.

  void set_writing(bool half_written);
  bool writing() const;

  // Replaces the set-up, atomically. False if it does not fit; the previous one stays.
  bool set_setup(std::string_view bytes);
  std::string_view setup() const;

  // The begun line of the client that no daemon has dealt with yet. One that does not fit is lost.
  void set_unread(std::string_view bytes);
  void set_unread_lost();
  std::optional<std::string_view> unread() const;  // Absent: a begun line was lost.

  static constexpr std::size_t fields = 2;
  friend struct base::Fields;

 private:
  bool first_layout() const;
  std::size_t slot_at(std::size_t slot) const;
  std::uint32_t load(std::size_t at) const;
  void store(std::size_t at, std::uint32_t value);
  std::size_t used() const;
  std::optional<std::uint16_t> free_slot();
  template <class F>
  void each_call(F&& f) const;

  std::byte* page_ = nullptr;
  std::size_t next_ = 0;  // Without a page: how many calls were noted.
};

}  // namespace proto
