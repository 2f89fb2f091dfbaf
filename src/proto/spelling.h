// Whether a JSON string, as spelt, means a word that we know.
//
// A string may be written in many ways: "id", "\u0069d". Some writers escape every slash. Comparing needs no
// decoded copy.
#pragma once

#include <string_view>

namespace proto {

// `raw` is the inside of a well-formed JSON string, `plain` is ASCII.
bool spells(std::string_view raw, std::string_view plain);

}  // namespace proto
