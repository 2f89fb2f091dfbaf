// Where roots decide who shares a server, and what may reach it before they are known.
#include "broker/context/state.h"

namespace broker {

using core::Instance;
using core::Session;

bool keeps_roots_apart(const Instance& instance) {
  const bool alone = instance.spec.scope == core::Scope::session || instance.channel_of;
  return instance.spec.link == core::Link::stdio && !alone && instance.spec.roots == core::RootsRule::equal &&
         instance.era == proto::Era::legacy;
}

bool roots_matter(const Instance& instance) {
  return instance.spec.cares_for_roots && keeps_roots_apart(instance);
}

bool may_reach(const Session& session, const Instance& instance) {
  if (!roots_matter(instance)) return true;
  if (instance.talk.roots.outdated) return false;
  if (!session.roots) return session.phase == core::Phase::fresh && !instance.common_roots;
  return instance.common_roots && session.roots->same_as(*instance.common_roots);
}

}  // namespace broker
