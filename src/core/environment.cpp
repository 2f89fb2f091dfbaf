#include "core/environment.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace core {
namespace {

using Lengths = std::array<std::uint32_t, 2>;  // Of its name and its value.

void add(std::string& block, const std::string& name, const std::string& value) {
  const Lengths lengths{static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())};
  block.append(reinterpret_cast<const char*>(lengths.data()), sizeof lengths);
  block += name;
  block += value;
}

}  // namespace

void Environment::Iterator::read() {
  if (rest_.empty()) return;
  Lengths lengths;
  std::memcpy(lengths.data(), rest_.data(), sizeof lengths);
  variable_ = {rest_.substr(sizeof lengths, lengths[0]),
               rest_.substr(sizeof lengths + lengths[0], lengths[1])};
}

Environment::Iterator& Environment::Iterator::operator++() {
  rest_.remove_prefix(sizeof(Lengths) + variable_.name.size() + variable_.value.size());
  read();
  return *this;
}

Environment::Environment(const Map& variables) {
  std::size_t size = 0;
  for (const auto& [name, value] : variables) size += sizeof(Lengths) + name.size() + value.size();
  if (size == 0) return;
  std::string block;
  block.reserve(size);
  for (const auto& [name, value] : variables) add(block, name, value);
  block_ = base::Bytes::copy(std::move(block));
}

std::optional<std::string_view> Environment::find(std::string_view name) const {
  for (const Variable& variable : *this) {
    if (variable.name == name) return variable.value;
  }
  return std::nullopt;
}

Environment::Map Environment::map() const {
  Map variables;
  for (const Variable& variable : *this)
    variables.emplace_hint(variables.end(), variable.name, variable.value);
  return variables;
}

void Environment::set(const std::string& name, std::string value) {
  Map variables = map();
  variables[name] = std::move(value);
  *this = Environment(variables);
}

void Environment::erase(const std::string& name) {
  Map variables = map();
  variables.erase(name);
  *this = Environment(variables);
}

void Environment::share(const Environment& other) {
  if (*this == other) block_ = other.block_;
}

}  // namespace core
