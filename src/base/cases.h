// One function for each alternative of a variant, for std::visit.
#pragma once

namespace base {

template <class... Handlers>
struct Cases : Handlers... {
  using Handlers::operator()...;
};

}  // namespace base
