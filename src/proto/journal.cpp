#include "proto/journal.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/ensure.h"

namespace proto {
namespace {

constexpr std::string_view magic = "HRTHJNL2";
constexpr std::string_view first_magic = "HRTHJNL1";

constexpr std::size_t writing_at = 8;
constexpr std::size_t setup_current_at = 12;
constexpr std::size_t calls_used_at = 16;
constexpr std::size_t unread_bytes_at = 20;
constexpr std::size_t next_at = 24;

constexpr std::size_t slots_at = 4096;
constexpr std::size_t slot_bytes = 64;
constexpr std::size_t length_bytes = sizeof(std::uint32_t);

constexpr std::size_t near_slots_at = 64;
constexpr std::size_t near_slots = 16;
constexpr std::size_t near_setups_at = near_slots_at + near_slots * slot_bytes;
constexpr std::size_t near_setup_bytes = 1504;

constexpr std::size_t setups_at = slots_at + journal_calls_max * slot_bytes;
constexpr std::size_t setup_bytes = std::size_t{256} << 10;

constexpr std::size_t unread_at = setups_at + 2 * setup_bytes;
constexpr std::size_t unread_max = journal_bytes - unread_at;
constexpr std::uint32_t unread_is_lost = 0xffffffff;

static_assert(near_setups_at == 1088 && near_setups_at + 2 * near_setup_bytes == slots_at &&
                  setups_at == 69632 && unread_at == 593920,
              "the layout that the header promises");
static_assert(journal_id_max == slot_bytes - length_bytes);

struct SetupArea {
  std::size_t at = 0, bytes = 0;
};
constexpr std::uint32_t setup_areas = 4;  // From 1.

SetupArea setup_area(std::uint32_t area) {
  return area <= 2 ? SetupArea{setups_at + (area - 1) * setup_bytes, setup_bytes}
                   : SetupArea{near_setups_at + (area - 3) * near_setup_bytes, near_setup_bytes};
}

std::string_view text_at(const std::byte* page, std::size_t at, std::size_t length) {
  return {reinterpret_cast<const char*>(page + at), length};
}

void put(std::byte* page, std::size_t at, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(page + at, bytes.data(), bytes.size());
}

}  // namespace

Journal::Journal(std::span<std::byte> page) {
  continue_on(page);
}

void Journal::continue_on(std::span<std::byte> page) {
  if (page.size() < journal_bytes) return;
  ensure(reinterpret_cast<std::uintptr_t>(page.data()) % alignof(std::uint32_t) == 0);
  page_ = page.data();
}

// A process that reads the page after a kill sees the stores in the order of the program, as long as the
// compiler keeps it: hence release and acquire. Content comes first, the word that makes it valid last.
std::uint32_t Journal::load(std::size_t at) const {
  auto* word = reinterpret_cast<std::uint32_t*>(page_ + at);
  return std::atomic_ref(*word).load(std::memory_order_acquire);
}

void Journal::store(std::size_t at, std::uint32_t value) {
  auto* word = reinterpret_cast<std::uint32_t*>(page_ + at);
  std::atomic_ref(*word).store(value, std::memory_order_release);
}

bool Journal::first_layout() const {
  return text_at(page_, 0, first_magic.size()) == first_magic;
}

std::size_t Journal::slot_at(std::size_t slot) const {
  const bool near = slot < near_slots && !first_layout();
  return (near ? near_slots_at : slots_at) + slot * slot_bytes;
}

std::size_t Journal::used() const {
  return std::min<std::size_t>(load(calls_used_at), journal_calls_max);
}

bool Journal::fresh() const {
  return page_ == nullptr || (text_at(page_, 0, magic.size()) != magic && !first_layout());
}

void Journal::begin() {
  if (page_ == nullptr) return;
  store(next_at, 0);
  if (fresh()) put(page_, 0, magic);
}

// Calls end roughly in the order in which they began, so the slot after the last one found is likely free. A
// few looks are enough: where slots are that crowded, a new one costs less than a search.
std::optional<std::uint16_t> Journal::free_slot() {
  const std::size_t used_before = used();
  const std::size_t looks =
      used_before == journal_calls_max ? used_before : std::min<std::size_t>(used_before, 8);
  std::size_t next = load(next_at);
  for (std::size_t i = 0; i < looks; ++i) {
    const std::size_t slot = next >= used_before ? 0 : next;
    next = slot + 1;
    if (load(slot_at(slot)) != 0) continue;
    store(next_at, static_cast<std::uint32_t>(next));
    return static_cast<std::uint16_t>(slot);
  }
  store(next_at, static_cast<std::uint32_t>(next));
  if (used_before == journal_calls_max) return std::nullopt;
  return static_cast<std::uint16_t>(used_before);
}

std::optional<std::uint16_t> Journal::call_started(std::string_view raw_id) {
  if (page_ == nullptr) return static_cast<std::uint16_t>(journal_calls_max + next_++ % journal_calls_max);
  if (raw_id.empty() || raw_id.size() > journal_id_max) return std::nullopt;
  const std::optional<std::uint16_t> slot = free_slot();
  if (!slot) return std::nullopt;
  put(page_, slot_at(*slot) + length_bytes, raw_id);
  store(slot_at(*slot), static_cast<std::uint32_t>(raw_id.size()));
  if (*slot == used()) store(calls_used_at, *slot + 1U);
  return slot;
}

void Journal::call_ended(std::uint16_t slot) {
  if (page_ == nullptr) return;
  ensure(slot < journal_calls_max);
  store(slot_at(slot), 0);
}

template <class F>
void Journal::each_call(F&& f) const {
  if (page_ == nullptr) return;
  for (std::size_t slot = 0; slot < used(); ++slot) {
    const std::uint32_t length = load(slot_at(slot));
    if (length == 0 || length > journal_id_max) continue;
    f(static_cast<std::uint16_t>(slot), text_at(page_, slot_at(slot) + length_bytes, length));
  }
}

std::size_t Journal::owed() const {
  std::size_t count = 0;
  each_call([&](std::uint16_t /*slot*/, std::string_view /*id*/) { ++count; });
  return count;
}

std::vector<std::string> Journal::calls() const {
  std::vector<std::string> ids;
  each_call([&](std::uint16_t /*slot*/, std::string_view id) { ids.emplace_back(id); });
  return ids;
}

std::vector<std::uint16_t> Journal::slots() const {
  std::vector<std::uint16_t> all;
  each_call([&](std::uint16_t slot, std::string_view /*id*/) { all.push_back(slot); });
  return all;
}

void Journal::forget_calls() {
  if (page_ == nullptr) return;
  // The count goes first: a slot beyond it is free whatever it holds.
  store(calls_used_at, 0);
}

void Journal::set_writing(bool half_written) {
  if (page_ != nullptr) store(writing_at, half_written ? 1 : 0);
}

bool Journal::writing() const {
  return page_ != nullptr && load(writing_at) != 0;
}

bool Journal::set_setup(std::string_view bytes) {
  if (page_ == nullptr) return true;
  if (bytes.size() > setup_bytes - length_bytes) return false;
  const std::uint32_t current = load(setup_current_at);
  const bool near = bytes.size() <= near_setup_bytes - length_bytes && !first_layout();
  const std::uint32_t first = near ? 3 : 1;
  const std::uint32_t next = current == first ? first + 1 : first;
  const std::size_t at = setup_area(next).at;
  put(page_, at + length_bytes, bytes);
  store(at, static_cast<std::uint32_t>(bytes.size()));
  store(setup_current_at, next);
  return true;
}

std::string_view Journal::setup() const {
  if (page_ == nullptr) return {};
  const std::uint32_t current = load(setup_current_at);
  if (current == 0 || current > setup_areas) return {};
  const SetupArea area = setup_area(current);
  const std::uint32_t length = load(area.at);
  if (length > area.bytes - length_bytes) return {};
  return text_at(page_, area.at + length_bytes, length);
}

void Journal::set_unread(std::string_view bytes) {
  if (page_ == nullptr) return;
  if (bytes.size() > unread_max) return set_unread_lost();
  // A line that is half replaced is no line.
  if (!bytes.empty()) store(unread_bytes_at, unread_is_lost);
  put(page_, unread_at, bytes);
  store(unread_bytes_at, static_cast<std::uint32_t>(bytes.size()));
}

void Journal::set_unread_lost() {
  if (page_ != nullptr) store(unread_bytes_at, unread_is_lost);
}

std::optional<std::string_view> Journal::unread() const {
  if (page_ == nullptr) return std::string_view();
  const std::uint32_t length = load(unread_bytes_at);
  if (length > unread_max) return std::nullopt;
  return text_at(page_, unread_at, length);
}

}  // namespace proto
