// What a session's journal (proto/journal.h) said when the session was opened: the broker goes on from there.
//
// The page itself is not recorded: it is the client's, and large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "proto/json.h"
#include "record/fields.h"
#include "record/mask.h"

namespace record {

struct Page {
  bool fresh = true;
  bool writing = false;
  std::vector<std::pair<std::uint16_t, std::string>> calls;  // By slot, in order; raw ids.
  std::string setup;                                         // As core/setup.h writes it; empty: none.

  static Page of(std::span<std::byte> page);
  // `page` is zeroed, and of journal_bytes.
  void put_into(std::span<std::byte> page) const;
  // Whether that is possible: slots in order, and such as there are.
  bool makes_sense() const;
  static constexpr std::size_t fields = 4;
};

void write_page(proto::json::Writer& into, Mask& mask, std::span<std::byte> page);
Page read_page(Fields from);

}  // namespace record
