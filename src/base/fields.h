// The members of an object, one after the other, each with its name: for what has to treat all of them alike.
//
// C++ cannot list members; but it can take an object apart into as many names as it has members, and refuses
// any other number. So a class says how many it has, and that is all it says:
//
//   static constexpr std::size_t fields = 3;  // with `friend struct base::Fields;` if they are private
//
// What an older build has not written is as it is when it is made, and what says nothing (0, false, empty)
// may be left out by a build that does not know it: so let that be the value that a new member begins with.
//
// A class that has a member of that very name has its number said outside, by a specialisation of count_of.
//
// A member that is added without a change of the number does not compile. The names are found in what the
// compiler calls a pointer to the member. Not for classes that have members in a base class.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace base {

// Never made: its members only have to have addresses.
template <class T>
struct NeverMade {
  T value;
};
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif
template <class T>
extern const NeverMade<T> never_made;

inline constexpr std::size_t not_counted = std::numeric_limits<std::size_t>::max();
template <class T>
inline constexpr std::size_t count_of = [] {
  if constexpr (requires {
                  { T::fields } -> std::convertible_to<std::size_t>;
                })
    return T::fields;
  else
    return not_counted;
}();

struct Fields {
  // References to all members, in the order in which they stand in the class.
  template <class T>
  static constexpr auto of(T& object) {
    constexpr std::size_t count = count_of<std::remove_const_t<T>>;
    static_assert(count <= 64, "more lines are needed below");
    if constexpr (count == 0) {
      static_assert(std::is_empty_v<T>);
      return std::tuple<>();
    } else if constexpr (count < 32) {
      return few<count>(object);
    } else {
      return many<count>(object);
    }
  }

  // In the same order.
  template <class T>
  static constexpr std::array<std::string_view, count_of<T>> names() {
    return names_of<T>(std::make_index_sequence<count_of<T>>());
  }

 private:
  template <class T, std::size_t... I>
  static consteval std::array<std::string_view, count_of<T>> names_of(std::index_sequence<I...>) {
    return {name_in(spelt<&std::get<I>(of(never_made<T>.value))>())...};
  }

  template <const auto* member>
  static consteval const char* spelt() {
    return __PRETTY_FUNCTION__;
  }

  // "… = (& never_made<core::Ask>.NeverMade<core::Ask>::value.core::Ask::due)]", "…&never_made.value.due]"
  static consteval std::string_view name_in(std::string_view spelling) {
    spelling = spelling.substr(0, spelling.find_last_not_of(")]; ") + 1);
    return spelling.substr(spelling.find_last_of(":.") + 1);
  }

