// The version of both programs; the same as in CMakeLists.txt.
#pragma once

#include <string_view>

namespace base {

inline constexpr std::string_view version = "0.1.0";

// Whether `one` is a later version than `other`: "0.10.1" than "0.9.7". What is no version is later than
// none.
bool is_later(std::string_view one, std::string_view other);

}  // namespace base
