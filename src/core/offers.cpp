#include "core/offers.h"

namespace core {

std::optional<proto::Revision> Offers::next(std::optional<proto::Revision> known,
                                            const std::vector<proto::Revision>& wanted) const {
  const auto open = [&](proto::Revision revision) {
    return proto::legacy(revision) && !refused_.test(static_cast<std::size_t>(revision));
  };
  if (known && open(*known)) return known;
  if (open(proto::newest_legacy)) return proto::newest_legacy;
  for (const proto::Revision revision : wanted) {
    if (open(revision)) return revision;
  }
  for (auto i = static_cast<std::size_t>(proto::newest_legacy) + 1; i > 0; --i) {
    const auto revision = static_cast<proto::Revision>(i - 1);
    if (open(revision)) return revision;
  }
  return std::nullopt;
}

}  // namespace core
