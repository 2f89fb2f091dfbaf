// The world failing: a sentence for a person, and the errno behind it where there is one.
//
// Functions that can be refused for a reason the caller must handle return std::expected with an enum of
// their own; those whose failure can only be reported upwards return Result and travel by TRY.
#pragma once

#include <expected>
#include <string>
#include <type_traits>
#include <utility>

namespace base {

struct Error {
  std::string what;  // "cannot open /x/y: Permission denied"; no trailing full stop, no newline.
  int code = 0;      // errno, or 0.
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> failure(std::string what, int code = 0) {
  return std::unexpected(Error{std::move(what), code});
}

// The value, moved out; nothing for Result<void>.
template <class T, class E>
T taken(std::expected<T, E>&& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace base

// Evaluates to the value of a Result, or returns its error from the enclosing function.
#define TRY(expression)                                          \
  ({                                                             \
    auto try_result = (expression);                              \
    if (!try_result) return std::unexpected(try_result.error()); \
    base::taken(std::move(try_result));                          \
  })
