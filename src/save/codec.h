// How a type becomes a value of save/writer.h, and is read again.
//
// Numbers, texts, the containers of the standard library and every class that says how many members it has
// (base/fields.h) are known here. A class that cannot be written member by member, because one of them is a
// pointer or must not be written, has a Codec of its own, beside those who save it. There is no other way to
// write anything: a type without a Codec does not compile.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/bytes.h"
#include "base/fields.h"
#include "save/reader.h"
#include "save/writer.h"

namespace save {

// static void write(Writer&, const T&); static void read(Reader&, T&), whose T is as it is when it is made.
template <class T>
struct Codec;

template <class T>
void write(Writer& writer, const T& value) {
  Codec<T>::write(writer, value);
}

template <class T>
void read(Reader& reader, T& value) {
  Codec<T>::read(reader, value);
}

template <class T>
T read(Reader& reader) {
  T value{};
  Codec<T>::read(reader, value);
  return value;
}

template <std::integral T>
struct Codec<T> {
  static void write(Writer& writer, T value) {
    if constexpr (std::is_signed_v<T>)
      writer.integer(value);
    else
      writer.natural(value);
  }
  static void read(Reader& reader, T& value) {
    if constexpr (std::is_signed_v<T>)
      keep(reader, reader.integer(), value);
    else
      keep(reader, reader.natural(), value);
  }

 private:
  static void keep(Reader& reader, auto found, T& value) {
    if (!std::in_range<T>(found)) return reader.fail("a number is out of range");
    value = static_cast<T>(found);
  }
};

template <>
struct Codec<bool> {
  static void write(Writer& writer, bool value) { writer.natural(value ? 1 : 0); }
  static void read(Reader& reader, bool& value) { value = reader.natural() != 0; }
};

// The values of an enumeration that have names: the compiler spells one without as "(Colour)7".
template <auto value>
consteval bool has_name() {
  const std::string_view spelling = __PRETTY_FUNCTION__;
  return spelling[spelling.find("value = ") + 8] != '(';
}
template <class T, std::size_t... I>
consteval std::array<bool, sizeof...(I)> named(std::index_sequence<I...>) {
  return {has_name<static_cast<T>(I)>()...};
}

template <class T>
  requires std::is_enum_v<T>
struct Codec<T> {
  static constexpr std::size_t most = 64;
  static_assert(sizeof(T) == 1, "an enumeration that is saved has few values, of one byte");
  static constexpr std::array names = named<T>(std::make_index_sequence<most>());
  static_assert(names.front() && !names.back(), "more values have to be looked at");

  static void write(Writer& writer, T value) { writer.natural(static_cast<std::uint8_t>(value)); }
  static void read(Reader& reader, T& value) {
    const std::uint64_t found = reader.natural();
    if (found >= most || !names[found]) return reader.fail("a kind of thing that this build does not know");
    value = static_cast<T>(found);
  }
};

template <>
struct Codec<std::string> {
  static void write(Writer& writer, const std::string& value) { writer.text(value); }
  static void read(Reader& reader, std::string& value) { value = reader.text(); }
};

template <>
struct Codec<base::Bytes> {
  static void write(Writer& writer, const base::Bytes& bytes) { writer.text(bytes.text); }
  static void read(Reader& reader, base::Bytes& bytes) {
    bytes = base::Bytes::copy(std::string(reader.text()));
  }
};

template <class Rep, class Period>
struct Codec<std::chrono::duration<Rep, Period>> {
  using Duration = std::chrono::duration<Rep, Period>;
  static void write(Writer& writer, Duration value) { Codec<Rep>::write(writer, value.count()); }
  static void read(Reader& reader, Duration& value) { value = Duration(save::read<Rep>(reader)); }
};

template <class Clock, class Duration>
struct Codec<std::chrono::time_point<Clock, Duration>> {
  using Point = std::chrono::time_point<Clock, Duration>;
  static void write(Writer& writer, Point value) { save::write(writer, value.time_since_epoch()); }
  static void read(Reader& reader, Point& value) { value = Point(save::read<Duration>(reader)); }
};

template <std::size_t size>
  requires(size <= 64)
struct Codec<std::bitset<size>> {
  static void write(Writer& writer, const std::bitset<size>& value) { writer.natural(value.to_ullong()); }
  static void read(Reader& reader, std::bitset<size>& value) {
    const std::uint64_t found = reader.natural();
    value = found;
    if (value.to_ullong() != found) reader.fail("a set has members that this build does not know");
  }
};

// A list of none or one.
template <class T>
struct Codec<std::optional<T>> {
  static void write(Writer& writer, const std::optional<T>& value) {
    writer.list(value ? 1 : 0);
    if (value) save::write(writer, *value);
  }
  static void read(Reader& reader, std::optional<T>& value) {
    const std::size_t length = reader.list();
    if (length > 1) return reader.fail("there are several where one may be");
    value.reset();
    if (length == 1) save::read(reader, value.emplace());
  }
};

template <class First, class Second>
struct Codec<std::pair<First, Second>> {
  static void write(Writer& writer, const std::pair<First, Second>& value) {
    writer.list(2);
    save::write(writer, value.first);
    save::write(writer, value.second);
  }
  static void read(Reader& reader, std::pair<First, Second>& value) {
    if (reader.list() != 2) return reader.fail("two belong here");
    save::read(reader, const_cast<std::remove_const_t<First>&>(value.first));
    save::read(reader, value.second);
  }
};

template <class T, std::size_t size>
struct Codec<std::array<T, size>> {
  static void write(Writer& writer, const std::array<T, size>& value) {
    writer.list(size);
    for (const T& one : value) save::write(writer, one);
  }
  // A build that knows fewer kinds has written fewer.
  static void read(Reader& reader, std::array<T, size>& value) {
    const std::size_t length = reader.list();
    if (length > size) return reader.fail("a list is longer than this build knows");
    for (std::size_t i = 0; i < length; ++i) save::read(reader, value[i]);
  }
};

// Of one value: which alternative it is, and that.
template <class... Alternatives>
struct Codec<std::variant<Alternatives...>> {
  using Variant = std::variant<Alternatives...>;
  static void write(Writer& writer, const Variant& value) {
    writer.list(2);
    writer.natural(value.index());
    std::visit([&](const auto& is) { save::write(writer, is); }, value);
  }
  static void read(Reader& reader, Variant& value) {
    if (reader.list() != 2) return reader.fail("two belong here");
    const std::uint64_t index = reader.natural();
    if (index >= sizeof...(Alternatives)) return reader.fail("a kind of thing that this build does not know");
    read_as(reader, index, value, std::index_sequence_for<Alternatives...>());
  }

