#include "app/config/wishes.h"

#include <algorithm>
#include <utility>

namespace app {

void Wishes::keep(core::SessionId session, const Wish& wish) {
  Kept kept{.wish = wish, .environment = core::Environment(wish.environment)};
  kept.wish.environment.clear();
  keep(session, std::move(kept));
}

void Wishes::keep(core::SessionId session, Kept kept) {
  for (const auto& [other, one] : all_) kept.environment.share(one.environment);
  all_.insert_or_assign(session, std::move(kept));
}

void Wishes::forget(core::SessionId session) {
  all_.erase(session);
}

void Wishes::each(const std::function<void(core::SessionId, const Wish&)>& visit) const {
  for (const auto& [session, kept] : all_) {
    Wish wish = kept.wish;
    wish.environment = kept.environment.map();
    visit(session, wish);
  }
}

Wishes::Saved Wishes::saved() const {
  Saved saved;
  std::vector<core::Environment> known;
  for (const auto& [session, kept] : all_) {
    const auto found = std::ranges::find_if(
        known, [&](const core::Environment& one) { return one.shares_with(kept.environment); });
    const auto place = static_cast<std::size_t>(found - known.begin());
    if (found == known.end()) {
      known.push_back(kept.environment);
      saved.environments.push_back(kept.environment.map());
    }
    const auto* attach = std::get_if<AttachWish>(&kept.wish.server);
    const auto* run = std::get_if<RunWish>(&kept.wish.server);
    saved.wishes.push_back({.session = session,
                            .by_name = attach != nullptr,
                            .attach = attach != nullptr ? *attach : AttachWish{},
                            .run = run != nullptr ? *run : RunWish{},
                            .cwd = kept.wish.cwd,
                            .cwd_lost = kept.wish.cwd_lost,
                            .inheritance = kept.wish.inheritance,
                            .environment = place});
  }
  return saved;
}

void Wishes::resume(Saved saved) {
  std::vector<core::Environment> known(saved.environments.begin(), saved.environments.end());
  for (Saved::One& one : saved.wishes) {
    Kept kept;
    kept.wish.server = one.by_name ? std::variant<AttachWish, RunWish>(std::move(one.attach))
                                   : std::variant<AttachWish, RunWish>(std::move(one.run));
    kept.wish.cwd = std::move(one.cwd);
    kept.wish.cwd_lost = std::move(one.cwd_lost);
    kept.wish.inheritance = std::move(one.inheritance);
    if (one.environment < known.size()) kept.environment = known[one.environment];
    all_.insert_or_assign(one.session, std::move(kept));
  }
}

}  // namespace app