  // An object is taken apart into as many names as it has members.
#define HEARTH_8(p) p##0, p##1, p##2, p##3, p##4, p##5, p##6, p##7
#define HEARTH_APART(number, ...)  \
  if constexpr (count == number) { \
    auto& [__VA_ARGS__] = object;  \
    return std::tie(__VA_ARGS__);  \
  }
  template <std::size_t count, class T>
  static constexpr auto few(T& object) {
    HEARTH_APART(1, a0)
    HEARTH_APART(2, a0, a1)
    HEARTH_APART(3, a0, a1, a2)
    HEARTH_APART(4, a0, a1, a2, a3)
    HEARTH_APART(5, a0, a1, a2, a3, a4)
    HEARTH_APART(6, a0, a1, a2, a3, a4, a5)
    HEARTH_APART(7, a0, a1, a2, a3, a4, a5, a6)
    HEARTH_APART(8, HEARTH_8(a))
    HEARTH_APART(9, HEARTH_8(a), b0)
    HEARTH_APART(10, HEARTH_8(a), b0, b1)
    HEARTH_APART(11, HEARTH_8(a), b0, b1, b2)
    HEARTH_APART(12, HEARTH_8(a), b0, b1, b2, b3)
    HEARTH_APART(13, HEARTH_8(a), b0, b1, b2, b3, b4)
    HEARTH_APART(14, HEARTH_8(a), b0, b1, b2, b3, b4, b5)
    HEARTH_APART(15, HEARTH_8(a), b0, b1, b2, b3, b4, b5, b6)
    HEARTH_APART(16, HEARTH_8(a), HEARTH_8(b))
    HEARTH_APART(17, HEARTH_8(a), HEARTH_8(b), c0)
    HEARTH_APART(18, HEARTH_8(a), HEARTH_8(b), c0, c1)
    HEARTH_APART(19, HEARTH_8(a), HEARTH_8(b), c0, c1, c2)
    HEARTH_APART(20, HEARTH_8(a), HEARTH_8(b), c0, c1, c2, c3)
    HEARTH_APART(21, HEARTH_8(a), HEARTH_8(b), c0, c1, c2, c3, c4)
    HEARTH_APART(22, HEARTH_8(a), HEARTH_8(b), c0, c1, c2, c3, c4, c5)
    HEARTH_APART(23, HEARTH_8(a), HEARTH_8(b), c0, c1, c2, c3, c4, c5, c6)
    HEARTH_APART(24, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c))
    HEARTH_APART(25, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), d0)
    HEARTH_APART(26, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), d0, d1)
    HEARTH_APART(27, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), d0, d1, d2)
    HEARTH_APART(28, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), d0, d1, d2, d3)
    HEARTH_APART(29, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), d0, d1, d2, d3, d4)
    HEARTH_APART(30, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), d0, d1, d2, d3, d4, d5)
    HEARTH_APART(31, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), d0, d1, d2, d3, d4, d5, d6)
  }
  template <std::size_t count, class T>
  static constexpr auto many(T& object) {
    HEARTH_APART(32, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d))
    HEARTH_APART(33, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), e0)
    HEARTH_APART(34, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), e0, e1)
    HEARTH_APART(35, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), e0, e1, e2)
    HEARTH_APART(36, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), e0, e1, e2, e3)
    HEARTH_APART(37, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), e0, e1, e2, e3, e4)
    HEARTH_APART(38, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), e0, e1, e2, e3, e4, e5)
    HEARTH_APART(39, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), e0, e1, e2, e3, e4, e5, e6)
    HEARTH_APART(40, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e))
    HEARTH_APART(41, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), f0)
    HEARTH_APART(42, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), f0, f1)
    HEARTH_APART(43, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), f0, f1, f2)
    HEARTH_APART(44, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), f0, f1, f2, f3)
    HEARTH_APART(45, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), f0, f1, f2, f3, f4)
    HEARTH_APART(46, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), f0, f1, f2, f3, f4, f5)
    HEARTH_APART(47, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), f0, f1, f2, f3, f4, f5,
                 f6)
    HEARTH_APART(48, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f))
    HEARTH_APART(49, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f), g0)
    HEARTH_APART(50, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f), g0, g1)
    HEARTH_APART(51, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f), g0, g1, g2)
    HEARTH_APART(52, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f), g0, g1, g2,
                 g3)
    HEARTH_APART(53, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f), g0, g1, g2,
                 g3, g4)
    HEARTH_APART(54, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f), g0, g1, g2,
                 g3, g4, g5)
    HEARTH_APART(55, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f), g0, g1, g2,
                 g3, g4, g5, g6)
    HEARTH_APART(56, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f),
                 HEARTH_8(g))
    HEARTH_APART(57, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f),
                 HEARTH_8(g), h0)
    HEARTH_APART(58, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f),
                 HEARTH_8(g), h0, h1)
    HEARTH_APART(59, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f),
                 HEARTH_8(g), h0, h1, h2)
    HEARTH_APART(60, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f),
                 HEARTH_8(g), h0, h1, h2, h3)
    HEARTH_APART(61, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f),
                 HEARTH_8(g), h0, h1, h2, h3, h4)
    HEARTH_APART(62, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f),
                 HEARTH_8(g), h0, h1, h2, h3, h4, h5)
    HEARTH_APART(63, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f),
                 HEARTH_8(g), h0, h1, h2, h3, h4, h5, h6)
    HEARTH_APART(64, HEARTH_8(a), HEARTH_8(b), HEARTH_8(c), HEARTH_8(d), HEARTH_8(e), HEARTH_8(f),
                 HEARTH_8(g), HEARTH_8(h))
  }
#undef HEARTH_APART
#undef HEARTH_8
};

#ifdef __clang__
#pragma clang diagnostic pop
#endif

}  // namespace base
