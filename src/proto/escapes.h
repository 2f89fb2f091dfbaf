// Escapes within JSON strings, one at a time.
//
// For those who decode strings; comparing one with a known word needs no decoded copy (proto/spelling.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace proto {

// Appends the character that the escape at `at` stands for and moves `at` behind it. False where none is well
// formed; then nothing changes. RFC 8259 lets half a surrogate pair through and leaves open what it means:
// here, U+FFFD.
bool take_escape(std::string_view text, std::size_t& at, std::string& into);

}  // namespace proto
