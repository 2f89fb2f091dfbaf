#include "core/instance.h"

#include "core/limits.h"

namespace core {

void remember_elicitation(Instance& instance, std::string elicitation_id, SessionId session) {
  if (instance.elicitations.size() >= limits::elicitations_per_instance) instance.elicitations.pop_front();
  instance.elicitations.emplace_back(std::move(elicitation_id), session);
}

}  // namespace core
