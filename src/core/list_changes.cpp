#include "core/list_changes.h"

#include "core/limits.h"
#include "proto/method.h"

namespace core {

std::string_view notice_of(ListKind kind) {
  switch (kind) {
    case ListKind::tools:
      return proto::name_of(proto::Method::tools_list_changed);
    case ListKind::prompts:
      return proto::name_of(proto::Method::prompts_list_changed);
    case ListKind::resources:
      return proto::name_of(proto::Method::resources_list_changed);
  }
  return {};
}

bool ListChanges::changed(ListKind kind, base::Instant now) {
  Kind& state = of(kind);
  if (state.window_ends && now < *state.window_ends) {
    state.again = true;
    return false;
  }
  state = {now + limits::list_change_window, false};
  return true;
}

std::optional<base::Instant> ListChanges::deadline() const {
  std::optional<base::Instant> first;
  for (const Kind& kind : kinds_) {
    if (kind.again && (!first || *kind.window_ends < *first)) first = kind.window_ends;
  }
  return first;
}

bool ListChanges::due(ListKind kind, base::Instant now) {
  Kind& state = of(kind);
  if (!state.again || now < *state.window_ends) return false;
  state = {now + limits::list_change_window, false};
  return true;
}

}  // namespace core
