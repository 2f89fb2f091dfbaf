// A digest of a JSON value that is the same however the value is written.
//
// Clients write the same call again with its keys in another order, other blanks, other escapes, or 1.0
// for 1. Two texts of one value have one digest: the order of an object's members, blanks and the spelling of
// strings and numbers do not count; the order of an array does. Numbers are compared as decimals, so large
// integers stay apart. One pass, no tree, whatever the size. The digest is keyed: without the key nobody can
// make two values that share one.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/siphash.h"

namespace proto {

// `json` is one well-formed value, as the envelope scanner hands out; empty text is a value of its own.
std::uint64_t value_digest(base::SipKey key, std::string_view json);
// The same of an object as if it had no members of these names. Of anything else, as of one that has none.
std::uint64_t value_digest(base::SipKey key, std::string_view json,
                           std::initializer_list<std::string_view> without);

// 128 bits of it in hex, for keys of tables that stand for the value itself.
std::string value_name(std::uint64_t key, std::string_view json);

}  // namespace proto
