#include "core/conversation.h"

#include "core/limits.h"

namespace core {

void remember_elicitation(Conversation& talk, std::string elicitation_id, SessionId session) {
  if (talk.elicitations.size() >= limits::elicitations_per_instance) talk.elicitations.pop_front();
  talk.elicitations.emplace_back(std::move(elicitation_id), session);
}

}  // namespace core
