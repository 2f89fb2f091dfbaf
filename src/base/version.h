// The version of both programs; the same as in CMakeLists.txt.
#pragma once

#include <string_view>

namespace base {

inline constexpr std::string_view version = "0.1.0";

}  // namespace base
