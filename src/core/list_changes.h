// "The list has changed", told soon and not too often.
//
// The first of a burst goes out at once; what follows within the window is told once, at its end. None is
// ever lost: a change after the last telling is always followed by another telling.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fields.h"
#include "base/time.h"

namespace core {

enum class ListKind : std::uint8_t { tools, prompts, resources };
inline constexpr std::array list_kinds{ListKind::tools, ListKind::prompts, ListKind::resources};
std::string_view notice_of(ListKind kind);  // The method of the notification that tells of a change.

class ListChanges {
 public:
  // True: tell it now. False: deadline() will remind.
  bool changed(ListKind kind, base::Instant now);
  std::optional<base::Instant> deadline() const;
  // True: this kind has to be told now. Ask for each kind when the deadline has come.
  bool due(ListKind kind, base::Instant now);
  // A change that has not been told yet.
  bool pending(ListKind kind) const { return kinds_[static_cast<std::size_t>(kind)].again; }
  void clear() { kinds_ = {}; }

  static constexpr std::size_t fields = 1;
  friend struct base::Fields;

 private:
  struct Kind {
    std::optional<base::Instant> window_ends;
    bool again = false;
    static constexpr std::size_t fields = 2;
  };
  Kind& of(ListKind kind) { return kinds_[static_cast<std::size_t>(kind)]; }

  std::array<Kind, 3> kinds_;
};

}  // namespace core