 private:
  template <std::size_t... I>
  static void read_as(Reader& reader, std::uint64_t index, Variant& value, std::index_sequence<I...>) {
    (void)((I == index && (save::read(reader, value.template emplace<I>()), true)) || ...);
  }
};

// Vectors, lists, deques; sets and maps.
template <class T>
concept Container = requires(T& all) {
  typename T::value_type;
  all.clear();
  all.begin();
  all.size();
} && !std::same_as<T, std::string>;

template <Container T>
struct Codec<T> {
  static void write(Writer& writer, const T& all) {
    writer.list(all.size());
    for (const auto& one : all) save::write(writer, one);
  }
  static void read(Reader& reader, T& all) {
    all.clear();
    const std::size_t length = reader.list();
    for (std::size_t i = 0; i < length && !reader.failed(); ++i) {
      if constexpr (requires { all.emplace_back(); }) {
        read_last(reader, all);
      } else if constexpr (requires { typename T::mapped_type; }) {
        std::pair<typename T::key_type, typename T::mapped_type> one{};
        save::read(reader, one);
        all.insert(all.end(), std::move(one));
      } else {
        all.insert(all.end(), save::read<typename T::value_type>(reader));
      }
    }
  }

 private:
  static void read_last(Reader& reader, T& all) {
    if constexpr (std::same_as<typename T::value_type, bool>)
      all.push_back(save::read<bool>(reader));
    else
      save::read(reader, all.emplace_back());
  }
};

// Member by member.
template <class T>
concept HasFields = base::count_of<T> != base::not_counted;
template <class T>
constexpr std::array names_of = base::Fields::names<T>();

template <HasFields T>
struct Codec<T> {
  static void write(Writer& writer, const T& object) {
    writer.record(names_of<T>);
    std::apply([&](const auto&... member) { (save::write(writer, member), ...); }, base::Fields::of(object));
  }
  static void read(Reader& reader, T& object) {
    const auto members = base::Fields::of(object);
    reader.record([&](std::string_view name) {
      return read_named(reader, name, members, std::make_index_sequence<base::count_of<T>>());
    });
  }

 private:
  template <class Members, std::size_t... I>
  static bool read_named(Reader& reader, std::string_view name, const Members& members,
                         std::index_sequence<I...>) {
    return ((names_of<T>[I] == name && (save::read(reader, std::get<I>(members)), true)) || ...);
  }
};

template <class T>
  requires(std::is_empty_v<T> && std::is_aggregate_v<T> && !HasFields<T>)
struct Codec<T> {
  static void write(Writer& writer, const T&) { writer.list(0); }
  static void read(Reader& reader, T&) {
    if (reader.list() != 0) reader.fail("there is something where nothing belongs");
  }
};

}  // namespace save
