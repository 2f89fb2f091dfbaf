// The variables that a server is started with, in order of their names.
//
// One block of text, which copies share: it never changes, and a changed variable makes another block. A
// session has some dozens of variables, and its client gives the same to every server that it wants.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace core {

class Environment {
 public:
  using Map = std::map<std::string, std::string>;
  struct Variable {
    std::string_view name, value;
  };

  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Variable;
    using difference_type = std::ptrdiff_t;
    using pointer = const Variable*;
    using reference = const Variable&;

    Iterator() = default;
    explicit Iterator(std::string_view rest) : rest_(rest) { read(); }
    const Variable& operator*() const { return variable_; }
    const Variable* operator->() const { return &variable_; }
    Iterator& operator++();
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return rest_.size() == other.rest_.size(); }

   private:
    void read();
    std::string_view rest_;  // From this variable on.
    Variable variable_;
  };

  Environment() = default;
  Environment(const Map& variables);
  Environment(std::initializer_list<Map::value_type> variables) : Environment(Map(variables)) {}

  Iterator begin() const { return Iterator(block_.text); }
  Iterator end() const { return {}; }
  bool empty() const { return block_.size() == 0; }
  std::size_t size() const { return static_cast<std::size_t>(std::distance(begin(), end())); }
  std::optional<std::string_view> find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name).has_value(); }
  Map map() const;

  void set(const std::string& name, std::string value);
  void erase(const std::string& name);

  bool operator==(const Environment& other) const { return block_.text == other.block_.text; }
  // If the other says the same, its block from now on.
  void share(const Environment& other);
  bool shares_with(const Environment& other) const { return block_.text.data() == other.block_.text.data(); }

 private:
  base::Bytes block_;  // Of each variable: the lengths of name and value, the name, the value.
};

}  // namespace core
