#include <doctest/doctest.h>

#include <array>
#include <bitset>
#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/fields.h"
#include "base/time.h"
#include "save/codec.h"
#include "save/elsewhere.h"

namespace {

template <class T>
std::string saved(const T& value) {
  save::Writer writer;
  save::write(writer, value);
  return std::move(writer).finish();
}

// The sentence, or nothing if all went well.
template <class T>
std::string read_into(T& value, const std::string& text) {
  save::Reader reader(text);
  save::read(reader, value);
  const auto end = reader.end("this");
  return end ? std::string() : end.error().what;
}

template <class T>
bool comes_back(const T& value) {
  T found{};
  return read_into(found, saved(value)).empty() && found == value;
}

struct Nothing {
  bool operator==(const Nothing&) const = default;
};
enum class Colour : std::uint8_t { red, green };

struct Inner {
  std::string name;
  std::optional<int> number;
  bool operator==(const Inner&) const = default;
  static constexpr std::size_t fields = 2;
};

// As an HTTP request, which has fields.
struct Counted {
  std::string fields;
  int number = 0;
  bool operator==(const Counted&) const = default;
};

struct Pointing {
  int own = 0;
  save::Elsewhere<std::string> other;
  static constexpr std::size_t fields = 2;
};

class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(int number) : number_(number), half_(number / 2) {}
  bool operator==(const Guarded&) const = default;
  static constexpr std::size_t fields = 2;
  friend struct base::Fields;

 private:
  int number_ = 0;
  int half_ = 0;
};

template <class T>
struct Pair {
  T one, other;
  static constexpr std::size_t fields = 2;
};

struct MoveOnly {
  MoveOnly() = default;
  MoveOnly(MoveOnly&&) = default;
  MoveOnly& operator=(MoveOnly&&) = default;
  int number = 0;
  static constexpr std::size_t fields = 1;
};

// The same thing in three builds.
struct Before {
  std::string name;
  int number = 1;
  static constexpr std::size_t fields = 2;
};
struct Now {
  int number = 1;
  std::vector<int> more = {7};
  std::string name;
  static constexpr std::size_t fields = 3;
};

}  // namespace

template <>
inline constexpr std::size_t base::count_of<Counted> = 2;

TEST_CASE("fields: names and members of a class, in its order") {
  Inner inner{"x", 2};
  CHECK(base::Fields::names<Inner>() == std::array<std::string_view, 2>{"name", "number"});
  CHECK(base::Fields::names<Pair<std::string>>() == std::array<std::string_view, 2>{"one", "other"});
  CHECK(base::Fields::names<Guarded>() == std::array<std::string_view, 2>{"number_", "half_"});
  std::get<0>(base::Fields::of(inner)) = "y";
  CHECK(inner.name == "y");
}

TEST_CASE("save: every kind of value comes back") {
  CHECK(comes_back(std::numeric_limits<std::int64_t>::min()));
  CHECK(comes_back(std::numeric_limits<std::int64_t>::max()));
  CHECK(comes_back(std::numeric_limits<std::uint64_t>::max()));
  CHECK(comes_back(std::int64_t{-1}));
  CHECK(comes_back(true));
  CHECK(comes_back(Colour::green));
  CHECK(comes_back(std::string("a\0\xff b", 5)));
  CHECK(comes_back(base::Instant(base::Duration(-5))));
  CHECK(comes_back(std::bitset<3>(5)));
  CHECK(comes_back(std::optional<Inner>()));
  CHECK(comes_back(std::optional<Inner>({"x", 3})));
  CHECK(comes_back(std::vector<bool>{true, false}));
  CHECK(comes_back(std::list<Inner>{{"x", 3}, {"", {}}}));
  CHECK(comes_back(std::set<std::pair<int, std::string>>{{2, "b"}, {1, "a"}}));
  CHECK(comes_back(std::map<std::string, std::map<int, Guarded>>{{"x", {{1, Guarded(8)}}}, {"y", {}}}));
  CHECK(comes_back(std::array<Colour, 2>{Colour::green, Colour::red}));
  using Either = std::variant<Nothing, Inner, int>;
  for (const Either& either : {Either(Nothing()), Either(Inner{"x", 3}), Either(4)})
    CHECK(comes_back(either));
}

TEST_CASE("save: what can only be moved comes back, too") {
  std::map<std::string, MoveOnly> all;
  all["x"].number = 3;
  std::map<std::string, MoveOnly> found;
  CHECK(read_into(found, saved(all)) == "");
  CHECK(found.at("x").number == 3);
}

TEST_CASE("save: a class that has changed since finds its members by their names") {
  Now now;
  CHECK(read_into(now, saved(Before{"x", 5})) == "");
  CHECK(now.name == "x");
  CHECK(now.number == 5);
  CHECK(now.more == std::vector{7});  // Not written: as it is when it is made.
}

TEST_CASE("save: a member that the reader does not know may be left out only if it says nothing") {
  Before before;
  CHECK(read_into(before, saved(Now{.number = 5, .more = {}, .name = "x"})) == "");
  CHECK(before.number == 5);
  CHECK(read_into(before, saved(Now{.number = 5, .more = {0}, .name = "x"}))
            .contains("says something about \"more\", which this build does not know"));
}

TEST_CASE("save: what is out of the reader's range is a mistake, and not cut short") {
  std::uint8_t small = 0;
  CHECK(read_into(small, saved(std::uint64_t{256})).contains("out of range"));
  std::bitset<2> set;
  CHECK(read_into(set, saved(std::bitset<3>(4))).contains("does not know"));
  std::array<int, 1> one{};
  CHECK(read_into(one, saved(std::array{1, 2})).contains("longer than this build knows"));
  Colour colour{};
  CHECK(read_into(colour, saved(std::uint8_t{2})).contains("does not know"));
  std::variant<int> narrow;
  CHECK(read_into(narrow, saved(std::variant<int, Inner>(Inner{}))).contains("does not know"));
}

TEST_CASE("save: any damage is found, and everything is empty after the first mistake") {
  const std::string whole = saved(std::vector<Inner>{{"x", 3}, {"y", {}}});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    std::vector<Inner> found;
    CHECK_FALSE(read_into(found, damaged).empty());
    CHECK_FALSE(read_into(found, whole.substr(0, at)).empty());
  }
  std::vector<std::string> texts{"old"};
  CHECK(read_into(texts, saved(7)) ==
        "this cannot be read: there is a number where a list belongs (at byte 12)");
  CHECK(texts.empty());
  int number = 0;
  CHECK(read_into(number, saved(std::pair(1, 2))).contains("there is a list where a number belongs"));
}

TEST_CASE("a class that has a member called fields is counted from outside") {
  CHECK(base::Fields::names<Counted>() == std::array<std::string_view, 2>{"fields", "number"});
  CHECK(comes_back(Counted{.fields = "a", .number = 7}));
}

TEST_CASE("what an object points at is not written, and stays what the reader made it") {
  std::string one = "one", other = "other";
  Pointing found{.own = 1, .other = {&other}};
  CHECK(read_into(found, saved(Pointing{.own = 7, .other = {&one}})).empty());
  CHECK(found.own == 7);
  CHECK(*found.other == "other");
}

TEST_CASE("what is lent is written from where it is, and read into one of the reader's own") {
  const Inner owners{.name = "x", .number = 3};
  save::Lent<Inner> found;
  CHECK(read_into(found, saved(save::Lent<Inner>(owners))).empty());
  CHECK(saved(found) == saved(owners));
  CHECK(found.take() == owners);
}
