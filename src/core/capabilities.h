// What a client said it can do, as far as it decides whom a server may ask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/method.h"

namespace core {

// What it may be asked.
struct Abilities {
  bool roots = false;
  bool sampling = false;
  bool elicitation_form = false;
  bool elicitation_url = false;
  bool vendor = false;  // Declared something under "experimental" or "extensions".
  bool tasks = false;   // The tasks extension of 2026-07-28.
  static constexpr std::size_t fields = 6;
};

// The raw JSON of members that are passed on as they are; empty when absent.
struct PassedOnCapabilities {
  std::string sampling_raw;
  std::string experimental_raw;
  std::string extensions_raw;
  static constexpr std::size_t fields = 3;
};

// Has no members of its own: those of the two are saved.
struct Capabilities : Abilities, PassedOnCapabilities {};

// `raw` is the member of initialize's params; anything but an object declares nothing. An empty "elicitation"
// object means forms only; as soon as a mode is named, only the named ones count.
Capabilities capabilities_of(std::string_view raw);

// What either can do. Raw members are those of the first that has them.
void add(Capabilities& all, const Capabilities& other);

// Whether a client with these may be asked this. `url_mode`: the mode of an elicitation.
enum class Mode : std::uint8_t { none, form, url };
bool may_be_asked(const Abilities& abilities, proto::Method method, Mode mode);

}  // namespace core
